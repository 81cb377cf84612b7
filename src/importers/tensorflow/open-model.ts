/**
 * From TensorFlow's files to an imported model: a SavedModel's folder, or a frozen graph.
 *
 * Owns: which graph, which signatures, what the result says of itself. Does not own: the conversion of a
 * signature (convert-signatures.ts), the values of variables (variables.ts).
 */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ByteSource } from '../../onnx/byte-source.ts';
import { ProtobufError, ProtobufReader } from '../../onnx/protobuf-reader.ts';
import { ImportGraph } from '../import-graph.ts';
import type {
  Finding,
  ImportedModel,
  ImportedSignature,
  ImportLimits,
  ImportOptions,
} from '../importer.ts';
import { defaultLimits, importOpset } from '../importer.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';
import type { TensorBundle } from './bundle/tensor-bundle.ts';
import { openTensorBundle } from './bundle/tensor-bundle.ts';
import type { Constant } from './constant.ts';
import { convertGroup } from './convert-signatures.ts';
import { Emitter } from './emitter.ts';
import type { Conversion } from './evaluate/context.ts';
import { frozenSignature } from './frozen-signature.ts';
import { readGraphDef } from './graph/graph-def.ts';
import type { MetaGraph, SignatureDef, TensorInfo } from './graph/saved-model.ts';
import { readSavedModel } from './graph/saved-model.ts';
import type { FileSet } from './open-files.ts';
import { openFileSet } from './open-files.ts';
import { refuseLinksOut } from './refuse-links.ts';
import type { Restored } from './values.ts';
import { restoreVariables } from './variables.ts';

export const savedModelName = 'saved_model.pb';
const variablesPrefix = 'variables/variables';

const folderOf = (path: string): string => (statSync(path).isDirectory() ? path : dirname(path));

/**
 * The graph and the files of its checkpoint; `path` is the folder or its `saved_model.pb`. Throws InvalidModelError for
 * one that is a link out of the folder.
 */
export function filesOfSavedModel(path: string): string[] {
  const folder = folderOf(path);
  const variables = join(folder, dirname(variablesPrefix));
  refuseLinksOut(path, folder, [savedModelName, dirname(variablesPrefix)]);
  const names = existsSync(variables) ? readdirSync(variables).sort() : [];
  const checkpoint = names.filter((name) => /^variables\.(index|data-\d{5}-of-\d{5})$/.test(name));
  refuseLinksOut(
    path,
    folder,
    checkpoint.map((name) => join(dirname(variablesPrefix), name)),
  );
  return [join(folder, savedModelName), ...checkpoint.map((name) => join(variables, name))];
}

/** `path` is the folder or its `saved_model.pb`. */
export function openSavedModel(path: string, options: ImportOptions): ImportedModel {
  return withFiles(folderOf(path), options, (files, limits) => {
    const source = files.open(savedModelName);
    const graphs = parse(source, savedModelName, (reader) =>
      readSavedModel(reader, source, limits.nodes),
    );
    const meta = graphs.find(({ tags }) => tags.includes('serve')) ?? graphs[0];
    if (!meta) throw new InvalidModelError(savedModelName, 'it has no graph');
    return { meta, format: 'TensorFlow SavedModel' };
  });
}

/** A GraphDef whose variables were made constants. */
export function openFrozenGraph(path: string, options: ImportOptions): ImportedModel {
  return withFiles(dirname(path), options, (files, limits) => {
    const name = basename(path);
    const source = files.open(name);
    const graph = parse(source, name, (reader) => readGraphDef(reader, source, limits.nodes));
    if (graph.nodes.size === 0) throw new InvalidModelError(name, 'it has no nodes');
    const signatures = [frozenSignature(graph)];
    const meta = { tags: [], version: '', graph, signatures, restoreOp: '', checkpointTensor: '' };
    return { meta, format: 'TensorFlow frozen graph' };
  });
}

interface Opened {
  readonly meta: MetaGraph;
  readonly format: string;
}

/** The files stay open in the model that is given back, and are closed when none is. */
function withFiles(
  folder: string,
  options: ImportOptions,
  read: (files: FileSet, limits: ImportLimits) => Opened,
): ImportedModel {
  const files = openFileSet(folder);
  try {
    const limits = { ...defaultLimits, ...options.limits };
    return convert(read(files, limits), files, options, limits);
  } catch (error) {
    files[Symbol.dispose]();
    throw error;
  }
}

function parse<T>(source: ByteSource, name: string, read: (reader: ProtobufReader) => T): T {
  if (source.length === 0) throw new InvalidModelError(name, 'the file is empty (0 bytes)');
  try {
    return read(new ProtobufReader(source));
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    const problem = `it is damaged or no TensorFlow graph: at byte ${error.offset}, ${error.message}`;
    throw new InvalidModelError(name, problem);
  }
}

