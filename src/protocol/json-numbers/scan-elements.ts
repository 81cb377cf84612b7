/**
 * Finds where a scalar or a list of scalars ends, and what is in it, without reading the values. Checks the
 * brackets, commas, quotes and escapes; numbers are checked when they are read.
 */

import type { ElementKind } from './elements.ts';
import { Elements } from './elements.ts';
import { refuse, refuseAt } from './json-fault.ts';
import { longestNumber } from './number-reader.ts';
import type { PlannedNumbers } from './planned-numbers.ts';
import type { StringSigns } from './scan-string.ts';
import { endOfString } from './scan-string.ts';

/**
 * Lists of nothing: a tensor that has one has no elements, so that more of them are only work, for whoever
 * reads them and for whoever writes the answer's rows.
 */
const mostEmptyLists = 10_000;

const tableOf = (signs: string): Uint8Array => {
  const table = new Uint8Array(256);
  for (const sign of signs) table[sign.charCodeAt(0)] = 1;
  return table;
};
/** The signs of which numbers, NaN and the infinities consist, and those with which they begin. */
const isNumberSign = tableOf('0123456789+-.eEINafinty');
const startsNumber = tableOf('0123456789-IN');

const literals: Readonly<Record<number, readonly [text: string, kind: ElementKind]>> = {
  116: ['true', 'boolean'],
  102: ['false', 'boolean'],
  110: ['null', 'null'],
};

/** 'object': an object begins where the first scalar could have been; only opening brackets came before. */
export type ScanState = 'more' | 'done' | 'object' | 'odd-object';

export interface ScanOptions {
  readonly body: Buffer;
  readonly start: number;
  /** How deep lists may be nested. */
  readonly depthLimit: number;
  readonly seen: StringSigns;
  readonly planned: PlannedNumbers | undefined;
}

export class ElementScan {
  at: number;
  /** Lists that are open. */
  depth = 0;
  private readonly body: Buffer;
  private readonly start: number;
  private readonly depthLimit: number;
  private readonly seen: StringSigns;
  private kind: ElementKind = 'none';
  private oddAt = -1;
  private count = 0;
  private deepest = 0;
  private rank = -1;
  private ragged = false;
  /** Per depth: the length of the first list that ended, and of the one that is open. */
  private readonly lengths: number[] = [];
  private readonly counts: number[] = [];
  private afterValue = false;
  private mayClose = false;
  private inString = false;
  private emptyLists = 0;

  private planned: PlannedNumbers | undefined;
  /** Made when it is needed. */
  private view: DataView | undefined;

  constructor({ body, start, depthLimit, seen, planned }: ScanOptions) {
    this.body = body;
    this.at = start;
    this.start = start;
    this.depthLimit = depthLimit;
    this.seen = seen;
    this.planned = planned;
  }

  /** What could stand where it is now, for a text that ends there. */
  get expected(): string {
    if (this.inString) return "a string's closing quote";
    return this.afterValue ? '"," or "]"' : 'a value';
  }

  /** Goes on to about the byte `stop`. Throws JSON_INVALID. */
  advance(stop: number): ScanState {
    while (this.at < stop) {
      if (this.inString) {
        this.goOnInString(stop);
      } else {
        const sign = this.body[this.at] as number;
        if (sign === 0x20 || (sign >= 0x09 && sign <= 0x0d && sign !== 0x0b && sign !== 0x0c)) {
          this.at += 1;
          continue;
        }
        if (this.afterValue) this.goOnAfterValue(sign);
        else if (sign === 0x7b) return this.meetObject();
        else this.takeValue(sign, stop);
      }
      if (this.depth === 0 && this.afterValue) return 'done';
    }
    return 'more';
  }

  /** Behind an object that was skipped. */
  skipped(at: number): void {
    this.at = at;
  }

  result(): Elements {
    const { body, start, at, kind, oddAt, count, deepest } = this;
    const shape = this.ragged ? undefined : this.lengths.slice(1, deepest + 1);
    const read = kind === 'number' && oddAt < 0 ? this.planned?.finish() : undefined;
    return new Elements({ body, start, end: at, kind, oddAt, count, depth: deepest, shape, read });
  }

  private meetObject(): ScanState {
    if (this.kind === 'none' && this.lengths.length === 0) return 'object';
    if (this.oddAt < 0) this.oddAt = this.at;
    this.finishScalars(1);
    return 'odd-object';
  }

