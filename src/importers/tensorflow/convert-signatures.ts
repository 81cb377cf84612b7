/**
 * Signatures to ONNX graphs. Signatures with the same inputs share a graph, so that one model in memory
 * answers all of them.
 *
 * Owns: inputs, outputs and their names. Does not own: what lies between (evaluate/, ops/).
 */

import type { ElementType } from '../../onnx/element-type.ts';
import type { GraphData, ValueData } from '../../onnx/graph-data.ts';
import { tensorOf } from '../../onnx/value-type.ts';
import { nameOutputs, prune } from '../finish.ts';
import type { Value } from '../import-graph.ts';
import { ImportGraph } from '../import-graph.ts';
import type { ImportedSignature, NamedValue } from '../importer.ts';
import { UnsupportedModelError } from '../problems.ts';
import type { DataType } from './data-types.ts';
import { Emitter } from './emitter.ts';
import type { Conversion } from './evaluate/context.ts';
import { Scope } from './evaluate/scope.ts';
import type { NodeDef } from './graph/graph-def.ts';
import type { SignatureDef, TensorInfo } from './graph/saved-model.ts';
import { mergeEqual } from './merge-equal.ts';
import { isKnown } from './ops/arguments.ts';
import type { PictureInput } from './picture-input.ts';
import { pictureInput } from './picture-input.ts';
import type { Dim, OpenSize, TfValue } from './values.ts';

export interface ConvertedSignature {
  readonly signature?: ImportedSignature;
  /** Why it could not be converted. */
  readonly problem?: unknown;
}

interface GivenInput {
  readonly info: TensorInfo;
  readonly value: TfValue;
  readonly picture?: PictureInput;
}

interface Result {
  readonly alias: string;
  readonly value: Value;
}

/**
 * Signatures of one group: inputs of the same types and shapes, whatever their names. Where they turn out
 * to compute different things, each gets a graph of its own: a run computes all of a graph.
 */
export function convertGroup(
  nodes: ReadonlyMap<string, NodeDef>,
  signatures: readonly SignatureDef[],
  conversion: Conversion,
): ConvertedSignature[] {
  const [first] = signatures;
  if (!first) return [];
  const emitter = new Emitter(new ImportGraph(first.name));
  const inputs = first.inputs.map((info) => giveInput(emitter, info));
  const starts: number[] = [];
  const outcomes = signatures.map((signature) => {
    starts.push(emitter.root.graph.nodes.length);
    return attempt(nodes, signature, inputs, emitter, conversion);
  });
  const done = outcomes.flatMap(({ results }) => (results ? [results] : []));
  const finish = finisher(emitter, inputs, starts);
  const finished = finish(done.flat());
  if (done.length > 1 && !isShared(done, finish)) {
    return signatures.flatMap((signature) => convertGroup(nodes, [signature], conversion));
  }
  return outcomes.map(({ results, named, problem }, i) => {
    const { name } = signatures[i] as SignatureDef;
    if (!results || !named) return { problem };
    const outputs = results.map((result) => finished.named(result));
    return { signature: { name, graph: finished.graph, inputs: named, outputs } };
  });
}

/** How much more all signatures may compute than the largest of them. */
const mostShared = 1.25;

function isShared(
  done: readonly (readonly Result[])[],
  finish: (results: readonly Result[]) => Finished,
): boolean {
  const nodes = (results: readonly Result[]): number => finish(results).graph.nodes.length;
  return nodes(done.flat()) <= mostShared * Math.max(...done.map(nodes));
}

interface Outcome {
  readonly results?: readonly Result[];
  readonly named?: readonly NamedValue[];
  readonly problem?: unknown;
}

function attempt(
  nodes: ReadonlyMap<string, NodeDef>,
  signature: SignatureDef,
  inputs: readonly GivenInput[],
  emitter: Emitter,
  conversion: Conversion,
): Outcome {
  try {
    for (const { picture } of inputs) picture?.begin();
    const given = new Map(
      signature.inputs.map(({ tensor }, i) => [tensor, (inputs[i] as GivenInput).value]),
    );
    const scope = new Scope({ nodes, emitter, conversion, given });
    const results = signature.outputs.map((info) =>
      evaluateOutput(scope, info, signature, emitter),
    );
    const named = signature.inputs.map((info, i) =>
      namedInput(info, inputs[i] as GivenInput, signature),
    );
    return { results, named };
  } catch (problem) {
    return { problem };
  }
}

function evaluateOutput(
  scope: Scope,
  { alias, tensor, type }: TensorInfo,
  signature: SignatureDef,
  emitter: Emitter,
): Result {
  const value = scope.tensor(tensor);
  if (!isKnown(value)) {
    throw new UnsupportedModelError(
      `signature '${signature.name}', output '${alias}'`,
      'it is no tensor of numbers',
      'tensors are served',
    );
  }
  const source = emitter.useSource(value);
  return { alias, value: toWire(emitter, source, type) };
}

/** Half-precision floats are computed in single precision; the wire keeps its own. */
const wireType = ({ name, element }: DataType): ElementType | undefined =>
  name === 'half' ? 'FP16' : element;

