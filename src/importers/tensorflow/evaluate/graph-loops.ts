/**
 * Loops as TensorFlow 1 writes them: nodes of one graph in a cycle, Enter → Merge → Switch → Exit and
 * Switch → body → NextIteration → Merge. The cycle is cut at Merge and Switch and the rest evaluated as a
 * body is.
 * Source: Yu et al., Dynamic Control Flow in Large-Scale Machine Learning (EuroSys 2018).
 */

import { InvalidModelError } from '../../problems.ts';
import type { NodeDef } from '../graph/graph-def.ts';
import { runLoop } from '../ops/loops.ts';
import type { TfValue } from '../values.ts';
import { parseReference } from './references.ts';
import type { Scope } from './scope.ts';

interface LoopVariable {
  readonly merge: NodeDef;
  readonly enter: NodeDef;
  readonly next: NodeDef;
}

interface Frame {
  readonly variables: LoopVariable[];
  /** Enter nodes of what does not change. */
  readonly constants: NodeDef[];
  condition?: NodeDef;
}

export interface GraphLoops {
  isLoopNode(node: NodeDef): boolean;
  evaluate(node: NodeDef, scope: Scope): readonly TfValue[];
}

const isOp = (node: NodeDef | undefined, op: string): node is NodeDef =>
  node !== undefined && (node.op === op || node.op === `Ref${op}`);

/** The loops among these nodes. */
export function findLoops(nodes: ReadonlyMap<string, NodeDef>): GraphLoops {
  const source = (input: string | undefined): NodeDef | undefined =>
    input === undefined ? undefined : nodes.get(parseReference(input).node);
  const results = new WeakMap<Scope, Map<Frame, readonly TfValue[]>>();
  let frames: Map<string, Frame> | undefined;
  return {
    isLoopNode: (node) => isOp(node, 'Exit'),
    evaluate(exit, scope) {
      frames ??= findFrames(nodes, source);
      const choice = source(exit.inputs[0]);
      const merge = source(choice?.inputs[0]);
      for (const frame of frames.values()) {
        const index = frame.variables.findIndex((variable) => variable.merge === merge);
        if (index >= 0) return [valueAfter(frame, index, exit, scope)];
      }
      throw new InvalidModelError(`node '${exit.name}' (Exit)`, 'it leaves no loop');
    },
  };

  function valueAfter(frame: Frame, index: number, exit: NodeDef, scope: Scope): TfValue {
    const known = results.get(scope) ?? new Map<Frame, readonly TfValue[]>();
    results.set(scope, known);
    const values = known.get(frame) ?? runFrame(frame, exit, scope, nodes);
    known.set(frame, values);
    return values[index] as TfValue;
  }
}

function findFrames(
  nodes: ReadonlyMap<string, NodeDef>,
  source: (input: string | undefined) => NodeDef | undefined,
): Map<string, Frame> {
  const frames = new Map<string, Frame>();
  const frameOf = (enter: NodeDef): Frame => {
    const name = enter.attributes.get('frame_name')?.text ?? '';
    const frame = frames.get(name) ?? { variables: [], constants: [] };
    frames.set(name, frame);
    return frame;
  };
  for (const node of nodes.values()) {
    if (isOp(node, 'Enter') && node.attributes.get('is_constant')?.bool)
      frameOf(node).constants.push(node);
    if (!isOp(node, 'Merge')) continue;
    const [enter, next] = node.inputs.map(source);
    if (isOp(enter, 'Enter') && isOp(next, 'NextIteration'))
      frameOf(enter).variables.push({ merge: node, enter, next });
  }
  for (const node of nodes.values()) {
    if (!isOp(node, 'Switch')) continue;
    const [merge, condition] = node.inputs.map(source);
    if (!isOp(condition, 'LoopCond')) continue;
    for (const frame of frames.values()) {
      if (frame.variables.some((variable) => variable.merge === merge)) frame.condition = condition;
    }
  }
  return frames;
}

function runFrame(
  frame: Frame,
  exit: NodeDef,
  scope: Scope,
  nodes: ReadonlyMap<string, NodeDef>,
): readonly TfValue[] {
  const operation = scope.operation(exit);
  const { condition } = frame;
  if (!condition) return operation.refuse('its loop has no condition');
  const constants = frame.constants.map((enter): [string, TfValue] => [
    `${enter.name}:0`,
    scope.tensor(enter.inputs[0] ?? ''),
  ]);
  const switches = frame.variables.map(({ merge }) => {
    for (const node of nodes.values()) {
      if (isOp(node, 'Switch') && parseReference(node.inputs[0] ?? '').node === merge.name)
        return node.name;
    }
    return '';
  });
  return runLoop(
    {
      operation,
      initial: frame.variables.map(({ enter }) => scope.tensor(enter.inputs[0] ?? '')),
      condition(variables, emitter) {
        const given = frame.variables.map(({ merge }, i): [string, TfValue] => [
          `${merge.name}:0`,
          variables[i] as TfValue,
        ]);
        return scope
          .turn(new Map([...constants, ...given]), emitter)
          .tensor(condition.inputs[0] ?? '');
      },
      body(variables, emitter) {
        const given = switches.map((name, i): [string, TfValue] => [
          `${name}:1`,
          variables[i] as TfValue,
        ]);
        const turn = scope.turn(new Map([...constants, ...given]), emitter);
        return frame.variables.map(({ next }) => turn.tensor(next.inputs[0] ?? ''));
      },
    },
    scope,
  );
}
