/**
 * Einstein sums. One that is a matrix product becomes one (its weights reshaped, no transposes); the
 * others go to ONNX's Einsum.
 */

import type { ImportGraph, Size, Value } from './import-graph.ts';
import { InvalidModelError } from './problems.ts';
import type { Weight } from './weight.ts';
import { countOf, reshapeWeight } from './weight.ts';

export interface Equation {
  readonly inputs: readonly string[];
  readonly output: string;
}

/** Parses `ab,bc->ac`; an ellipsis becomes the letters that it stands for, capital ones. */
export function parseEquation(text: string, ranks: readonly number[], place: string): Equation {
  const [left = '', output, ...rest] = text.replace(/\s+/g, '').split('->');
  const inputs = left.split(',');
  if (output === undefined || rest.length > 0 || inputs.length !== ranks.length) {
    throw new InvalidModelError(
      place,
      `the equation '${text.slice(0, 100)}' does not fit its inputs`,
    );
  }
  const wide = inputs.map((input, i) => (ranks[i] as number) - input.replace('...', '').length);
  const most = Math.max(
    0,
    ...inputs.map((input, i) => (input.includes('...') ? (wide[i] as number) : 0)),
  );
  const letters = 'ABCDEFGHIJ'.slice(0, most);
  const expanded = inputs.map((input, i) =>
    input.replace('...', letters.slice(letters.length - Math.max(0, wide[i] as number))),
  );
  const whole = output.replace('...', letters);
  const isSound = expanded.every(
    (input, i) => /^[a-zA-Z]*$/.test(input) && input.length === ranks[i],
  );
  if (!isSound || !/^[a-zA-Z]*$/.test(whole)) {
    throw new InvalidModelError(
      place,
      `the equation '${text.slice(0, 100)}' does not fit its inputs`,
    );
  }
  return { inputs: expanded, output: whole };
}

export function einsumShape(
  { inputs, output }: Equation,
  shapes: readonly (readonly Size[])[],
): Size[] {
  const sizes = new Map<string, Size>();
  for (const [i, input] of inputs.entries()) {
    for (const [axis, letter] of [...input].entries()) {
      sizes.set(letter, sizes.get(letter) ?? shapes[i]?.[axis] ?? null);
    }
  }
  return [...output].map((letter) => sizes.get(letter) ?? null);
}

export function einsum(graph: ImportGraph, values: readonly Value[], equation: Equation): Value {
  const sources = values.map((value) => graph.toSource(value));
  const shape = einsumShape(
    equation,
    sources.map((value) => value.shape),
  );
  const text = `${equation.inputs.join(',')}->${equation.output}`;
  return graph.apply(
    'Einsum',
    sources,
    { shape, dtype: sources[0]?.dtype ?? 'FP32' },
    { equation: text },
  );
}

/** A value times a kernel, by an equation of two inputs. */
export function einsumWithWeight(
  graph: ImportGraph,
  value: Value,
  kernel: Weight,
  equation: Equation,
  name: string,
): Value {
  const product = asProduct(graph, value, kernel, equation, name);
  return product ?? einsum(graph, [value, graph.weight(name, kernel)], equation);
}

/** `(batch)(summed),(summed)(new)->(batch)(new)`: a plain product of matrices. */
function asProduct(
  graph: ImportGraph,
  value: Value,
  kernel: Weight,
  { inputs, output }: Equation,
  name: string,
): Value | undefined {
  const [x = '', k = ''] = inputs;
  const summed = [...k].filter((letter) => x.includes(letter)).join('');
  const kept = x.slice(0, x.length - summed.length);
  const fresh = k.slice(summed.length);
  const fits = x === kept + summed && k === summed + fresh && output === kept + fresh;
  if (!fits || summed === '' || fresh === '' || kept === '') return undefined;
  const source = graph.toSource(value);
  const inner = kernel.shape.slice(0, summed.length);
  const outer = kernel.shape.slice(summed.length);
  const matrix = graph.weight(name, reshapeWeight(kernel, [countOf(inner), countOf(outer)]));
  const batch = source.shape.slice(0, kept.length);
  const flat = inner.length === 1 ? source : reshapeTail(graph, source, batch, [countOf(inner)]);
  const product = graph.apply('MatMul', [flat, matrix], { shape: [...batch, countOf(outer)] });
  return outer.length === 1 ? product : reshapeTail(graph, product, batch, outer);
}

/** Other sizes behind the first axes, which stay as they are. */
export function reshapeTail(
  graph: ImportGraph,
  value: Value,
  head: readonly Size[],
  tail: readonly number[],
): Value {
  // 0 keeps the size of the axis in that place.
  const target = graph.ints([...head.map((size) => size ?? 0), ...tail]);
  return graph.apply('Reshape', [value, target], { dtype: value.dtype, shape: [...head, ...tail] });
}
