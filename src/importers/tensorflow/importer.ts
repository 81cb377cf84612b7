/** TensorFlow's two file formats, as importers. */

import type { Elements, GraphData } from '../../onnx/graph-data.ts';
import { isStrings } from '../../onnx/graph-data.ts';
import type { Candidate, ImportedModel, Importer, ImportOptions } from '../importer.ts';
import { withPath } from '../problems.ts';
import {
  filesOfSavedModel,
  openFrozenGraph,
  openSavedModel,
  savedModelName,
} from './open-model.ts';

export const savedModelImporter: Importer = {
  format: 'TensorFlow SavedModel',
  match: ({ name, isFolder, entries }: Candidate) =>
    isFolder ? entries.includes(savedModelName) : name === savedModelName,
  files: filesOfSavedModel,
  open: (path, options) => openWithPath(path, options, openSavedModel),
};

/** A GraphDef begins with a node (field 1), or with its versions or functions. */
const firstBytes = new Set([0x0a, 0x12, 0x22]);

export const frozenGraphImporter: Importer = {
  format: 'TensorFlow frozen graph',
  match: ({ name, isFolder, head }: Candidate) =>
    !isFolder && name.endsWith('.pb') && name !== savedModelName && firstBytes.has(head[0] ?? 0),
  open: (path, options) => openWithPath(path, options, openFrozenGraph),
};

/** Weights are read when they are written: what is wrong with them then is said with the path, too. */
function openWithPath(
  path: string,
  options: ImportOptions,
  open: (path: string, options: ImportOptions) => ImportedModel,
): ImportedModel {
  const model = withPath(path, () => open(path, options));
  const graphs = new Map<GraphData, GraphData>();
  const graphOf = (graph: GraphData): GraphData => {
    const known = graphs.get(graph) ?? withPathInWeights(graph, path);
    graphs.set(graph, known);
    return known;
  };
  const signatures = model.signatures.map((signature) => ({
    ...signature,
    graph: graphOf(signature.graph),
  }));
  return { ...model, signatures };
}

function withPathInWeights(graph: GraphData, path: string): GraphData {
  const initialisers = graph.initialisers.map((tensor) => ({
    ...tensor,
    data: withPathInElements(tensor.data, path),
  }));
  return { ...graph, initialisers };
}

function withPathInElements(data: Elements, path: string): Elements {
  if (isStrings(data) || ArrayBuffer.isView(data)) return data;
  return {
    byteLength: data.byteLength,
    *pieces() {
      const pieces = withPath(path, () => data.pieces()[Symbol.iterator]());
      const take = (): IteratorResult<Uint8Array> => withPath(path, () => pieces.next());
      for (let piece = take(); !piece.done; piece = take()) yield piece.value;
    },
  };
}