function convert(
  { meta, format }: Opened,
  files: FileSet,
  options: ImportOptions,
  limits: ImportLimits,
): ImportedModel {
  const findings: Finding[] = [];
  const variables = new Map<string, Constant | Restored>();
  const conversion: Conversion = {
    functions: meta.graph.functions,
    variables,
    restore: restorer(files),
    findings,
    limits,
    evaluated: 0,
    nextLoop: 0,
  };
  const scratch = new Emitter(new ImportGraph('restore'));
  if (files.has(`${variablesPrefix}.index`)) restoreVariables(meta, conversion, scratch, variables);
  const signatures = convertAll(meta, conversion, options);
  return {
    format,
    producer: meta.version === '' ? 'TensorFlow' : `TensorFlow ${meta.version}`,
    opset: importOpset,
    signatures,
    findings: unique(findings),
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}

/** Signatures that share a network find the same. */
const unique = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values(),
];

function restorer(files: FileSet): (name: string) => Constant {
  let bundle: TensorBundle | undefined;
  const known = new Map<string, Constant>();
  return (name) => {
    bundle ??= openTensorBundle(files, variablesPrefix);
    const tensor = known.get(name) ?? bundle.tensor(name);
    known.set(name, tensor);
    return tensor;
  };
}

/** Names that only TensorFlow's own loader calls. */
const isInternal = ({ name, outputs }: SignatureDef): boolean =>
  name.startsWith('__saved_model_') || outputs.length === 0;

/** The signature asked for, or `serving_default`, comes first; those that cannot be converted are noted. */
function convertAll(
  meta: MetaGraph,
  conversion: Conversion,
  { signature: asked }: ImportOptions,
): ImportedSignature[] {
  const wanted = asked ?? 'serving_default';
  const all = meta.signatures.filter((signature) => !isInternal(signature));
  const names = all.map(({ name }) => name);
  if (all.length === 0) {
    throw new UnsupportedModelError(
      '',
      'it has no signature that says what goes in and out',
      'save it with one: tf.saved_model.save(model, path, signatures=…), or model.export(path)',
    );
  }
  if (asked !== undefined && !names.includes(asked)) {
    throw new UnsupportedModelError(
      `signature '${asked}'`,
      'the model has none of that name',
      `it has ${names.join(', ')}`,
    );
  }
  all.sort(
    (a, b) => Number(b.name === wanted) - Number(a.name === wanted) || (a.name < b.name ? -1 : 1),
  );
  const converted: ImportedSignature[] = [];
  const problems: { readonly name: string; readonly problem: unknown }[] = [];
  for (const group of groupsOf(all)) {
    const outcomes = convertSafely(meta, group, conversion);
    outcomes.forEach(({ signature, problem }, i) => {
      if (signature) converted.push(signature);
      else problems.push({ name: group[i]?.name ?? '', problem });
    });
  }
  const [first] = problems;
  const isMissing = asked !== undefined && problems.some(({ name }) => name === asked);
  if (first && (converted.length === 0 || isMissing)) throw first.problem;
  for (const { name, problem } of problems) noteDropped(conversion, name, problem);
  return converted;
}

function convertSafely(
  meta: MetaGraph,
  group: readonly SignatureDef[],
  conversion: Conversion,
): ReturnType<typeof convertGroup> {
  try {
    return convertGroup(meta.graph.nodes, group, conversion);
  } catch (problem) {
    return group.map(() => ({ problem }));
  }
}

function noteDropped({ findings }: Conversion, name: string, problem: unknown): void {
  if (!(problem instanceof InvalidModelError || problem instanceof UnsupportedModelError))
    throw problem;
  const what = `not served: ${problem.place}: ${problem.message}`;
  findings.push({ kind: 'dropped', place: `signature '${name}'`, what });
}

/** Lists of texts are alike, whether their size is known or not. */
function groupKey({ type, shape }: TensorInfo): string {
  if (type.name === 'string') return shape?.length === 0 ? 'text' : 'texts';
  return `${type.name} [${shape?.join()}]`;
}

/** Signatures whose inputs have the same types and shapes, in the order of their first. */
function groupsOf(signatures: readonly SignatureDef[]): SignatureDef[][] {
  const groups = new Map<string, SignatureDef[]>();
  for (const signature of signatures) {
    const key = signature.inputs.map(groupKey).join('\n');
    groups.set(key, [...(groups.get(key) ?? []), signature]);
  }
  return [...groups.values()];
}
