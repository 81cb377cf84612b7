/**
 * The files of one model, opened when they are first needed and held until the conversion is written.
 * Names are those that this importer makes; nothing that a file says becomes a path.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteSource } from '../../onnx/byte-source.ts';
import { InvalidModelError } from '../problems.ts';

export interface FileSet extends Disposable {
  /** A file by its name under the model's folder. Throws InvalidModelError when it is not there. */
  open(name: string): ByteSource;
  has(name: string): boolean;
}

/** `folder` is where the model's files are; '' with a full path as the only name. */
export function openFileSet(folder: string): FileSet {
  const open = new Map<string, { readonly fd: number; readonly source: ByteSource }>();
  const find = (name: string): ByteSource => {
    const known = open.get(name);
    if (known) return known.source;
    const fd = openSync(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = fstatSync(fd);
    const source = {
      length: size,
      read: (offset: number, into: Uint8Array) => readFully(fd, offset, into),
    };
    open.set(name, { fd, source });
    return source;
  };
  return {
    open(name) {
      try {
        return find(name);
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        // What was not there at the start is not allowed to be read.
        if (!['ENOENT', 'ERR_ACCESS_DENIED'].includes(code) || folder === '') throw error;
        throw new InvalidModelError(name, 'it is missing; the whole folder of the model is needed');
      }
    },
    has(name) {
      try {
        find(name);
        return true;
      } catch {
        return false;
      }
    },
    [Symbol.dispose]() {
      for (const { fd } of open.values()) closeSync(fd);
      open.clear();
    },
  };
}

/** `read(2)` may give less than asked for before the end of the file. */
function readFully(fd: number, offset: number, into: Uint8Array): number {
  let done = 0;
  while (done < into.byteLength) {
    const count = readSync(fd, into, done, into.byteLength - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
