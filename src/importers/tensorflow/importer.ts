/** TensorFlow's two file formats, as importers. */

import type { Candidate, Importer } from '../importer.ts';
import { withPath } from '../problems.ts';
import { openFrozenGraph, openSavedModel, savedModelName } from './open-model.ts';

export const savedModelImporter: Importer = {
  format: 'TensorFlow SavedModel',
  match: ({ name, isFolder, entries }: Candidate) =>
    isFolder ? entries.includes(savedModelName) : name === savedModelName,
  open: (path, options) => withPath(path, () => openSavedModel(path, options)),
};

/** A GraphDef begins with a node (field 1), or with its versions or functions. */
const firstBytes = new Set([0x0a, 0x12, 0x22]);

export const frozenGraphImporter: Importer = {
  format: 'TensorFlow frozen graph',
  match: ({ name, isFolder, head }: Candidate) =>
    !isFolder && name.endsWith('.pb') && name !== savedModelName && firstBytes.has(head[0] ?? 0),
  open: (path, options) => withPath(path, () => openFrozenGraph(path, options)),
};