function toWire(emitter: Emitter, value: Value, type: DataType): Value {
  const wire = wireType(type);
  return wire === 'FP16' ? emitter.graph.cast(value, wire) : value;
}

const batch: OpenSize = {
  key: 'batch',
  make(emitter) {
    const [input] = emitter.root.graph.inputs;
    if (!input) throw new TypeError('a graph without inputs has no batch');
    const source: Value = {
      name: emitter.batchOf ?? input.name,
      dtype: 'FP32',
      shape: [],
      layout: 'source',
    };
    return emitter.graph.apply(
      'Shape',
      [source],
      { dtype: 'INT64', shape: [1] },
      { start: 0, end: 1 },
    );
  },
};

function giveInput(emitter: Emitter, info: TensorInfo): GivenInput {
  const { alias, type, shape } = info;
  if (type.name === 'string') return givePictures(emitter, info);
  if (!shape || !type.element) {
    throw new UnsupportedModelError(
      `input '${alias}'`,
      type.element ? 'not even its rank is known' : `its type ${type.name} is not supported`,
      'save the model with shapes for its inputs',
    );
  }
  const wire = wireType(type) as ElementType;
  const value = emitter.graph.input(alias, wire, shape);
  if (shape[0] === null) emitter.batchOf ??= alias;
  const dims = shape.map((size, axis) => size ?? (axis === 0 ? batch : null));
  const computed = wire === 'FP16' ? emitter.graph.cast(value, 'FP32') : value;
  return { info, value: emitter.tensor(computed, type, dims) };
}

/** A scalar is one picture, a list several; of unknown rank it is taken for a list. */
function givePictures(emitter: Emitter, info: TensorInfo): GivenInput {
  const { alias, shape } = info;
  const count: Dim =
    shape?.length === 0
      ? 1
      : (shape?.[0] ?? { ...batch, key: 'pictures', make: countOfPictures(alias) });
  const picture = pictureInput(alias, emitter, count);
  const dims = shape?.length === 0 ? [] : [count];
  const value: TfValue = { kind: 'pictures', source: picture, dims };
  return { info, value, picture };
}

const countOfPictures =
  (alias: string): OpenSize['make'] =>
  (emitter) =>
    emitter.graph.apply(
      'Shape',
      [{ name: alias, dtype: 'UINT8', shape: [], layout: 'source' }],
      { dtype: 'INT64', shape: [1] },
      { start: 0, end: 1 },
    );

function namedInput(info: TensorInfo, given: GivenInput, signature: SignatureDef): NamedValue {
  const { alias: name, type, shape } = info;
  const { picture } = given;
  const dtype = wireType(type) as ElementType;
  if (!picture) return { name, value: given.info.alias, dtype, shape: shape ?? [] };
  const { found, feature } = picture;
  if (!found) {
    throw new UnsupportedModelError(
      `signature '${signature.name}', input '${name}'`,
      'it takes texts that are not decoded as pictures',
      'texts are taken where they are encoded pictures (decode_jpeg and the like)',
    );
  }
  return {
    name,
    value: found.name,
    dtype: 'BYTES',
    shape: shape ?? [null],
    picture: {
      color: found.channels === 1 ? 'gray' : 'rgb',
      layout: 'NHWC',
      decoder: found.decoder,
      ...(feature === undefined ? {} : { exampleFeature: feature }),
    },
  };
}

interface Finished {
  readonly graph: GraphData;
  named(result: Result): NamedValue;
}

/** Merges what is computed twice, names the outputs and drops what no output needs. */
function finisher(
  emitter: Emitter,
  given: readonly GivenInput[],
  starts: readonly number[],
): (results: readonly Result[]) => Finished {
  const { graph } = emitter.root;
  const { nodes, nameOf } = mergeEqual(graph, starts);
  const { name, initialisers } = graph;
  const inputs = graph.inputs.map((input) => withChannels(input, given));
  return (results) => {
    const names = new Map<string, string>();
    const taken = new Set([...inputs, ...initialisers].map((value) => value.name));
    const outputs = results.flatMap(({ alias, value }) => {
      const from = nameOf(value.name);
      if (names.has(from)) return [];
      const own = freeName(alias, taken);
      names.set(from, own);
      return [{ name: own, value: { ...value, name: from } }];
    });
    return {
      graph: prune(nameOutputs({ name, inputs, initialisers, nodes, outputs: [] }, outputs)),
      named: ({ alias, value }) => ({
        name: alias,
        value: names.get(nameOf(value.name)) ?? alias,
        dtype: value.dtype,
        shape: value.shape,
      }),
    };
  };
}

/** Pixels have as many channels as they are decoded to. */
function withChannels(input: ValueData, given: readonly GivenInput[]): ValueData {
  const found = given.map(({ picture }) => picture?.found).find((one) => one?.name === input.name);
  if (!found || input.type.kind !== 'tensor') return input;
  const shape = [...(input.type.shape?.slice(0, 3) ?? []), found.channels];
  return { ...input, type: tensorOf('UINT8', shape) };
}

/** The alias itself where it is free: an input may have the same. */
function freeName(alias: string, taken: Set<string>): string {
  let name = alias;
  for (let i = 1; taken.has(name); i += 1) name = `${alias}_${i}`;
  taken.add(name);
  return name;
}
