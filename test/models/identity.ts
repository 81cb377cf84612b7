/** Models that give back what they get, one a dtype: what the transports are tested with. */

import type { ElementType } from '../../src/onnx/element-type.ts';
import type { Graph } from '../../src/onnx/graph-builder.ts';
import { createGraph } from '../../src/onnx/graph-builder.ts';
import type { Dim } from '../../src/onnx/value-type.ts';
import type { DType } from '../../src/tensor/dtype.ts';

/** The dtypes that ONNX Runtime's Node binding takes and gives. */
export const identityDTypes = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
] as const satisfies readonly DType[];

/** x [rows, columns] → y the same; named `identity-<dtype>` in lower case. */
export function identity(dtype: ElementType, shape: readonly Dim[] = ['rows', 'columns']): Graph {
  const graph = createGraph(`identity-${dtype.toLowerCase()}`);
  const x = graph.input('x', dtype, shape);
  graph.node({ op: 'Identity', inputs: [x], outputs: ['y'] });
  graph.output('y', dtype, shape);
  return graph;
}

/** x FP32 of any rank → y = −x; the file says nothing of the shape. */
export function anyRank(): Graph {
  const graph = createGraph('any_rank');
  graph.node({ op: 'Neg', inputs: [graph.input('x', 'FP32')], outputs: ['y'] });
  graph.output('y', 'FP32');
  return graph;
}

/** texts BYTES [-1] → the same with "!" behind each; needs opset 20 (`exclaimOptions`). */
export function exclaim(): Graph {
  const graph = createGraph('exclaim');
  const texts = graph.input('texts', 'BYTES', ['batch']);
  const mark = graph.initialiser('mark', 'BYTES', [1], ['!']);
  graph.node({ op: 'StringConcat', inputs: [texts, mark], outputs: ['loud'] });
  graph.output('loud', 'BYTES', ['batch']);
  return graph;
}

export const exclaimOptions = { opset: 20, irVersion: 9 } as const;
