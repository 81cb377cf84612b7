/** What all handlers of one conversion share, and where they put the nodes they make. */

import type { Finding, ImportLimits } from '../../importer.ts';
import type { Constant } from '../constant.ts';
import type { Emitter } from '../emitter.ts';
import type { AttributeMap } from '../graph/attributes.ts';
import type { FunctionDef } from '../graph/graph-def.ts';
import type { Restored, TfValue } from '../values.ts';
import type { Operation } from './operation.ts';

export interface Conversion {
  readonly functions: ReadonlyMap<string, FunctionDef>;
  /** The values of variables, by the names of their nodes and of what they share. */
  readonly variables: ReadonlyMap<string, Constant | Restored>;
  /** A tensor of the checkpoint. Throws InvalidModelError and UnsupportedModelError. */
  readonly restore: (name: string) => Constant;
  readonly findings: Finding[];
  readonly limits: ImportLimits;
  /** Nodes evaluated so far: functions that call functions can be exponentially many. */
  evaluated: number;
  /** Numbers for loops, unique in the conversion. */
  nextLoop: number;
}

export interface Context {
  readonly conversion: Conversion;
  readonly emitter: Emitter;
  /** Functions around this one. */
  readonly depth: number;
  /** Calls a function of the model; `place` is the caller's name. */
  call(
    name: string,
    args: readonly TfValue[],
    place: string,
    attributes: AttributeMap,
    emitter?: Emitter,
  ): TfValue[];
}

export type Handler = (
  operation: Operation,
  inputs: readonly TfValue[],
  context: Context,
) => TfValue | readonly TfValue[];

export type Handlers = Readonly<Record<string, Handler>>;
