/**
 * Loops that go over rows or steps: `map_fn`, recurrent layers. What each loop variable does is found by
 * running the body on stand-ins: some never change, some count, some are lists that get one row a turn,
 * the others are carried from turn to turn. The result is an ONNX Loop; where the body treats every row
 * alike there is none, all rows are computed at once.
 *
 * Owns: the kinds of variables, the number of turns, the ONNX Loop. Does not own: how TensorFlow writes
 * loops (while.ts; frames of Enter and Exit in ../evaluate/graph-loops.ts).
 */

import { subgraph } from '../../../onnx/graph-data.ts';
import type { Value } from '../../import-graph.ts';
import { ImportGraph } from '../../import-graph.ts';
import { constantOf } from '../constant.ts';
import { dataType } from '../data-types.ts';
import { Emitter, elementOf } from '../emitter.ts';
import type { Context } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Counter, Dim, Known, List, Tensor, TfValue } from '../values.ts';
import { isSameDim, nothing, sizeOf, sizesOf } from '../values.ts';
import { dimsOf, isKnown, sizeList, sizesValue } from './arguments.ts';
import { asTensor } from './broadcast.ts';
import { NotEveryRowError } from './every-row.ts';
import { checkRows, isValue, isWholeScalar, numberOf } from './loop-values.ts';
import { gatherTensor, sourceTensor } from './parts.ts';
import { combineSizes } from './reductions.ts';
import { expandTensor } from './shapes.ts';

export interface LoopParts {
  readonly operation: Operation;
  readonly initial: readonly TfValue[];
  condition(variables: readonly TfValue[], emitter: Emitter): TfValue;
  body(variables: readonly TfValue[], emitter: Emitter): readonly TfValue[];
}

/** How a variable goes through the turns. */
type Role = 'fixed' | 'counter' | 'list' | 'carried';

/** A graph that is thrown away. */
const scratch = (outer: Emitter): Emitter =>
  new Emitter(new ImportGraph('scratch', outer.graph.graph.subgraph('scratch')), outer);

/** The values of all loop variables after the last turn. */
export function runLoop(parts: LoopParts, context: Context): TfValue[] {
  const { conversion, emitter } = context;
  conversion.nextLoop += 1;
  const loop = new Loop(parts, emitter, conversion.nextLoop * 1000);
  loop.findRoles();
  const turns = loop.countTurns();
  if (!loop.roles.includes('carried')) {
    try {
      return loop.runAtOnce(turns);
    } catch (error) {
      if (!(error instanceof NotEveryRowError)) throw error;
    }
  }
  return loop.emit(turns);
}

class Loop {
  readonly roles: Role[];
  readonly #parts: LoopParts;
  readonly #emitter: Emitter;
  readonly #id: number;

  constructor(parts: LoopParts, emitter: Emitter, id: number) {
    this.#parts = parts;
    this.#emitter = emitter;
    this.#id = id;
    this.roles = parts.initial.map((value) => {
      if (value.kind === 'list') return 'list';
      return isWholeScalar(value) ? 'counter' : 'fixed';
    });
  }

  /** Runs the body on stand-ins until each variable does what was assumed of it. */
  findRoles(): void {
    for (let round = 0; round <= this.roles.length * 2; round += 1) {
      const stage = scratch(this.#emitter);
      const variables = this.#variables(stage, 'one', (i) => this.#standIn(stage, i));
      const results = this.#parts.body(variables, stage);
      if (!this.#correct(variables, results)) return;
    }
    this.#parts.operation.refuse('what its loop variables do could not be found out');
  }

  /** True when a role had to be changed. */
  #correct(before: readonly TfValue[], after: readonly TfValue[]): boolean {
    let isChanged = false;
    this.roles.forEach((role, i) => {
      const [a, b] = [before[i] as TfValue, after[i]];
      const real = this.#realRole(role, a, b);
      if (real !== role) {
        this.roles[i] = real;
        isChanged = true;
      }
    });
    return isChanged;
  }

  #realRole(role: Role, before: TfValue, after: TfValue | undefined): Role {
    const { operation } = this.#parts;
    if (role === 'list') {
      if (
        after?.kind === 'list' &&
        before.kind === 'list' &&
        after.loopVariable === before.loopVariable
      )
        return role;
      return operation.refuse('its loop exchanges one list for another');
    }
    if (
      role === 'counter' &&
      after?.kind === 'counter' &&
      before.kind === 'counter' &&
      after.id === before.id
    ) {
      if (after.offset === 1) return 'counter';
      return after.offset === 0 ? 'fixed' : 'carried';
    }
    if (role === 'fixed' && after === before) return 'fixed';
    if (
      !isKnown(this.#parts.initial[this.#indexOf(before)] ?? before) &&
      before.kind !== 'counter'
    ) {
      return operation.refuse(
        `its loop changes ${before.kind === 'pictures' ? 'pictures' : 'a value'} that it cannot`,
      );
    }
    return 'carried';
  }

  #indexOf(value: TfValue): number {
    return this.#parts.initial.indexOf(value);
  }

