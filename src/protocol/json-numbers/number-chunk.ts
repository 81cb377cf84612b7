/** Some of the numbers of a text as doubles, with the places where they stand. */

import { isBetween } from './elements.ts';
import { mostNumbers } from './number-kernel.ts';

/** Fewer are copied one by one, which is faster than making views of them. */
const few = 24;

export class NumberChunk {
  readonly values = new Float64Array(mostNumbers);
  readonly places = new Uint32Array(mostNumbers);
  /** How many there are. */
  count = 0;
  /** What was met in them beside digits (`signs` of the kernel). */
  signs = 0;
  private body: Buffer = Buffer.alloc(0);

  /** Empty, for numbers of this body. */
  begin(body: Buffer): void {
    this.body = body;
    this.clear();
  }

  get isFull(): boolean {
    return this.count === this.values.length;
  }

  add(value: number, place: number): void {
    this.values[this.count] = value;
    this.places[this.count] = place;
    this.count += 1;
  }

  /** Adds the first `count` of these. */
  take(values: Float64Array, places: Uint32Array, count: number): void {
    if (count < few) {
      for (let i = 0; i < count; i += 1) this.add(values[i] as number, places[i] as number);
      return;
    }
    this.values.set(values.subarray(0, count), this.count);
    this.places.set(places.subarray(0, count), this.count);
    this.count += count;
  }

  /** Puts all of them into an array, from `at` on. */
  copyTo(array: NumberArray, at: number): void {
    const { values, count } = this;
    if (count < few) for (let i = 0; i < count; i += 1) array[at + i] = values[i] as number;
    else array.set(values.subarray(0, count), at);
  }

  clear(): void {
    this.count = 0;
    this.signs = 0;
  }

  /** A number as it was sent. */
  textOf(index: number): string {
    const { body } = this;
    const start = this.places[index] as number;
    let at = start;
    while (at < body.length && !isBetween(body[at] as number) && body[at] !== 0x7d) at += 1;
    return body.toString('latin1', start, at);
  }

  /** The same for a message. */
  shownTextOf(index: number): string {
    const text = this.textOf(index);
    return text.length > 40 ? `${text.slice(0, 40)}…` : text;
  }
}

export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array;

/** The one that all use: what reads numbers into it writes them away before it pauses. */
export const sharedChunk = new NumberChunk();

/** Puts a chunk's numbers behind those that it got before. */
export type ChunkWriter = (chunk: NumberChunk) => void;
