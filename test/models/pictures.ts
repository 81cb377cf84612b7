/**
 * Models that take a picture. Each scores a class by the mean of one channel (or of all), times 10, so
 * that a red picture wins class 0, a green one class 1 and a blue one class 2.
 */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';

export interface PictureOptions {
  readonly layout?: 'nchw' | 'nhwc';
  readonly channels?: 1 | 3;
  readonly size?: number;
  /** Ends with Softmax, so that the output is probabilities. */
  readonly softmax?: boolean;
}

/** `input` FP32 [N, channels, size, size] or [N, size, size, channels] → `scores` FP32 [N, channels]. */
export function picture(options: PictureOptions = {}): Graph {
  const { layout = 'nchw', channels = 3, size = 32, softmax = false } = options;
  const graph = createGraph(`picture_${layout}_${channels}`);
  const nchw = layout === 'nchw';
  const shape = nchw ? ['N', channels, size, size] : ['N', size, size, channels];
  const x = graph.input('input', 'FP32', shape);
  const means = graph.apply('ReduceMean', [x], { axes: nchw ? [2, 3] : [1, 2], keepdims: 0 });
  const scores = graph.apply('Mul', [means, graph.floats(10)]);
  const op = softmax ? 'Softmax' : 'Identity';
  graph.node({ op, inputs: [scores], outputs: ['scores'] });
  graph.output('scores', 'FP32', ['N', channels]);
  return graph;
}

/** `image` UINT8 [N, size, size, 3] → `scores` FP32 [N, 3]: a graph that takes pixels as they are. */
export function pixels(size = 32): Graph {
  const graph = createGraph('pixels');
  const x = graph.input('image', 'UINT8', ['N', size, size, 3]);
  const numbers = graph.apply('Cast', [x], { to: 1 });
  const means = graph.apply('ReduceMean', [numbers], { axes: [1, 2], keepdims: 0 });
  graph.node({ op: 'Div', inputs: [means, graph.floats(25.5)], outputs: ['scores'] });
  graph.output('scores', 'FP32', ['N', 3]);
  return graph;
}
