/**
 * A scalar, or a list of scalars (flat or nested), as it stands in a JSON text: where it is, what kind, how
 * many, which shape. Its values are read later, when the dtype is known (encode-elements.ts), straight from
 * the text into a tensor's bytes.
 */

import type { DType } from '../../tensor/dtype.ts';

export type ElementKind = 'number' | 'string' | 'boolean' | 'null' | 'none';

/** What may be done with numbers while their text is looked through, where the dtype is known so early. */
export interface NumberPlan {
  readonly dtype: DType;
  /** 'literal': an integer dtype takes nothing with a point or an exponent, not even 1.0. */
  readonly integers: 'whole' | 'literal';
  /** How many there should be. */
  readonly count: number;
}

export interface ReadNumbers extends NumberPlan {
  readonly bytes: Uint8Array;
}

export interface ElementFacts {
  /** The text, from the value's first byte to behind its last. */
  readonly body: Buffer;
  readonly start: number;
  readonly end: number;
  /** Of its first scalar; 'none' when there is not one. */
  readonly kind: ElementKind;
  /** Where the first scalar of another kind stands, or an object between them; -1 when there is none. */
  readonly oddAt: number;
  /** How many scalars. */
  readonly count: number;
  /** How deep its lists are nested; 0 for a scalar. */
  readonly depth: number;
  /** Undefined when it is ragged: lists of different lengths or depths side by side. */
  readonly shape: readonly number[] | undefined;
  /** The numbers, when they were read already and all fit. */
  readonly read?: ReadNumbers | undefined;
}

const shownLength = 40;

export class Elements implements ElementFacts {
  readonly body: Buffer;
  readonly start: number;
  readonly end: number;
  readonly kind: ElementKind;
  readonly oddAt: number;
  readonly count: number;
  readonly depth: number;
  readonly shape: readonly number[] | undefined;
  readonly read: ReadNumbers | undefined;

  constructor(facts: ElementFacts) {
    this.body = facts.body;
    this.start = facts.start;
    this.end = facts.end;
    this.kind = facts.kind;
    this.oddAt = facts.oddAt;
    this.count = facts.count;
    this.depth = facts.depth;
    this.shape = facts.shape;
    this.read = facts.read;
  }

  get isList(): boolean {
    return this.depth > 0;
  }

  /** The value that begins at this byte, for a message: short, whatever it is. */
  textAt(at: number): string {
    if (this.body[at] === 0x7b) return 'an object';
    const text = this.body.toString('utf8', at, Math.min(this.end, at + 200));
    const [token = ''] = /^(?:"(?:[^"\\]|\\.)*"?|[^\s,\]}]*)/.exec(text) ?? [];
    return token.length > shownLength ? `${token.slice(0, shownLength)}…` : token;
  }

  /** Its first scalar for a message. */
  get firstText(): string {
    let at = this.start;
    while (isBetween(this.body[at] ?? 0) && at < this.end) at += 1;
    return this.textAt(at);
  }
}

/** Whatever may stand between two scalars of a list. */
export function isBetween(sign: number): boolean {
  return sign === 0x5b || sign === 0x5d || sign === 0x2c || sign <= 0x20;
}
