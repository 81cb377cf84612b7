/**
 * Numbers with commas between them, as fast as it goes: by the kernel, and what it leaves (words, many
 * digits, other white space) by `NumberReader`, one at a time.
 */

import type { NumberChunk } from './number-chunk.ts';
import {
  kernelPlaces,
  kernelResult,
  kernelText,
  kernelValues,
  runKernel,
  signs,
  stops,
  windowBytes,
} from './number-kernel.ts';
import { NumberReader } from './number-reader.ts';
import { powerIndex } from './powers-of-ten.ts';

/** Behind what is asked for, so that a number that begins there is seen whole. */
const overhang = 512;

const firstWindow = 1024;

/** Which reader's text lies in the kernel's memory, and from where to where in its body. */
const loaded = { id: 0, from: 0, to: 0 };
let lastId = 0;

export class RunReader {
  /** Where it is: in front of the next number, or behind the last when `afterValue`. */
  at = 0;
  afterValue = false;
  private readonly body: Buffer;
  private readonly single: NumberReader;
  private readonly asFloats: number;
  private readonly id: number;
  private window = firstWindow;

  /** `asFloats`: the doubles may be off a little, as long as they round to the right FP32. */
  constructor(body: Buffer, asFloats: boolean) {
    this.body = body;
    this.single = new NumberReader(body);
    this.asFloats = asFloats ? 1 : 0;
    lastId += 1;
    this.id = lastId;
  }

  /**
   * Adds numbers to the chunk while one comma and at most one space stand between them, the chunk has room
   * and `stop` is not reached. Throws JSON_INVALID for what is no number.
   */
  read(chunk: NumberChunk, stop: number): void {
    do {
      const why = this.runKernel(chunk, stop);
      if (why === stops.powerMissing) powerIndex(kernelResult[3] as number);
      else if (why === stops.uncommon) this.readOne(chunk, stop);
      else return;
    } while (!this.afterValue && !chunk.isFull && this.isNumber());
  }

  private runKernel(chunk: NumberChunk, stop: number): number {
    const { at } = this;
    this.load(stop);
    const room = chunk.values.length - chunk.count;
    const { from } = loaded;
    const last = Math.min(stop, this.lastStart()) - from;
    const count = runKernel(at - from, from, last, room, this.asFloats);
    chunk.take(kernelValues, kernelPlaces, count);
    const [offset = 0, why = 0, met = 0] = kernelResult;
    chunk.signs |= met;
    this.at = from + offset;
    this.afterValue = why === stops.afterValue;
    return why;
  }

  /** Puts the text from here on into the kernel's memory, when it is not there. */
  private load(stop: number): void {
    const { body, at, id } = this;
    if (loaded.id === id && at >= loaded.from && Math.min(stop, at + 1) <= this.lastStart()) return;
    const to = Math.min(body.length, at + this.window);
    // Few bytes for a few numbers; many for those that go on.
    this.window = Math.min(windowBytes, this.window * 8);
    body.copy(kernelText, 0, at, to);
    // No number ends there: what is cut is left to the reader of single ones.
    kernelText.fill(0xff, to - at, to - at + 16);
    loaded.id = id;
    loaded.from = at;
    loaded.to = to;
  }

  /** Numbers that begin before this lie whole in the kernel's memory, unless they are very long. */
  private lastStart(): number {
    return loaded.to === this.body.length ? loaded.to : loaded.to - overhang;
  }

  private readOne(chunk: NumberChunk, stop: number): void {
    const { body, single } = this;
    single.at = this.at;
    chunk.add(single.read(), this.at);
    // Many digits are as large as an exponent makes them.
    chunk.signs |= signs.exponent;
    this.at = single.at;
    this.afterValue = body[this.at] !== 0x2c || this.at >= stop;
    if (this.afterValue) return;
    this.at += 1;
    if (body[this.at] === 0x20) this.at += 1;
  }

  private isNumber(): boolean {
    const sign = this.body[this.at] as number;
    return (sign >= 0x30 && sign <= 0x39) || sign === 0x2d;
  }
}
