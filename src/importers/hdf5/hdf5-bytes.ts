/**
 * Bytes of an HDF5 file by address, with every read checked against the file's end and a budget for the
 * structures, so that a file that refers to itself ends in a refusal.
 * Source: HDF5 File Format Specification 3.0.
 */

import type { ByteSource } from '../../onnx/byte-source.ts';
import { InvalidModelError, UnsupportedModelError } from '../problems.ts';

export const invalidHdf5 = (place: string, problem: string): InvalidModelError =>
  new InvalidModelError(place === '' ? 'HDF5' : `HDF5 '${place}'`, problem);

export const unsupportedHdf5 = (place: string, what: string, supported: string): Error =>
  new UnsupportedModelError(`HDF5 '${place}'`, what, supported);

/** All bits set: the address of nothing. */
export const nowhere = -1;

/** Zeros. Throws InvalidModelError when there is no memory for so many. */
export function makeRoom(bytes: number, place: string): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch {
    throw invalidHdf5(place, `its ${bytes} bytes do not fit into memory`);
  }
}

/** Bytes of structures (not of data) that may be read of one file. */
const structureBudget = 2 ** 28;
const largestStructure = 2 ** 25;

export class Hdf5Bytes {
  readonly #source: ByteSource;
  readonly #base: number;
  readonly offsetSize: number;
  readonly lengthSize: number;
  #budget = structureBudget;

  constructor(source: ByteSource, base: number, offsetSize: number, lengthSize: number) {
    this.#source = source;
    this.#base = base;
    this.offsetSize = offsetSize;
    this.lengthSize = lengthSize;
  }

  /** Bytes of the file. */
  get length(): number {
    return this.#source.length - this.#base;
  }

  /** A structure of the file, to be read from its beginning. */
  at(address: number, length: number, place: string): Hdf5Cursor {
    if (length > largestStructure)
      throw invalidHdf5(place, `it has a structure of ${length} bytes`);
    this.#budget -= length + 64;
    if (this.#budget < 0) throw invalidHdf5(place, 'its structures are too large or in a circle');
    const bytes = new Uint8Array(length);
    this.read(address, bytes, place);
    return new Hdf5Cursor(this, bytes, place);
  }

  /** The bytes from an address to the end of a block whose length is not known before. */
  atMost(address: number, length: number, place: string): Hdf5Cursor {
    const left = this.#source.length - this.#base - address;
    return this.at(address, Math.max(0, Math.min(length, left)), place);
  }

  read(address: number, into: Uint8Array, place: string): void {
    this.checkRange(address, into.byteLength, place);
    if (this.#source.read(this.#base + address, into) !== into.byteLength) {
      throw invalidHdf5(place, 'the file got shorter while it was read');
    }
  }

  checkRange(address: number, length: number, place: string): void {
    const end = this.#base + address + length;
    if (address >= 0 && end <= this.#source.length) return;
    throw invalidHdf5(
      place,
      `the file ends at byte ${this.#source.length} and byte ${end} is needed; it is cut short or damaged`,
    );
  }
}

/** Reads a structure field by field. */
export class Hdf5Cursor {
  readonly #file: Hdf5Bytes;
  readonly #view: DataView;
  readonly bytes: Uint8Array;
  readonly place: string;
  position = 0;

  constructor(file: Hdf5Bytes, bytes: Uint8Array, place: string) {
    this.#file = file;
    this.bytes = bytes;
    this.place = place;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.byteLength - this.position;
  }

  #take(length: number): number {
    const at = this.position;
    if (length < 0 || at + length > this.bytes.byteLength) {
      throw invalidHdf5(this.place, 'a structure of it is cut short');
    }
    this.position = at + length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** An unsigned number of so many bytes; `nowhere` when all bits are set in one of 8. */
  uint(size: number): number {
    const at = this.#take(size);
    let value = 0;
    let allSet = true;
    for (let i = size - 1; i >= 0; i -= 1) {
      const byte = this.bytes[at + i] as number;
      allSet &&= byte === 0xff;
      value = value * 256 + byte;
    }
    if (allSet && size >= 2) return nowhere;
    if (!Number.isSafeInteger(value)) throw invalidHdf5(this.place, `it has a number of ${value}`);
    return value;
  }

  offset(): number {
    return this.uint(this.#file.offsetSize);
  }

  length(): number {
    return this.uint(this.#file.lengthSize);
  }

  take(length: number): Uint8Array {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  skip(length: number): this {
    this.#take(length);
    return this;
  }

  /** To the next multiple of 8, counted from `start`. */
  align(start = 0): this {
    const over = (this.position - start) % 8;
    return over === 0 ? this : this.skip(Math.min(8 - over, this.left));
  }

  text(length: number): string {
    const bytes = this.take(length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
  }

  /** The next bytes as a structure of its own. */
  part(length: number): Hdf5Cursor {
    return new Hdf5Cursor(this.#file, this.take(length), this.place);
  }

  expect(signature: string): this {
    const found = this.left >= signature.length ? this.text(signature.length) : '';
    if (found === signature) return this;
    throw invalidHdf5(
      this.place,
      `'${signature}' is expected and is not there; the file is damaged`,
    );
  }
}
