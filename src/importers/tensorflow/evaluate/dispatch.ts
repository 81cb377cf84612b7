/**
 * Finds the handler of an operator and gives it what it can use: known numbers are computed ahead, sizes
 * stay sizes, branches that are not taken stay out.
 */

import { InvalidModelError, UnsupportedModelError, withPlace } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import { fold } from '../fold/fold.ts';
import { arithmeticHandlers } from '../ops/arithmetic.ts';
import { bandHandlers } from '../ops/bands.ts';
import { convolutionHandlers } from '../ops/convolutions.ts';
import { counterResult, plainCounters } from '../ops/counters.ts';
import { everyRow } from '../ops/every-row.ts';
import { listHandlers } from '../ops/lists.ts';

import { normalisationHandlers } from '../ops/normalisation.ts';
import { paddingHandlers } from '../ops/paddings.ts';
import { partHandlers } from '../ops/parts.ts';
import { patchHandlers } from '../ops/patches.ts';
import { pictureHandlers, pictureShapeHandlers } from '../ops/pictures.ts';
import { poolingHandlers } from '../ops/pooling.ts';
import { productHandlers } from '../ops/products.ts';
import { reductionHandlers } from '../ops/reductions.ts';
import { shapeHandlers } from '../ops/shapes.ts';
import { combineSizeLists } from '../ops/sizes.ts';
import { sliceHandlers } from '../ops/slices.ts';
import { stateHandlers, variableValue } from '../ops/state.ts';
import { loopHandlers } from '../ops/while.ts';
import type { TfValue } from '../values.ts';
import { nothing } from '../values.ts';
import type { Context, Handler, Handlers } from './context.ts';
import type { Operation } from './operation.ts';

const handlers: Handlers = {
  ...stateHandlers,
  ...arithmeticHandlers,
  ...reductionHandlers,
  ...shapeHandlers,
  ...partHandlers,
  ...paddingHandlers,
  ...patchHandlers,
  ...bandHandlers,
  ...sliceHandlers,
  ...convolutionHandlers,
  ...poolingHandlers,
  ...normalisationHandlers,
  ...productHandlers,
  ...listHandlers,
  ...loopHandlers,
  ...pictureHandlers,
};

/** All operators that are converted, by name. */
export const supportedOps: readonly string[] = Object.keys(handlers).sort();

/** Operators whose results nothing is computed from: their inputs are not looked at. */
const ignored = new Set(['NoOp', 'Assert', 'Placeholder', 'PlaceholderV2']);
export const takesNothing = (op: string): boolean => ignored.has(op);

/** More outputs than any operator of a branch that is not taken is asked for. */
const manyNothings: readonly TfValue[] = new Array<TfValue>(256).fill(nothing);

/** The outputs of a node. Throws InvalidModelError and UnsupportedModelError with its place. */
export function dispatch(
  operation: Operation,
  inputs: readonly TfValue[],
  context: Context,
): readonly TfValue[] {
  const isMerge = operation.op === 'Merge' || operation.op === 'RefMerge';
  if (!isMerge && inputs.some(({ kind }) => kind === 'nothing')) return manyNothings;
  try {
    const result = withPlace(operation.place, () =>
      evaluate(operation, resolve(operation, inputs, context), context),
    );
    return 'kind' in result ? [result] : result;
  } catch (error) {
    throw located(operation, error);
  }
}

/** Variables of TensorFlow 1 stand for their values. */
function resolve(
  operation: Operation,
  inputs: readonly TfValue[],
  { conversion }: Context,
): readonly TfValue[] {
  if (!inputs.some((input) => input.kind === 'variable' && !input.isHandle)) return inputs;
  return inputs.map((input) =>
    input.kind === 'variable' && !input.isHandle
      ? variableValue(conversion, input, operation.place)
      : input,
  );
}

function evaluate(
  operation: Operation,
  inputs: readonly TfValue[],
  context: Context,
): TfValue | readonly TfValue[] {
  const { op } = operation;
  if (inputs.length > 0 && inputs.every((input): input is Constant => input.kind === 'constant')) {
    const folded = fold(operation, inputs);
    if (folded) return folded;
  }
  const sizes = combineSizeLists(operation, inputs);
  if (sizes) return sizes;
  if (inputs.some(({ kind }) => kind === 'counter' || kind === 'condition')) {
    const counted = counterResult(operation, inputs);
    if (counted) return counted;
  }
  if (inputs[0]?.kind === 'pictures' && Object.hasOwn(pictureShapeHandlers, op)) {
    return (pictureShapeHandlers[op] as Handler)(operation, inputs, context);
  }
  const plainInputs = plainCounters(operation, inputs);
  return everyRow(operation, plainInputs, (plain) =>
    handlerOf(operation, context)(operation, plain, context),
  );
}

function handlerOf(operation: Operation, { conversion }: Context): Handler {
  const { op } = operation;
  if (Object.hasOwn(handlers, op)) return handlers[op] as Handler;
  // TensorFlow 1 calls a function by using its name as an operator.
  if (conversion.functions.has(op)) {
    return (called, inputs, context) =>
      context.call(op, inputs, called.name, called.node.attributes);
  }
  const reason = reasons.find(({ ops }) => ops.test(op));
  if (reason) return operation.refuse(reason.what, reason.instead);
  return operation.refuse(
    'is not supported',
    `docs/formats-tensorflow.md lists the ${supportedOps.length} operators that are`,
  );
}

/** Operators that cannot be converted by their nature. */
const reasons = [
  {
    ops: /^(Stateless)?(Random|Rng|Truncated|ParameterizedTruncated|Multinomial)/,
    what: 'it draws random numbers, so every answer would be another one',
    instead:
      'export the model without augmentation and dropout, or serve its .keras file, in which they do nothing',
  },
  {
    ops: /HashTable|LookupTable/,
    what: 'it looks up texts or numbers in a table, which is not supported',
    instead: 'export the part of the model behind it, and look up before the request',
  },
] as const;

function located(operation: Operation, error: unknown): unknown {
  const isKnown = error instanceof InvalidModelError || error instanceof UnsupportedModelError;
  if (isKnown || !(error instanceof TypeError || error instanceof RangeError)) return error;
  return new InvalidModelError(operation.place, `it does not fit its inputs (${error.message})`);
}
