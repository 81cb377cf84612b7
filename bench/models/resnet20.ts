/**
 * ResNet20 for CIFAR pictures with seeded weights: `input` FP32 [N, 3, 32, 32] → `output` FP32 [N, 10].
 * Source: He et al. 2015, section 4.2 (n = 3), with projections where the width changes.
 */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import type { Random } from '../../test/models/random.ts';
import { createRandom } from '../../test/models/random.ts';
import { classify, conv, relu } from './resnet.ts';

const widths = [16, 32, 64];
const blocksPerStage = 3;

export function resnet20(seed = 20): Graph {
  const graph = createGraph('resnet20');
  const random = createRandom(seed);
  graph.input('input', 'FP32', ['N', 3, 32, 32]);
  let x = relu(graph, conv(graph, random, 'input', { inputs: 3, outputs: 16, kernel: 3 }));
  let channels = 16;
  for (const width of widths) {
    for (let block = 0; block < blocksPerStage; block += 1) {
      x = basicBlock(graph, random, x, channels, width);
      channels = width;
    }
  }
  classify(graph, random, x, channels, 10);
  graph.output('output', 'FP32', ['N', 10]);
  return graph;
}

/** Two 3×3 convolutions; the first halves the picture where the width grows. */
function basicBlock(
  graph: Graph,
  random: Random,
  x: string,
  inputs: number,
  outputs: number,
): string {
  const stride = inputs === outputs ? 1 : 2;
  const first = relu(graph, conv(graph, random, x, { inputs, outputs, kernel: 3, stride }));
  const second = { inputs: outputs, outputs, kernel: 3, gain: 0.3 };
  const branch = conv(graph, random, first, second);
  const project = { inputs, outputs, kernel: 1, stride, gain: 0.7 };
  const skip = stride === 1 ? x : conv(graph, random, x, project);
  return relu(graph, graph.apply('Add', [branch, skip]));
}
