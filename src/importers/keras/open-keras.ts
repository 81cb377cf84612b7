/**
 * Opens what Keras saved: `.keras` (a zip of config.json and the weights) and `.h5` (one HDF5 file with the
 * configuration as an attribute).
 */

import type { ByteSource } from '../../onnx/byte-source.ts';
import { openFileSource } from '../../onnx/byte-source.ts';
import { isHdf5, openHdf5 } from '../hdf5/hdf5-file.ts';
import type { Size, Value } from '../import-graph.ts';
import { ImportGraph } from '../import-graph.ts';
import type {
  Finding,
  ImportedModel,
  Importer,
  ImportLimits,
  ImportOptions,
  NamedValue,
} from '../importer.ts';
import { defaultLimits, importOpset } from '../importer.ts';
import { InvalidModelError, withPath } from '../problems.ts';
import { readZip } from '../zip/read-zip.ts';
import type { Json } from './config.ts';
import { isObject, parseJson } from './config.ts';
import type { Conversion } from './convert-network.ts';
import { checkLayers, declareInput, flattenRefs, kindOf, runNetwork } from './convert-network.ts';
import type { Argument, Layer, Network } from './network.ts';
import { readNetwork, TensorRef } from './network.ts';
import { scaledInputs } from './scaled-inputs.ts';
import type { LayerWeights } from './weights.ts';
import { openNewWeights, openOldWeights } from './weights.ts';
import { openWeightsOnly } from './weights-only.ts';

interface Opened {
  readonly network: Network;
  readonly version: string;
  readonly architecture?: string | undefined;
  readonly findings?: readonly Finding[];
  weights(network: Network): LayerWeights;
}

const startsWith = (head: Uint8Array, bytes: readonly number[]): boolean =>
  bytes.every((byte, i) => head[i] === byte);

export const kerasImporter: Importer = {
  format: 'Keras',
  match: ({ isFolder, name, head }) =>
    !isFolder && name.endsWith('.keras') && startsWith(head, [0x50, 0x4b]),
  open: (path, options) => openModel(path, options, 'Keras', openArchive),
};

export const kerasHdf5Importer: Importer = {
  format: 'Keras HDF5',
  match: ({ isFolder, head }) => !isFolder && isHdf5(head),
  open: (path, options) => openModel(path, options, 'Keras HDF5', openHdf5Model),
};

type Open = (source: ByteSource, limits: ImportLimits, options: ImportOptions) => Opened;

function openModel(
  path: string,
  options: ImportOptions,
  format: string,
  open: Open,
): ImportedModel {
  const limits = { ...defaultLimits, ...options.limits };
  return withPath(path, () => {
    const source = openFileSource(path);
    try {
      const converted = convert(open(source, limits, options), limits);
      return { ...converted, format, [Symbol.dispose]: () => source[Symbol.dispose]() };
    } catch (error) {
      source[Symbol.dispose]();
      throw error;
    }
  });
}

/** `.keras`: config.json, metadata.json, model.weights.h5 (stored, so it is read in place). */
function openArchive(source: ByteSource, limits: ImportLimits): Opened {
  const zip = readZip(source);
  const text = (name: string): string =>
    new TextDecoder().decode(zip.bytes(name, limits.configBytes));
  const config = parseJson(text('config.json'), 'config.json', limits.depth * 8);
  const metadata = zip.entries.has('metadata.json')
    ? parseJson(text('metadata.json'), 'metadata.json', limits.depth)
    : {};
  const version = isObject(metadata) ? String(metadata.keras_version ?? '') : '';
  return {
    network: readModel(config, limits),
    version,
    weights(network) {
      const stored = zip.open('model.weights.h5', limits.tensorBytes);
      return openNewWeights(openHdf5(stored, limits.tensorBytes), network, kindOf);
    },
  };
}

const readModel = (config: Json, limits: ImportLimits): Network =>
  readNetwork(config, '', { depth: limits.depth, layers: limits.nodes });