  #variables(
    emitter: Emitter,
    mode: Counter['mode'],
    carried: (i: number) => TfValue,
    turn?: Value,
  ): TfValue[] {
    return this.#parts.initial.map((value, i): TfValue => {
      const role = this.roles[i];
      if (role === 'list') return { ...(value as List), loopVariable: this.#id + i };
      if (role === 'counter') return this.#counter(value as Known, i, mode, emitter, turn);
      return role === 'carried' ? carried(i) : value;
    });
  }

  #counter(
    initial: Known,
    i: number,
    mode: Counter['mode'],
    emitter: Emitter,
    turn?: Value,
  ): Counter {
    const { type } = initial;
    const start = sizeList(initial)?.[0] ?? 0;
    const counter = (offset: number): Counter => ({
      kind: 'counter',
      type,
      id: this.#id + i,
      offset,
      mode,
      make() {
        if (mode === 'every') throw new NotEveryRowError();
        const number = turn ?? emitter.graph.input('turn', 'INT64', []);
        return numberOf(emitter, number, typeof start === 'number' ? start + this.offset : 0, type);
      },
    });
    return counter(0);
  }

  /** Something of the right type and shape. */
  #standIn(emitter: Emitter, i: number, dims?: readonly Dim[]): Tensor {
    const initial = asTensor(emitter, this.#parts.initial[i] as Known);
    const sizes = dims ?? initial.dims;
    const value = emitter.graph.input('carried', elementOf(initial.type), sizesOf(sizes));
    return emitter.tensor(value, initial.type, sizes);
  }

  /** From the condition: the least of all limits, less where the counter begins. */
  countTurns(): Dim | Value {
    const { operation } = this.#parts;
    const stage = scratch(this.#emitter);
    const variables = this.#variables(stage, 'limit', () => nothing);
    const condition = this.#parts.condition(variables, this.#emitter);
    if (condition.kind !== 'condition' || condition.terms.length === 0) {
      return operation.refuse(
        'how often its loop turns depends on what it computes',
        'loops over rows or steps are',
      );
    }
    const turns = condition.terms.map(({ counter, limit }) => {
      const initial = this.#parts.initial[counter.id - this.#id] as Known;
      const start = (sizeList(initial)?.[0] ?? 0) as number;
      return this.#turnsOf(limit, start + counter.offset);
    });
    return this.#least(turns);
  }

  #turnsOf(limit: Known, start: number): Dim | Value {
    const dim = sizeList(limit)?.[0];
    if (typeof dim === 'number') return Math.max(dim - start, 0);
    if (dim !== undefined) return start === 0 ? dim : combineSizes('Sub', dim, start);
    const emitter = this.#emitter;
    const value = emitter.graph.cast(emitter.useSource(limit), 'INT64');
    return emitter.graph.apply('Reshape', [value, emitter.ints([1])], {
      dtype: 'INT64',
      shape: [1],
    });
  }

  #least(turns: readonly (Dim | Value)[]): Dim | Value {
    const unique = turns.filter(
      (a, i) => !turns.slice(0, i).some((b) => !isValue(a) && !isValue(b) && isSameDim(a, b)),
    );
    const numbers = unique.filter((turn) => typeof turn === 'number');
    const others = unique.filter((turn) => typeof turn !== 'number');
    const [first] = others;
    if (!first) return Math.min(...numbers);
    if (unique.length === 1) return first;
    const values = unique.map((turn) => (isValue(turn) ? turn : this.#emitter.sizes([turn])));
    return this.#emitter.graph.apply('Min', values, { dtype: 'INT64', shape: [1] });
  }

  /** The body once, for all rows. */
  runAtOnce(turns: Dim | Value): TfValue[] {
    this.#checkAllRows(turns);
    const trial = scratch(this.#emitter);
    const run = (emitter: Emitter): readonly TfValue[] =>
      this.#parts.body(
        this.#variables(emitter, 'every', () => this.#parts.operation.refuse('')),
        emitter,
      );
    // First where nothing is kept: it may turn out that it cannot be done.
    for (const result of run(trial)) checkRows(result);
    return run(this.#emitter).map((result, i) => {
      if (result.kind !== 'list' || !result.written) return this.#after(result, i, turns);
      return {
        kind: 'list',
        rows: { ...(result.written.value as Tensor), isEveryRow: undefined },
        length: result.length,
      };
    });
  }

  /** A loop over some of the rows is none over all. */
  #checkAllRows(turns: Dim | Value): void {
    for (const list of this.#parts.initial) {
      if (list.kind !== 'list' || !list.rows) continue;
      const rows = list.rows.kind === 'pictures' ? list.rows.dims[0] : dimsOf(list.rows)[0];
      const isAll = rows !== undefined && !isValue(turns) && isSameDim(rows, turns);
      if (!isAll) throw new NotEveryRowError();
    }
  }

  #after(result: TfValue, i: number, turns: Dim | Value): TfValue {
    if (this.roles[i] !== 'counter')
      return result.kind === 'list' ? { ...result, loopVariable: undefined } : result;
    const initial = this.#parts.initial[i] as Known;
    const start = (sizeList(initial)?.[0] ?? 0) as number;
    if (!isValue(turns)) {
      const end =
        typeof turns === 'number'
          ? turns + start
          : start === 0
            ? turns
            : combineSizes('Add', turns, start);
      return sizesValue([end], initial.type, true);
    }
    return initial;
  }

  /** An ONNX Loop. */
  emit(turns: Dim | Value): TfValue[] {
    const carried = this.roles.flatMap((role, i) => (role === 'carried' ? [i] : []));
    const dims = this.#carriedDims(carried);
    const inner = new Emitter(
      new ImportGraph('body', this.#emitter.graph.graph.subgraph('body')),
      this.#emitter,
    );
    const { graph } = inner;
    const turn = this.#bodyInput(inner, 'turn', 'INT64', []);
    const go = this.#bodyInput(inner, 'go', 'BOOL', []);
    const states = new Map(carried.map((i, k) => [i, this.#standIn(inner, i, dims[k])]));
    const variables = this.#variables(inner, 'one', (i) => states.get(i) as Tensor, turn);
    const results = this.#parts.body(variables, inner);
    const goOn = graph.apply('Identity', [go], { dtype: 'BOOL', shape: [] });
    graph.graph.output(goOn.name, 'BOOL', []);
    for (const i of carried) this.#bodyOutput(inner, results[i] as Known);
    const written = results.flatMap((result, i) =>
      result.kind === 'list' && result.written ? [{ i, list: result, ...result.written }] : [],
    );
    const rows = written.map(({ value }) => this.#bodyOutput(inner, value));
    const names = this.#loopNode(inner, turns, carried, carried.length + rows.length);
    const after = results.map((result, i) => this.#after(result, i, turns));
    carried.forEach((i, k) => {
      after[i] = this.#result(
        names[k] as string,
        (this.#parts.initial[i] as Known).type,
        dims[k] as Dim[],
      );
    });
    written.forEach(({ i, at, list }, k) => {
      const row = rows[k] as Tensor;
      const all = [
        isValue(turns) ? null : turns,
        ...row.dims.map((dim) => (typeof dim === 'number' ? dim : null)),
      ];
      const stacked = this.#result(names[carried.length + k] as string, row.type, all);
      after[i] = {
        kind: 'list',
        rows: at === 'counter' ? stacked : this.#last(stacked),
        length: list.length,
      };
    });
    return after;
  }

  #last(rows: Tensor): Tensor {
    const last = constantOf(dataType('int64'), [], [-1]);
    return expandTensor(this.#emitter, gatherTensor(this.#emitter, rows, last, 0), 0);
  }

  #result(name: string, type: Tensor['type'], dims: readonly (Dim | null)[]): Tensor {
    const shape = dims.map((dim) => (dim === null ? null : sizeOf(dim)));
    return this.#emitter.tensor(
      { name, dtype: elementOf(type), shape, layout: 'source' },
      type,
      dims,
    );
  }

  #bodyInput(inner: Emitter, wish: string, dtype: 'INT64' | 'BOOL', shape: []): Value {
    const name = inner.graph.graph.input(wish, dtype, shape);
    return { name, dtype, shape, layout: 'source' };
  }

  /** Outputs of a body must be its own, each once. */
  #bodyOutput(inner: Emitter, result: Known): Tensor {
    const tensor = sourceTensor(inner, asTensor(inner, result));
    const { type, dims } = tensor;
    const own = inner.apply('Identity', [tensor.value], { type, dims });
    inner.graph.graph.output(own.value.name, own.value.dtype, own.value.shape);
    return { ...tensor, value: own.value };
  }

  #loopNode(
    inner: Emitter,
    turns: Dim | Value,
    carried: readonly number[],
    outputs: number,
  ): string[] {
    const emitter = this.#emitter;
    const count = isValue(turns) ? turns : emitter.sizes([turns]);
    const initial = carried.map(
      (i) => sourceTensor(emitter, asTensor(emitter, this.#parts.initial[i] as Known)).value.name,
    );
    return emitter.graph.graph.node({
      op: 'Loop',
      inputs: [count.name, '', ...initial],
      outputs,
      attributes: { body: subgraph(inner.graph.graph) },
    });
  }

  /** Sizes that a carried value keeps from turn to turn; others are open. */
  #carriedDims(carried: readonly number[]): Dim[][] {
    const stage = scratch(this.#emitter);
    const variables = this.#variables(stage, 'one', (i) => this.#standIn(stage, i));
    const results = this.#parts.body(variables, stage);
    return carried.map((i) => {
      const before = dimsOf(this.#parts.initial[i] as Known);
      const after = dimsOf(results[i] as Known);
      return before.map((dim, axis) => {
        const next = after[axis];
        if (typeof dim === 'number' && next !== undefined && isSameDim(dim, next)) return dim;
        return typeof dim === 'number' && typeof next !== 'number'
          ? dim
          : typeof next === 'number'
            ? next
            : dim;
      });
    });
  }
}
