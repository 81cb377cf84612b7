/** Some of the numbers of a text as doubles, with the places where they stand. */

import { isBetween } from './elements.ts';
import { mostNumbers } from './number-kernel.ts';

export class NumberChunk {
  readonly body: Buffer;
  readonly values: Float64Array;
  readonly places: Uint32Array;
  /** How many there are. */
  count = 0;
  /** What was met in them beside digits (`signs` of the kernel). */
  signs = 0;

  /** For so many numbers in all. */
  constructor(body: Buffer, numbers: number) {
    this.body = body;
    const room = Math.min(numbers, mostNumbers);
    this.values = new Float64Array(room);
    this.places = new Uint32Array(room);
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
    if (count === 0) return;
    this.values.set(values.subarray(0, count), this.count);
    this.places.set(places.subarray(0, count), this.count);
    this.count += count;
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

/** Puts a chunk's numbers behind those that it got before. */
export type ChunkWriter = (chunk: NumberChunk) => void;