function openHdf5Model(source: ByteSource, limits: ImportLimits, options: ImportOptions): Opened {
  const root = openHdf5(source, limits.tensorBytes);
  const config = root.attributes.get('model_config')?.[0];
  if (typeof config !== 'string') {
    return openWeightsOnly(root, (model) => readModel(model, limits), options.architecture);
  }
  const weights = root.group('model_weights');
  if (!weights) throw new InvalidModelError('model_weights', 'the file has no such group');
  const version = root.attributes.get('keras_version')?.[0];
  return {
    network: readModel(parseJson(config, 'model_config', limits.depth * 8), limits),
    version: typeof version === 'string' ? version : '',
    weights: (network) => openOldWeights(weights, network, kindOf),
  };
}

function versionOf(text: string): readonly [number, number] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major ?? 1), Number(minor ?? 0)];
}

type Converted = Omit<ImportedModel, 'format' | typeof Symbol.dispose>;

function convert(opened: Opened, { nodes }: ImportLimits): Converted {
  const { network, version, weights, architecture, findings: found = [] } = opened;
  const findings: Finding[] = [...found];
  const graph = new ImportGraph(network.name);
  const conversion: Conversion = {
    graph,
    file: { version: versionOf(version), note: (finding) => findings.push(finding) },
    masks: new Map(),
    budget: { calls: nodes },
  };
  checkLayers(network);
  const inputs = declareInputs(conversion, network);
  const values = runNetwork(conversion, network, weights(network), inputs);
  const scaled = scaledInputs(network);
  const names = uniqueNames(outputNames(network), inputs);
  const outputs = values.map((value, i) => ({
    name: names[i] ?? `output_${i}`,
    value: graph.output(names[i] ?? `output_${i}`, value),
  }));
  return {
    producer: version === '' ? '' : `Keras ${version}`,
    architecture,
    opset: importOpset,
    findings,
    signatures: [
      {
        name: 'serving_default',
        graph: graph.finish(),
        inputs: inputs.map((value) => ({
          ...namedValue(value.name, value),
          ...(scaled.has(value.name) ? { isScaled: true } : {}),
        })),
        outputs: outputs.map(({ name, value }) => namedValue(name, value)),
      },
    ],
  };
}

const namedValue = (name: string, { dtype, shape }: Value): NamedValue => ({
  name,
  value: name,
  dtype,
  shape,
});

function declareInputs(conversion: Conversion, network: Network): Value[] {
  if (network.kind === 'sequential') return [declareInput(conversion, ...firstOf(network))];
  return flattenRefs(network.inputs).map(({ layer: name }) => {
    const layer = network.layers.find((one) => one.name === name);
    if (!layer) throw new InvalidModelError('', `its input layer "${name}" is missing`);
    return declareInput(conversion, layer);
  });
}

/** A Sequential begins with an input layer, a model, or a layer that knows its input's shape. */
function firstOf(network: Network): [Layer, readonly Size[] | undefined] {
  let shape = network.inputShape;
  for (let inner: Network | undefined = network; inner; ) {
    const first: Layer | undefined =
      inner.kind === 'functional'
        ? inner.layers.find(({ className }) => className === 'InputLayer')
        : inner.layers[0];
    if (!first) break;
    shape ??= inner.inputShape;
    if (!first.network) {
      const isInput = first.className === 'InputLayer';
      const name = isInput ? first.name : `${first.name}_input`;
      return [{ ...first, name }, shape];
    }
    inner = first.network;
  }
  throw new InvalidModelError('', 'it has no layers');
}

/** The names that Keras gives: keys of a dictionary, or the layers that make the outputs. */
function outputNames(network: Network): string[] {
  if (network.kind === 'sequential') return [network.layers.at(-1)?.name ?? 'output'];
  const name = (ends: Argument): string[] => {
    if (ends instanceof TensorRef) return [ends.layer];
    if (Array.isArray(ends)) return ends.flatMap(name);
    return Object.keys(ends as object).sort();
  };
  return name(network.outputs);
}

/** No two outputs, and no output and input, have one name. */
function uniqueNames(names: readonly string[], inputs: readonly Value[]): string[] {
  const taken = new Set(inputs.map(({ name }) => name));
  return names.map((wish) => {
    let name = wish;
    for (let i = 1; taken.has(name); i += 1) name = `${wish}_${i}`;
    taken.add(name);
    return name;
  });
}
