/**
 * Signatures to ONNX graphs. Signatures with the same inputs share a graph, so that one model in memory
 * answers all of them.
 *
 * Owns: inputs, outputs and their names. Does not own: what lies between (evaluate/, ops/).
 */

import type { ElementType } from '../../onnx/element-type.ts';
import type { GraphData, NodeData, ValueData } from '../../onnx/graph-data.ts';
import { tensorOf } from '../../onnx/value-type.ts';
import { ImportGraph } from '../import-graph.ts';
import type { Value } from '../import-graph.ts';
import type { ImportedSignature, NamedValue } from '../importer.ts';
import { UnsupportedModelError } from '../problems.ts';
import { prune } from '../finish.ts';
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

/** Signatures of one group: the same inputs by name, type and shape. */
export function convertGroup(
  nodes: ReadonlyMap<string, NodeDef>,
  signatures: readonly SignatureDef[],
  conversion: Conversion,
): ConvertedSignature[] {
  const emitter = new Emitter(new ImportGraph(signatures[0]?.name ?? 'model'));
  const [first] = signatures;
  if (!first) return [];
  const inputs = first.inputs.map((info) => giveInput(emitter, info));
  const outcomes = signatures.map((signature) => attempt(nodes, signature, inputs, emitter, conversion));
  const finished = finish(emitter, outcomes.flatMap(({ results }) => results ?? []));
  return outcomes.map(({ results, problem }, i) => {
    const signature = signatures[i] as SignatureDef;
    if (!results) return { problem };
    return {
      signature: {
        name: signature.name,
        graph: finished.graph,
        inputs: inputs.map(namedInput),
        outputs: results.map((result) => finished.named(result)),
      },
    };
  });
}

interface Outcome {
  readonly results?: readonly Result[];
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
    const given = new Map(
      signature.inputs.map(({ tensor, alias }) => [tensor, valueOfAlias(inputs, alias)]),
    );
    const scope = new Scope({ nodes, emitter, conversion, given });
    const results = signature.outputs.map((info) => evaluateOutput(scope, info, signature, emitter));
    checkPictures(inputs, signature);
    return { results };
  } catch (problem) {
    return { problem };
  }
}

const valueOfAlias = (inputs: readonly GivenInput[], alias: string): TfValue =>
  (inputs.find(({ info }) => info.alias === alias) as GivenInput).value;

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

function checkPictures(inputs: readonly GivenInput[], signature: SignatureDef): void {
  const unused = inputs.find(({ picture }) => picture && !picture.found);
  if (!unused) return;
  throw new UnsupportedModelError(
    `signature '${signature.name}', input '${unused.info.alias}'`,
    'it takes texts that are not decoded as pictures',
    'texts are taken where they are encoded pictures (decode_jpeg and the like)',
  );
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
    const source: Value = { name: emitter.batchOf ?? input.name, dtype: 'FP32', shape: [], layout: 'source' };
    return emitter.graph.apply('Shape', [source], { dtype: 'INT64', shape: [1] }, { start: 0, end: 1 });
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
  const { alias, tensor, shape } = info;
  const count: Dim = shape?.length === 0 ? 1 : (shape?.[0] ?? { ...batch, key: 'pictures', make: countOfPictures(alias) });
  const picture = pictureInput(alias, emitter, count);
  const dims = shape?.length === 0 ? [] : [count];
  const isExample = /example/i.test(tensor) && !/parse/i.test(tensor);
  const value: TfValue = isExample
    ? { kind: 'examples', source: picture, dims }
    : { kind: 'pictures', source: picture, dims };
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

function namedInput({ info, picture }: GivenInput): NamedValue {
  const { alias: name, type, shape } = info;
  const dtype = wireType(type) as ElementType;
  if (!picture?.found) return { name, value: name, dtype, shape: shape ?? [] };
  const { found, feature } = picture;
  return {
    name,
    value: found.name,
    dtype: 'BYTES',
    shape: shape ?? [null],
    picture: {
      color: found.channels === 1 ? 'gray' : 'rgb',
      layout: 'NHWC',
      ...(feature === undefined ? {} : { exampleFeature: feature }),
    },
  };
}

interface Finished {
  readonly graph: GraphData;
  named(result: Result): NamedValue;
}

/** Merges what is computed twice, names the outputs and drops what no output needs. */
function finish(emitter: Emitter, results: readonly Result[]): Finished {
  const { graph } = emitter.root;
  const { nodes, nameOf } = mergeEqual(graph.nodes);
  const produced = new Set(nodes.flatMap(({ outputs }) => outputs));
  const outputs = new Map<string, ValueData>();
  const renamed = new Map<string, string>();
  const added: NodeData[] = [];
  for (const { alias, value } of results) {
    const from = nameOf(value.name);
    if (outputs.has(from)) continue;
    const name = graph.uniqueName(alias);
    const shape = value.shape.map((size, i) => size ?? (i === 0 ? 'batch' : null));
    outputs.set(from, { name, type: tensorOf(value.dtype, shape) });
    if (produced.has(from)) renamed.set(from, name);
    else added.push({ op: 'Identity', name, domain: '', inputs: [from], outputs: [name], attributes: {} });
  }
  const rename = (name: string): string => renamed.get(name) ?? name;
  const renamedNodes = nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
  }));
  const data: GraphData = {
    name: graph.name,
    inputs: graph.inputs,
    initialisers: graph.initialisers,
    outputs: [...outputs.values()],
    nodes: [...renamedNodes, ...added],
  };
  return {
    graph: prune(data),
    named({ alias, value }) {
      const { name } = outputs.get(nameOf(value.name)) as ValueData;
      return { name: alias, value: name, dtype: value.dtype, shape: value.shape };
    },
  };
}

