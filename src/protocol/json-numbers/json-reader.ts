/**
 * Reads a JSON text (RFC 8259, and the words NaN and Infinity as numbers) a piece at a time, without
 * recursion. What the caller declares to be data is kept as `Elements`, where its text stands; everything
 * else becomes plain values, of which there may be so many.
 *
 * Does not own: UTF-8 (read-json.ts looks at it), the values of elements.
 */

import { ServingError } from '../../errors.ts';
import type { Elements, NumberPlan } from './elements.ts';
import { refuse, refuseAt } from './json-fault.ts';
import { NumberReader } from './number-reader.ts';
import type { PlannedNumbers } from './planned-numbers.ts';
import { planNumbers } from './planned-numbers.ts';
import { ElementScan } from './scan-elements.ts';
import type { StringSigns } from './scan-string.ts';
import { endOfString, textBetween } from './scan-string.ts';

/** The nesting that Triton takes. */
const depthLimit = 100;
/** Objects, lists and values beside elements: each is something of the heap, of some hundred bytes. */
const valueLimit = 200_000;
/** Of keys and of texts that are not elements. */
const textLimit = 1 << 20;

/** A list of other than scalars, such as the rows of an object each, or an object, within data. */
export type JsonData = Elements | readonly JsonData[] | { readonly [key: string]: JsonData };

export interface JsonReading {
  /**
   * Whether what follows a key is data; `depth` is how many objects and lists are open, the key's own
   * object included.
   */
  readonly isData: (key: string, depth: number) => boolean;
  /** When there is one key alone in front of all data, and nothing may stand behind the text. */
  readonly dataKey?: string;
  /** How the numbers of data will be read, for what is known of them already: the keys before in their object. */
  readonly plan?: (fields: Readonly<Record<string, unknown>>) => NumberPlan | undefined;
  /** What may stand behind the value: nothing but white space, or anything. */
  readonly after: 'nothing' | 'anything';
}

type State =
  | 'value'
  | 'value-or-end'
  | 'key'
  | 'key-or-end'
  | 'colon'
  | 'after'
  | 'string'
  | 'scan';

/** An open object or list, with the key that waits for its value and whether its values are data. */
interface Container {
  readonly value: Record<string, unknown> | unknown[];
  key: string;
  readonly isData: boolean;
}

export class JsonReader {
  at: number;
  /** Whether strings have to be looked at for their UTF-8; everything else that was taken is ASCII. */
  readonly seen: StringSigns = { beyondAscii: false };
  private readonly body: Buffer;
  private readonly reading: JsonReading;
  private readonly open: Container[] = [];
  private state: State = 'value';
  private root: unknown;
  private scan: ElementScan | undefined;
  /** Containers below an object that a scan came upon. */
  private scanBase = -1;
  private stringStart = 0;
  private stringIsKey = false;
  private values = 0;
  private planned = 0;
  private finished = false;

  constructor(body: Buffer, reading: JsonReading) {
    this.body = body;
    this.reading = reading;
    this.at = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  }

  /** Goes on for about so many bytes. True when the value is read. Throws JSON_INVALID, JSON_TOO_COMPLEX. */
  advance(bytes: number): boolean {
    const stop = Math.min(this.body.length, this.at + bytes);
    while (this.at < stop && !this.finished) this.step(stop);
    if (this.finished) return true;
    if (this.at < this.body.length) return false;
    if (this.open.length > 0 || this.state !== 'after')
      refuseAt(this.body, this.at, this.expected());
    this.finished = true;
    return true;
  }

  /** The value, once `advance` said that it is read. */
  get result(): unknown {
    return this.root;
  }

  private step(stop: number): void {
    const sign = this.body[this.at] as number;
    if (this.state === 'scan') this.goOnScanning(this.scan as ElementScan, stop);
    else if (this.state === 'string') this.goOnInString(stop);
    else if (sign === 0x20 || sign === 0x0a || sign === 0x0d || sign === 0x09) this.at += 1;
    else if (this.state === 'after') this.readAfter(sign);
    else if (this.state === 'colon') this.readColon(sign);
    else if (this.state === 'key' || this.state === 'key-or-end') this.readKey(sign);
    else this.readValue(sign);
  }

  private expected(): string {
    const inList = Array.isArray(this.open.at(-1)?.value);
    switch (this.state) {
      case 'scan':
        return (this.scan as ElementScan).expected;
      case 'string':
        return "a string's closing quote";
      case 'colon':
        return '":"';
      case 'key':
      case 'key-or-end':
        return 'a key in double quotes';
      case 'after':
        return inList ? '"," or "]"' : '"," or "}"';
      default:
        return 'a value';
    }
  }

  private readColon(sign: number): void {
    if (sign !== 0x3a) refuseAt(this.body, this.at, '":"');
    this.at += 1;
    this.state = 'value';
  }

  private readKey(sign: number): void {
    if (sign === 0x7d && this.state === 'key-or-end') this.close();
    else if (sign === 0x22) this.openString(true);
    else refuseAt(this.body, this.at, 'a key in double quotes');
  }

