/** Where a reader takes bytes from: a file read piece by piece, or bytes already in memory. */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

export interface ByteSource {
  /** Length in bytes when the source was opened. */
  readonly length: number;
  /** Fills `into` from `offset`; gives how many bytes there were, fewer only at the end. */
  read(offset: number, into: Uint8Array): number;
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  const read = (offset: number, into: Uint8Array): number => {
    const part = bytes.subarray(offset, offset + into.byteLength);
    into.set(part);
    return part.byteLength;
  };
  return { length: bytes.byteLength, read };
}

/** Opens a file, hands it to `use` and closes it. Throws what `fs` throws (ENOENT, EACCES, EISDIR). */
export function withFileSource<T>(path: string, use: (source: ByteSource) => T): T {
  // Without NONBLOCK, a named pipe would hold the process until someone writes to it.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return use({ length: fstatSync(fd).size, read: (offset, into) => readFully(fd, offset, into) });
  } finally {
    closeSync(fd);
  }
}

/** A file that stays open until it is disposed of. Throws what `fs` throws. */
export function openFileSource(path: string): ByteSource & Disposable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return {
    length: fstatSync(fd).size,
    read: (offset, into) => readFully(fd, offset, into),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** A part of another source, as one of its own: a file inside an archive. */
export function sliceSource(source: ByteSource, start: number, length: number): ByteSource {
  const read = (offset: number, into: Uint8Array): number => {
    if (offset >= length) return 0;
    return source.read(start + offset, into.subarray(0, length - offset));
  };
  return { length, read };
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
