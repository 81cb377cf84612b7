/** The layers that the bench's ResNets share; BatchNorm is folded into the convolutions, as deployed. */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import type { Random } from '../../test/models/random.ts';
import { spread } from '../../test/models/random.ts';

export interface ConvOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  /** Scales the He deviation; below 1 on a residual branch keeps deep sums finite. */
  readonly gain?: number;
}

/** x [N, inputs, H, W] → [N, outputs, H / stride, W / stride], with bias. */
export function conv(graph: Graph, random: Random, x: string, options: ConvOptions): string {
  const { inputs, outputs, kernel, stride = 1, gain = 1 } = options;
  const fanIn = inputs * kernel * kernel;
  const weights = spread(random, outputs * fanIn, gain * Math.sqrt(2 / fanIn));
  const shape = [outputs, inputs, kernel, kernel];
  const w = graph.initialiser('conv_weight', 'FP32', shape, weights);
  const b = graph.initialiser('conv_bias', 'FP32', [outputs], spread(random, outputs, 0.05));
  const pad = (kernel - 1) >> 1;
  return graph.apply('Conv', [x, w, b], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  });
}

/** x [N, inputs, H, W] → mean over H and W → [N, outputs] named `output`. */
export function classify(
  graph: Graph,
  random: Random,
  x: string,
  inputs: number,
  outputs: number,
): string {
  const flat = graph.apply('Flatten', [graph.apply('GlobalAveragePool', [x])]);
  const weights = spread(random, inputs * outputs, Math.sqrt(1 / inputs));
  const w = graph.initialiser('fc_weight', 'FP32', [outputs, inputs], weights);
  const b = graph.initialiser('fc_bias', 'FP32', [outputs], spread(random, outputs, 0.05));
  graph.node({ op: 'Gemm', inputs: [flat, w, b], outputs: ['output'], attributes: { transB: 1 } });
  return 'output';
}

export const relu = (graph: Graph, x: string): string => graph.apply('Relu', [x]);