  private readAfter(sign: number): void {
    const top = this.open.at(-1);
    if (!top) {
      if (this.reading.after === 'nothing') refuseAt(this.body, this.at, 'nothing more');
      this.finished = true;
      return;
    }
    const isList = Array.isArray(top.value);
    if (sign === (isList ? 0x5d : 0x7d)) this.close();
    else if (sign === 0x2c) {
      this.at += 1;
      this.state = isList ? 'value' : 'key';
    } else refuseAt(this.body, this.at, this.expected());
  }

  private readValue(sign: number): void {
    const top = this.open.at(-1);
    const isData = top !== undefined && this.holdsData(top);
    if (sign === 0x5d && this.state === 'value-or-end') this.close();
    else if (sign === 0x7b) this.openContainer({}, isData);
    else if (isData) {
      const limit = depthLimit - this.open.length;
      this.scan = new ElementScan({
        body: this.body,
        start: this.at,
        depthLimit: limit,
        seen: this.seen,
        planned: this.planFor(top),
      });
      this.state = 'scan';
    } else if (sign === 0x5b) this.openContainer([], false);
    else if (sign === 0x22) this.openString(false);
    else this.readScalar(sign);
  }

  private holdsData(top: Container): boolean {
    return (
      top.isData || (!Array.isArray(top.value) && this.reading.isData(top.key, this.open.length))
    );
  }

  /** All plans together are for no more numbers than the text can hold. */
  private planFor({ value }: Container): PlannedNumbers | undefined {
    const plan = Array.isArray(value) ? undefined : this.reading.plan?.(value);
    if (!plan || !(this.planned + plan.count <= this.body.length / 2)) return undefined;
    this.planned += plan.count;
    return planNumbers(this.body, plan);
  }

  private openContainer(value: Record<string, unknown> | unknown[], isData: boolean): void {
    if (this.open.length >= depthLimit)
      refuse(`it is nested deeper than ${depthLimit} objects and lists`);
    this.open.push({ value, key: '', isData });
    this.at += 1;
    this.state = Array.isArray(value) ? 'value-or-end' : 'key-or-end';
  }

  private close(): void {
    const { value } = this.open.pop() as Container;
    this.at += 1;
    if (this.scan && this.open.length === this.scanBase) {
      this.scan.skipped(this.at);
      this.scanBase = -1;
      this.state = 'scan';
    } else this.place(value);
  }

  private place(value: unknown): void {
    this.state = 'after';
    const top = this.open.at(-1);
    if (!top) {
      this.root = value;
      return;
    }
    this.values += 1;
    if (this.values > valueLimit) throw new ServingError('JSON_TOO_COMPLEX', { limit: valueLimit });
    if (Array.isArray(top.value)) top.value.push(value);
    else if (top.key === '__proto__')
      Object.defineProperty(top.value, top.key, {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else top.value[top.key] = value;
  }

  private goOnScanning(scan: ElementScan, stop: number): void {
    const state = scan.advance(stop);
    this.at = scan.at;
    if (state === 'done') {
      this.scan = undefined;
      this.place(scan.result());
    } else if (state === 'odd-object') {
      this.scanBase = this.open.length;
      this.openContainer({}, false);
    } else if (state === 'object') this.openLists(scan.depth);
  }

  /** What began like elements is lists of objects: opens them, and the first object. */
  private openLists(depth: number): void {
    this.scan = undefined;
    for (let i = 0; i < depth; i += 1) this.open.push({ value: [], key: '', isData: true });
    this.openContainer({}, true);
  }

  private openString(isKey: boolean): void {
    this.at += 1;
    this.stringStart = this.at;
    this.stringIsKey = isKey;
    this.state = 'string';
  }

  private goOnInString(stop: number): void {
    const { body, stringStart } = this;
    this.at = endOfString(body, this.at, stop, this.seen);
    if (this.at - stringStart > textLimit)
      refuse(`a text at ${stringStart} is longer than ${textLimit} bytes`);
    if (body[this.at] !== 0x22 || this.at >= body.length) return;
    const text = textBetween(body, stringStart, this.at);
    this.at += 1;
    if (this.stringIsKey) {
      (this.open.at(-1) as Container).key = text;
      this.state = 'colon';
    } else this.place(text);
  }

  private readScalar(sign: number): void {
    const { body, at } = this;
    if (sign === 0x74 && body.toString('latin1', at, at + 4) === 'true') this.placeScalar(true, 4);
    else if (sign === 0x66 && body.toString('latin1', at, at + 5) === 'false')
      this.placeScalar(false, 5);
    else if (sign === 0x6e && body.toString('latin1', at, at + 4) === 'null')
      this.placeScalar(null, 4);
    else {
      const reader = new NumberReader(body);
      reader.at = at;
      const value = reader.read();
      this.placeScalar(value, reader.at - at);
    }
  }

  private placeScalar(value: unknown, bytes: number): void {
    this.at += bytes;
    this.place(value);
  }
}
