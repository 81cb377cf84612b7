/**
 * ResNet50 v1.5 (the stride in the 3×3 convolution, as torchvision has it) with seeded weights:
 * `input` FP32 [N, 3, 224, 224] → `output` FP32 [N, 1000]; 25.5 million weights, 4.1 GMAC a picture.
 * Source: He et al. 2015, table 1; torchvision.models.resnet50.
 */

import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import type { Random } from '../../test/models/random.ts';
import { createRandom } from '../../test/models/random.ts';
import { classify, conv, relu } from './resnet.ts';

const stages = [
  { width: 64, blocks: 3, stride: 1 },
  { width: 128, blocks: 4, stride: 2 },
  { width: 256, blocks: 6, stride: 2 },
  { width: 512, blocks: 3, stride: 2 },
];
const expansion = 4;

export function resnet50(seed = 50): Graph {
  const graph = createGraph('resnet50');
  const random = createRandom(seed);
  graph.input('input', 'FP32', ['N', 3, 224, 224]);
  let x = stem(graph, random);
  let channels = 64;
  for (const { width, blocks, stride } of stages) {
    for (let block = 0; block < blocks; block += 1) {
      x = bottleneck(graph, random, x, { channels, width, stride: block === 0 ? stride : 1 });
      channels = width * expansion;
    }
  }
  classify(graph, random, x, channels, 1000);
  graph.output('output', 'FP32', ['N', 1000]);
  return graph;
}

function stem(graph: Graph, random: Random): string {
  const x = conv(graph, random, 'input', { inputs: 3, outputs: 64, kernel: 7, stride: 2 });
  return graph.apply('MaxPool', [relu(graph, x)], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  });
}

interface Block {
  readonly channels: number;
  readonly width: number;
  readonly stride: number;
}

/** 1×1 to `width`, 3×3 with the stride, 1×1 to four times `width`; added to x or its projection. */
function bottleneck(graph: Graph, random: Random, x: string, block: Block): string {
  const { channels, width, stride } = block;
  const outputs = width * expansion;
  const narrow = conv(graph, random, x, { inputs: channels, outputs: width, kernel: 1 });
  const square = { inputs: width, outputs: width, kernel: 3, stride };
  const middle = conv(graph, random, relu(graph, narrow), square);
  const wide = { inputs: width, outputs, kernel: 1, gain: 0.3 };
  const branch = conv(graph, random, relu(graph, middle), wide);
  const project = { inputs: channels, outputs, kernel: 1, stride, gain: 0.7 };
  const skip = channels === outputs ? x : conv(graph, random, x, project);
  return relu(graph, graph.apply('Add', [branch, skip]));
}
