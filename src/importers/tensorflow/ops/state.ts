/** Constants, variables, and operators that pass on what they get. */

import { InvalidModelError, UnsupportedModelError } from '../../problems.ts';
import type { Constant } from '../constant.ts';
import type { Conversion, Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { TfValue, Variable } from '../values.ts';
import { nothing } from '../values.ts';
import { known } from './arguments.ts';
import { gatherTensor, sourceTensor } from './parts.ts';

const constant: Handler = (operation) => {
  const tensor = operation.attribute('value')?.tensor;
  return tensor ?? operation.refuse('it has no value');
};

const pass: Handler = (_, inputs) => inputs;
const passFirst: Handler = (operation, inputs) => inputs[0] ?? operation.refuse('it has no input');

const placeholder: Handler = (operation) =>
  operation.refuse(
    'the outputs need it, but it is no input of the signature',
    'a signature has to name all inputs',
  );

const variable =
  (isHandle: boolean): Handler =>
  (operation) => ({
    kind: 'variable',
    node: operation.name,
    shared: operation.text('shared_name', '') || operation.name,
    isHandle,
  });

/** The value that the checkpoint has for it. */
export function variableValue(
  { variables }: Conversion,
  { node, shared }: Variable,
  place: string,
): Constant {
  const value = variables.get(`node ${node}`) ?? variables.get(`shared ${shared}`);
  if (!value)
    throw new InvalidModelError(place, `the variable "${shared}" is not in the checkpoint`);
  if (value.kind === 'restored') throw value.problem;
  return value;
}

const read: Handler = (operation, inputs, { conversion }) => {
  const [handle] = inputs;
  if (handle?.kind !== 'variable') return known(operation, inputs, 0);
  return variableValue(conversion, handle, operation.place);
};

const gatherVariable: Handler = (operation, inputs, context) => {
  const params = read(operation, inputs, context) as TfValue;
  if (operation.int('batch_dims', 0) !== 0) return operation.refuse('batch_dims is not supported');
  const { emitter } = context;
  const table = sourceTensor(emitter, known(operation, [params], 0));
  return gatherTensor(emitter, table, known(operation, inputs, 1), 0);
};

/** One output for each name; what the checkpoint lacks only matters when it is read. */
const restore: Handler = (operation, inputs, { conversion }) => {
  const names = inputs[1];
  if (names?.kind !== 'constant' || !names.texts)
    return operation.refuse('its names are not constants');
  return names.texts.map((text): TfValue => {
    try {
      return conversion.restore(Buffer.from(text).toString('utf8'));
    } catch (problem) {
      const isKnown =
        problem instanceof InvalidModelError || problem instanceof UnsupportedModelError;
      if (!isKnown) throw problem;
      return { kind: 'restored', problem };
    }
  });
};

const partitionedCall: Handler = (operation: Operation, inputs, context) => {
  const { name, attributes } = operation.func('f');
  return context.call(name, inputs, operation.name, attributes);
};

/** The branch that is taken must be known: a network that trains or not, options of the export. */
const choose: Handler = (operation, inputs, context) => {
  const [condition, ...args] = inputs;
  if (condition?.kind !== 'constant') {
    return operation.refuse(
      'which branch it takes is only known at run time',
      'conditions that are constant in the exported graph are',
    );
  }
  const isTrue = Number(condition.read()[0] ?? 0) !== 0;
  const { name, attributes } = operation.func(isTrue ? 'then_branch' : 'else_branch');
  return context.call(name, args, operation.name, attributes);
};

const switchTo: Handler = (operation, inputs) => {
  const [data, condition] = inputs;
  if (condition?.kind !== 'constant') {
    return operation.refuse(
      'which branch it takes is only known at run time',
      'conditions that are constant in the exported graph are',
    );
  }
  const value = data ?? nothing;
  return Number(condition.read()[0] ?? 0) === 0 ? [value, nothing] : [nothing, value];
};

const merge: Handler = (_, inputs) => inputs.find(({ kind }) => kind !== 'nothing') ?? nothing;

export const stateHandlers: Handlers = {
  Const: constant,
  Placeholder: placeholder,
  PlaceholderV2: placeholder,
  PlaceholderWithDefault: passFirst,
  Identity: passFirst,
  IdentityN: pass,
  StopGradient: passFirst,
  PreventGradient: passFirst,
  Snapshot: passFirst,
  CheckNumerics: passFirst,
  EnsureShape: passFirst,
  Print: passFirst,
  Enter: passFirst,
  RefEnter: passFirst,
  LoopCond: passFirst,
  RefIdentity: passFirst,
  NextIteration: passFirst,
  VariableV2: variable(false),
  Variable: variable(false),
  VarHandleOp: variable(true),
  ReadVariableOp: read,
  ResourceGather: gatherVariable,
  RestoreV2: restore,
  PartitionedCall: partitionedCall,
  StatefulPartitionedCall: partitionedCall,
  If: choose,
  StatelessIf: choose,
  Switch: switchTo,
  RefSwitch: switchTo,
  Merge: merge,
  RefMerge: merge,
  NoOp: () => nothing,
  Assert: () => nothing,
};
