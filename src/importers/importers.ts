/** All formats that are converted, and which of them a file is. */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { basename } from 'node:path';
import type { Candidate, Importer } from './importer.ts';
import { headBytes } from './importer.ts';
import { kerasHdf5Importer, kerasImporter } from './keras/open-keras.ts';
import { frozenGraphImporter, savedModelImporter } from './tensorflow/importer.ts';

export const importers: readonly Importer[] = [
  kerasImporter,
  kerasHdf5Importer,
  savedModelImporter,
  frozenGraphImporter,
];

/** As it stands in messages. */
export const importedFormats = importers.map(({ format }) => format).join(', ');

/** The importer that knows the file or folder; undefined for none. Throws what `fs` throws. */
export function findImporter(path: string): Importer | undefined {
  const candidate = lookAt(path);
  return importers.find((importer) => importer.match(candidate));
}

function lookAt(path: string): Candidate {
  const name = basename(path).toLowerCase();
  const base = { path, name, head: new Uint8Array(), length: 0, entries: [] };
  if (statSync(path).isDirectory()) return { ...base, isFolder: true, entries: readdirSync(path) };
  // Without NONBLOCK, a named pipe would hold the process until someone writes to it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const head = new Uint8Array(headBytes);
    const count = readSync(fd, head, 0, headBytes, 0);
    return { ...base, isFolder: false, head: head.subarray(0, count), length: fstatSync(fd).size };
  } finally {
    closeSync(fd);
  }
}
