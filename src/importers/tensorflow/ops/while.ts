/** Loops as TensorFlow 2 writes them: an operator with a function for the condition and one for the body. */

import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { TfValue } from '../values.ts';
import type { LoopParts } from './loops.ts';
import { runLoop } from './loops.ts';

const whileLoop: Handler = (operation, inputs, context) => {
  const [condition, body] = [operation.func('cond'), operation.func('body')];
  const call = (func: typeof body) => (variables: readonly TfValue[], emitter: Emitter) =>
    context.call(func.name, variables, operation.name, func.attributes, emitter);
  const parts: LoopParts = {
    operation,
    initial: inputs,
    condition: (variables, emitter) =>
      call(condition)(variables, emitter)[0] ?? operation.refuse('its condition gives nothing'),
    body: call(body),
  };
  return runLoop(parts, context);
};

export const loopHandlers: Handlers = { While: whileLoop, StatelessWhile: whileLoop };
