/** Products of matrices. */

import type { Value } from '../../import-graph.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known, Tensor } from '../values.ts';
import { sizeOf } from '../values.ts';
import { dimsOf, known, rankOf } from './arguments.ts';
import { broadcastDims } from './broadcast.ts';

interface Operand {
  readonly value: Value;
  readonly dims: readonly Dim[];
}

/** The matrix, its last two axes exchanged if asked: of a constant when it is written. */
function operand(emitter: Emitter, input: Known, isTurned: boolean): Operand {
  const dims = dimsOf(input);
  if (!isTurned) return { value: emitter.useSource(input), dims };
  const rank = dims.length;
  const perm = [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];
  const turned = perm.map((axis) => dims[axis] as Dim);
  if (input.kind === 'constant') return { value: emitter.permuted(input, perm), dims: turned };
  const value = emitter.useSource(input);
  const made = { dtype: value.dtype, shape: turned.map(sizeOf) };
  return { value: emitter.graph.apply('Transpose', [value], made, { perm }), dims: turned };
}

function multiply(
  operation: Operation,
  emitter: Emitter,
  a: Operand,
  b: Operand,
  type: Known['type'],
): Tensor {
  const [inner, other] = [a.dims.at(-1), b.dims.at(-2)];
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other) {
    return operation.refuse(`it multiplies rows of ${inner} with columns of ${other}`);
  }
  const batch = broadcastDims(operation, [a.dims.slice(0, -2), b.dims.slice(0, -2)]);
  const dims = [...batch, a.dims.at(-2) as Dim, b.dims.at(-1) as Dim];
  return emitter.apply('MatMul', [a.value, b.value], { type, dims });
}

const product =
  (turnA: string, turnB: string): Handler =>
  (operation, inputs, { emitter }) => {
    const [x, y] = [known(operation, inputs, 0), known(operation, inputs, 1)];
    if (rankOf(x) < 2 || rankOf(y) < 2)
      return operation.refuse('it multiplies what are no matrices');
    const a = operand(emitter, x, operation.bool(turnA, false));
    const b = operand(emitter, y, operation.bool(turnB, false));
    return multiply(operation, emitter, a, b, x.type);
  };

/** Letters for axes; `...` stands for those before, as ONNX has it too. */
const einsum: Handler = (operation, inputs, { emitter }) => {
  const equation = operation.text('equation', '').replaceAll(' ', '');
  const [left = '', right = ''] = equation.split('->');
  const all = inputs.map((_, i) => known(operation, inputs, i));
  const sizes = new Map<string, Dim>();
  let before: readonly Dim[] = [];
  left.split(',').forEach((term, i) => {
    const dims = dimsOf(all[i] ?? operation.refuse('it has fewer inputs than its equation'));
    const letters = [...term.replace('...', '')];
    const hidden = dims.length - letters.length;
    const cut = term.includes('...') ? term.indexOf('...') : term.length;
    const outer = dims.slice(cut, cut + hidden);
    if (outer.length > before.length) before = outer;
    [...dims.slice(0, cut), ...dims.slice(cut + hidden)].forEach((dim, k) => {
      const letter = letters[k] ?? '';
      if (!sizes.has(letter) || typeof dim === 'number') sizes.set(letter, dim);
    });
  });
  const dims = right
    .split(/(\.\.\.)/)
    .flatMap((part): readonly (Dim | null)[] =>
      part === '...' ? before : [...part].map((letter) => sizes.get(letter) ?? null),
    );
  const values = all.map((input) => emitter.useSource(input));
  return emitter.apply('Einsum', values, { type: (all[0] as Known).type, dims }, { equation });
};

export const productHandlers: Handlers = {
  MatMul: product('transpose_a', 'transpose_b'),
  BatchMatMul: product('adj_x', 'adj_y'),
  BatchMatMulV2: product('adj_x', 'adj_y'),
  BatchMatMulV3: product('adj_x', 'adj_y'),
  Einsum: einsum,
};