  private takeValue(sign: number, stop: number): void {
    if (startsNumber[sign] === 1) this.takeNumbers(stop);
    else if (sign === 0x22) this.openString();
    else if (sign === 0x5b) this.openList();
    else if (sign === 0x5d && this.mayClose) this.closeList();
    else this.takeLiteral(sign);
  }

  private goOnAfterValue(sign: number): void {
    if (sign === 0x2c) {
      this.at += 1;
      this.afterValue = false;
      this.mayClose = false;
    } else if (sign === 0x5d) this.closeList();
    else refuseAt(this.body, this.at, '"," or "]"');
  }

  private note(kind: ElementKind): void {
    if (this.kind === 'none') this.kind = kind;
    else if (this.kind !== kind && this.oddAt < 0) this.oddAt = this.at;
  }

  private finishScalars(count: number): void {
    this.count += count;
    if (this.rank === -1) this.rank = this.depth;
    if (this.rank !== this.depth || this.depth < this.deepest) this.ragged = true;
    this.counts[this.depth] = (this.counts[this.depth] ?? 0) + count;
    this.afterValue = true;
  }

  private openList(): void {
    this.at += 1;
    this.depth += 1;
    if (this.depth > this.depthLimit) refuse('its lists are nested too deep');
    if (this.depth > this.deepest) {
      if (this.rank !== -1) this.ragged = true;
      this.deepest = this.depth;
    }
    this.counts[this.depth] = 0;
    this.mayClose = true;
  }

  private closeList(): void {
    const { depth, lengths, counts } = this;
    const count = counts[depth] as number;
    lengths[depth] ??= count;
    if (lengths[depth] !== count) this.ragged = true;
    if (count === 0) this.noteEmpty();
    this.at += 1;
    this.depth = depth - 1;
    counts[depth - 1] = (counts[depth - 1] ?? 0) + 1;
    this.afterValue = true;
  }

  private noteEmpty(): void {
    this.emptyLists += 1;
    if (this.emptyLists > mostEmptyLists)
      refuse(`it has more than ${mostEmptyLists} empty lists in one value`);
  }

  private takeNumbers(stop: number): void {
    this.note('number');
    if (this.planned && this.depth > 0 && this.oddAt < 0) this.readPlanned(this.planned, stop);
    else this.skipNumbers(stop);
  }

  private readPlanned(planned: PlannedNumbers, stop: number): void {
    const count = planned.read(this.at, stop);
    if (count < 0) {
      this.planned = undefined;
      this.skipNumbers(stop);
      return;
    }
    this.at = planned.at;
    this.finishScalars(count);
    this.afterValue = planned.afterValue;
    this.mayClose = false;
  }

  /** Numbers with commas between them, as long as nothing else comes. */
  private skipNumbers(stop: number): void {
    const { body } = this;
    this.view ??= new DataView(body.buffer, body.byteOffset, body.byteLength);
    const { view } = this;
    const lastWord = body.length - 4;
    let at = this.at;
    let count = 0;
    let next = at;
    do {
      at = next;
      const limit = at + longestNumber;
      at += 1;
      // Four digits at a time; no sign of these that is no digit is read as a number later.
      while (at <= lastWord && (view.getInt32(at, true) & 0xf0f0f0f0) === 0x30303030 && at < limit)
        at += 4;
      while (isNumberSign[body[at] as number] === 1 && at < limit) at += 1;
      if (at >= limit) refuse(`a number has more than ${longestNumber} digits`);
      count += 1;
      next = at + 1;
      if (body[at] !== 0x2c || at >= stop || this.depth === 0) break;
      if (body[next] === 0x20) next += 1;
    } while (startsNumber[body[next] as number] === 1);
    this.at = at;
    this.finishScalars(count);
  }

  private takeLiteral(sign: number): void {
    const [text, kind] = literals[sign] ?? [];
    if (!text || !kind || this.body.toString('latin1', this.at, this.at + text.length) !== text)
      refuseAt(this.body, this.at, 'a value');
    this.note(kind);
    this.at += text.length;
    this.finishScalars(1);
  }

  private openString(): void {
    this.note('string');
    this.inString = true;
    this.at += 1;
  }

  private goOnInString(stop: number): void {
    this.at = endOfString(this.body, this.at, stop, this.seen);
    if (this.at >= stop && this.body[this.at] !== 0x22) return;
    this.inString = false;
    this.at += 1;
    this.finishScalars(1);
  }
}
