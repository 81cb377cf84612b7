/**
 * Which variable has which tensor of the checkpoint. Names do not tell: the model carries the graph that
 * restores it, RestoreV2 → Identity → Assign (references, TensorFlow 1) or AssignVariableOp (handles), and
 * that graph is followed. One rule for both generations.
 */

import type { Constant } from './constant.ts';
import { textConstant } from './constant.ts';
import { dataType } from './data-types.ts';
import type { Emitter } from './emitter.ts';
import type { Conversion } from './evaluate/context.ts';
import { isControl, parseReference } from './evaluate/references.ts';
import { Scope } from './evaluate/scope.ts';
import type { NodeDef } from './graph/graph-def.ts';
import type { MetaGraph } from './graph/saved-model.ts';
import type { Restored, TfValue } from './values.ts';

type Values = Map<string, Constant | Restored>;

const calls = new Set(['PartitionedCall', 'StatefulPartitionedCall']);
const assigns = new Set(['Assign', 'AssignVariableOp']);

/** Fills in the values of all variables that the model's own graph restores. */
export function restoreVariables(
  meta: MetaGraph,
  conversion: Conversion,
  emitter: Emitter,
  into: Values,
): void {
  const path: Constant = textConstant(dataType('string'), [], [new Uint8Array()], 'checkpoint');
  const given = new Map<string, TfValue>(
    meta.checkpointTensor ? [[meta.checkpointTensor, path]] : [],
  );
  const scope = new Scope({ nodes: meta.graph.nodes, emitter, conversion, given });
  if (meta.restoreOp !== '') follow(scope, parseReference(meta.restoreOp).node, into);
  else takeByName(meta, conversion, into);
  takeCopies(meta, into);
}

/**
 * `tf.saved_model.save` of Keras 3 layers restores copies, each initialised from the variable that the
 * functions read: the one has the value of the other.
 */
function takeCopies({ graph }: MetaGraph, into: Values): void {
  const nodeOf = (input = ''): NodeDef | undefined => graph.nodes.get(parseReference(input).node);
  for (const { op, inputs } of graph.nodes.values()) {
    if (op !== 'AssignVariableOp') continue;
    const copy = nodeOf(inputs[0]);
    const read = nodeOf(inputs[1]);
    const original = read?.op === 'ReadVariableOp' ? nodeOf(read.inputs[0]) : undefined;
    const value = copy && into.get(`node ${copy.name}`);
    if (original?.op !== 'VarHandleOp' || !value || into.has(`node ${original.name}`)) continue;
    into.set(`node ${original.name}`, value);
  }
}

/** Everything that the node waits for: data, order, the bodies of functions. */
function follow(scope: Scope, start: string, into: Values): void {
  const seen = new Set<string>();
  const waiting = [start];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const node = scope.nodes.get(name);
    if (!node) continue;
    if (assigns.has(node.op)) assign(scope, node, into);
    else if (calls.has(node.op)) followCall(scope, node, into);
    else {
      for (const input of node.inputs) waiting.push(parseReference(input.replace(/^\^/, '')).node);
    }
  }
}

function assign(scope: Scope, node: NodeDef, into: Values): void {
  const [target, source] = node.inputs.map((input) => scope.tensor(input));
  if (target?.kind !== 'variable') return;
  if (source?.kind !== 'constant' && source?.kind !== 'restored') return;
  into.set(`node ${target.node}`, source);
  into.set(`shared ${target.shared}`, source);
}

function followCall(scope: Scope, node: NodeDef, into: Values): void {
  const { name, attributes } = scope.operation(node).func('f');
  const body = scope.conversion.functions.get(name);
  if (!body || scope.depth >= scope.conversion.limits.depth) return;
  const inputs = node.inputs.filter((input) => !isControl(input));
  const given = new Map(body.args.map((arg, i) => [`${arg}:0`, scope.tensor(inputs[i] ?? '')]));
  const { emitter, conversion } = scope;
  const depth = scope.depth + 1;
  const inner = new Scope({ nodes: body.nodes, emitter, conversion, given, attributes, depth });
  for (const inside of body.nodes.values()) {
    if (assigns.has(inside.op)) assign(inner, inside, into);
    else if (calls.has(inside.op)) followCall(inner, inside, into);
  }
}

/** A model without such a graph: variables have the names of their tensors. */
function takeByName({ graph }: MetaGraph, { restore }: Conversion, into: Values): void {
  for (const { op, name, attributes } of graph.nodes.values()) {
    if (op !== 'VarHandleOp' && op !== 'VariableV2') continue;
    const shared = attributes.get('shared_name')?.text || name;
    try {
      into.set(`node ${name}`, restore(shared));
    } catch (problem) {
      into.set(`node ${name}`, { kind: 'restored', problem: problem as Error });
    }
  }
}
