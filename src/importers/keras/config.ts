/**
 * Reading of Keras' JSON: every value is checked when it is taken, and what is wrong is told with the
 * place in the model.
 */

import { InvalidModelError } from '../problems.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** Parses JSON that nests at most `depth` deep. Python's NaN and Infinity become null. */
export function parseJson(text: string, place: string, depth: number): Json {
  let value: Json;
  try {
    value = JSON.parse(withoutPythonNumbers(text)) as Json;
  } catch (error) {
    throw new InvalidModelError(place, `it is not valid JSON: ${(error as Error).message}`);
  }
  checkDepth(value, place, depth);
  return value;
}

/** `NaN`, `Infinity` outside of strings, as Python's json writes them. */
function withoutPythonNumbers(text: string): string {
  if (!/\b(NaN|Infinity)\b/.test(text)) return text;
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (part) =>
    part.startsWith('"') ? part : 'null',
  );
}

function checkDepth(value: Json, place: string, depth: number): void {
  const open: { value: Json; left: number }[] = [{ value, left: depth }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value: inner, left } = next;
    if (typeof inner !== 'object' || inner === null) continue;
    if (left === 0) throw new InvalidModelError(place, `it nests deeper than ${depth} levels`);
    for (const below of Object.values(inner)) {
      if (below !== undefined) open.push({ value: below as Json, left: left - 1 });
    }
  }
}

/** The options of a layer. */
export class Config {
  readonly values: JsonObject;
  readonly place: string;

  constructor(values: JsonObject, place: string) {
    this.values = values;
    this.place = place;
  }

  fail(key: string, expected: string): InvalidModelError {
    const found = JSON.stringify(this.values[key]) ?? 'nothing';
    return new InvalidModelError(
      this.place,
      `its ${key} is ${found.slice(0, 100)}; expected ${expected}`,
    );
  }

  has(key: string): boolean {
    const value = this.values[key];
    return value !== undefined && value !== null;
  }

  get(key: string): Json | undefined {
    return this.values[key];
  }

  bool(key: string, fallback: boolean): boolean {
    const value = this.values[key] ?? fallback;
    if (typeof value !== 'boolean') throw this.fail(key, 'true or false');
    return value;
  }

  number(key: string, fallback?: number): number {
    const value = this.values[key] ?? fallback;
    if (typeof value !== 'number') throw this.fail(key, 'a number');
    return value;
  }

  /** Undefined when it is null or left out. */
  optionalNumber(key: string): number | undefined {
    return this.has(key) ? this.number(key) : undefined;
  }

  int(key: string, fallback?: number): number {
    const value = this.number(key, fallback);
    if (!Number.isSafeInteger(value)) throw this.fail(key, 'a whole number');
    return value;
  }

  text(key: string, fallback?: string): string {
    const value = this.values[key] ?? fallback;
    if (typeof value !== 'string') throw this.fail(key, 'a text');
    return value;
  }

  /** A list of whole numbers; one number counts as `count` of them. */
  ints(key: string, count?: number, fallback?: number): number[] {
    const value = plain(this.values[key] ?? fallback);
    const list = isList(value) ? value : Array.from({ length: count ?? 1 }, () => value ?? null);
    if (!list.every((item): item is number => Number.isSafeInteger(item))) {
      throw this.fail(key, 'whole numbers');
    }
    if (count !== undefined && list.length !== count) throw this.fail(key, `${count} numbers`);
    return [...list];
  }

  /** A list of positive whole numbers: sizes of windows and strides. */
  sizes(key: string, count: number, fallback?: number): number[] {
    const list = this.ints(key, count, fallback);
    if (list.some((size) => size < 1)) throw this.fail(key, 'numbers of at least 1');
    return list;
  }

  object(key: string): JsonObject {
    const value = this.values[key];
    if (!isObject(value)) throw this.fail(key, 'an object');
    return value;
  }
}

/** `{"class_name": "__tuple__", "items": […]}` (or `config`) is the list in it. */
export function plain(value: Json | undefined): Json | undefined {
  if (!isObject(value) || value.class_name !== '__tuple__') return value;
  return (value.items ?? value.config) as Json | undefined;
}
