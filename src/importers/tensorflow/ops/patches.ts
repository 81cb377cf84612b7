/** Pictures cut into patches, and values rounded as quantised training does. */

import { constantOf, listOf } from '../constant.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known, Tensor } from '../values.ts';
import { constantAt, known } from './arguments.ts';
import { asTensor, elementwise, unary } from './broadcast.ts';
import { planWindows, spatial } from './windows.ts';

/** A convolution that copies: each place of the window becomes channels of its own, [row, column, channel]. */
const extractPatches: Handler = (operation, inputs, { emitter }) => {
  const tensor = asTensor(emitter, known(operation, inputs, 0));
  const [rows = 1, columns = 1] = spatial(operation, 'ksizes', 4);
  const channels = tensor.dims[3];
  if (typeof channels !== 'number')
    return operation.refuse('its input has an open number of channels');
  const out = rows * columns * channels;
  const filter = new Float32Array(out * channels * rows * columns);
  for (let i = 0; i < out; i += 1) {
    const channel = i % channels;
    const place = (i - channel) / channels;
    filter[(i * channels + channel) * rows * columns + place] = 1;
  }
  const windows = {
    kernel: [rows, columns],
    strides: spatial(operation, 'strides', 4),
    dilations: spatial(operation, 'rates', 4),
  };
  const plan = planWindows(operation, emitter, tensor, windows, false);
  const weights = constantOf(tensor.type, [out, channels, rows, columns], filter);
  const dims = [tensor.dims[0] as Dim, ...plan.places, out];
  const made = { type: tensor.type, dims, layout: 'channels-first' as const };
  return emitter.apply('Conv', [plan.value, emitter.initialiser(weights)], made, plan.attributes);
};

/** The range moved so that 0 is one of its steps. Source: fake_quant_ops_functor.h, `Nudge`. */
function nudge(least: number, most: number, steps: number, first: number) {
  // In single precision: a half is rounded up or down by its last digit.
  const scale = Math.fround(Math.fround(most - least) / (steps - first));
  const from = Math.fround(first - Math.fround(least / scale));
  const zero = Math.min(Math.max(Math.round(from), first), steps);
  return { scale, least: (first - zero) * scale, most: (steps - zero) * scale };
}

/** Values as quantised training rounds them: one range, or one for each channel. */
const fakeQuantise =
  (
    range: (operation: Operation, inputs: Parameters<Handler>[1]) => [number[], number[]],
  ): Handler =>
  (operation, inputs, { emitter }) => {
    const input = known(operation, inputs, 0);
    const [least, most] = range(operation, inputs);
    const steps = 2 ** operation.int('num_bits', 8) - 1;
    const first = operation.bool('narrow_range', false) ? 1 : 0;
    const all = least.map((value, i) => nudge(value, most[i] ?? 0, steps, first));
    const shape = all.length === 1 ? [] : [all.length];
    const constant = (pick: (one: (typeof all)[number]) => number): Known =>
      constantOf(input.type, shape, all.map(pick));
    const apply = (op: string, a: Known, b: Known): Tensor =>
      elementwise(operation, emitter, op, [a, b], input.type);
    const low = constant((one) => one.least);
    const clamped = apply(
      'Min',
      apply('Max', input, low),
      constant((one) => one.most),
    );
    const scaled = apply(
      'Mul',
      apply('Sub', clamped, low),
      constant(({ scale }) => 1 / scale),
    );
    const half = constantOf(input.type, [], [0.5]);
    const rounded = unary(emitter, 'Floor', apply('Add', scaled, half));
    return apply(
      'Add',
      apply(
        'Mul',
        rounded,
        constant(({ scale }) => scale),
      ),
      low,
    );
  };

const ofInputs = fakeQuantise((operation, inputs) => [
  listOf(constantAt(operation, inputs, 1)),
  listOf(constantAt(operation, inputs, 2)),
]);

export const patchHandlers: Handlers = {
  ExtractImagePatches: extractPatches,
  FakeQuantWithMinMaxVars: ofInputs,
  FakeQuantWithMinMaxVarsPerChannel: ofInputs,
  FakeQuantWithMinMaxArgs: fakeQuantise((operation) => [
    [operation.float('min', -6)],
    [operation.float('max', 6)],
  ]),
};
