/**
 * What a JSON body says for one tensor: its shape, and its values in order as they stand in the text.
 *
 * A value is a number, true, false, a text, or for DT_STRING an object {"b64": "…"} with nothing else in it.
 * Source: TensorFlow Serving, api_rest.md; the words of the errors are those of its json_tensor.cc.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { packBytes } from '../../tensor/tensor.ts';
import { decodeBase64 } from '../decode-base64.ts';
import type { ElementKind } from '../json-numbers/elements.ts';
import { Elements } from '../json-numbers/elements.ts';
import { encodeElements, hasJsonForm } from '../json-numbers/encode-elements.ts';
import type { JsonData } from '../json-numbers/json-reader.ts';
import type { Steps } from '../steps.ts';
import { dataTypeOf } from './data-types.ts';

/** An object {"b64": "…"}: the text between the quotes. */
export interface Base64Leaf {
  readonly b64: Elements;
}

export type Leaf = Elements | Base64Leaf;

export interface Leaves {
  readonly shape: readonly number[];
  readonly parts: readonly Leaf[];
}

/** Throws TENSORFLOW_REQUEST_INVALID. */
export function refuse(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

/** `float` for FP32: TensorFlow's name in messages. */
export function typeName(dtype: DType): string {
  return dataTypeOf(dtype).name.slice(3).toLowerCase();
}

const jsonTypes: Record<ElementKind | 'object', string> = {
  number: 'Number',
  string: 'String',
  boolean: 'Boolean',
  null: 'Null',
  none: 'Array',
  object: 'Object',
};

export function isBase64(data: JsonData): data is { readonly b64: Elements } {
  if (data instanceof Elements || Array.isArray(data)) return false;
  const { b64 } = data as { readonly b64?: JsonData };
  const isText = b64 instanceof Elements && b64.kind === 'string' && !b64.isList;
  return isText && Object.keys(data).length === 1;
}

/** An object that is not one base64 value. */
export function isObject(data: JsonData): data is { readonly [key: string]: JsonData } {
  return !(data instanceof Elements) && !Array.isArray(data) && !isBase64(data);
}

/** The beginning of an object, for messages. */
export function showObject(data: { readonly [key: string]: JsonData }): string {
  const keys = Object.keys(data);
  const shown = keys.slice(0, 20).map((key) => `${JSON.stringify(key.slice(0, 100))}: …`);
  return `{${shown.join(', ')}${keys.length > 20 ? ', …' : ''}}`;
}

function refuseType(text: string, type: string, dtype: DType): never {
  refuse(`JSON Value: ${text} Type: ${type} is not of expected type: ${typeName(dtype)}`);
}

const wantedKinds: Partial<Record<DType, ElementKind>> = { BOOL: 'boolean', BYTES: 'string' };

function checkKind(elements: Elements, dtype: DType): void {
  const { kind, oddAt } = elements;
  if (kind !== 'none' && kind !== (wantedKinds[dtype] ?? 'number'))
    refuseType(elements.firstText, jsonTypes[kind], dtype);
  if (oddAt < 0) return;
  const text = elements.textAt(oddAt);
  refuseType(text, typeOfText(text), dtype);
}

function typeOfText(text: string): string {
  if (text === 'an object') return 'Object';
  if (text.startsWith('"')) return 'String';
  if (text === 'true' || text === 'false') return 'Boolean';
  return text === 'null' ? 'Null' : 'Number';
}

function collect(data: JsonData, dtype: DType, parts: Leaf[]): readonly number[] {
  if (data instanceof Elements) {
    checkKind(data, dtype);
    parts.push(data);
    return (
      data.shape ?? refuse('Encountered list at unexpected size; lists of a level must be alike')
    );
  }
  if (!Array.isArray(data)) {
    if (dtype !== 'BYTES') refuseType('an object', jsonTypes.object, dtype);
    if (!isBase64(data))
      refuse(
        `JSON Value: ${showObject(data as { [key: string]: JsonData })} not formatted correctly for base64 data`,
      );
    parts.push(data);
    return [];
  }
  let first: readonly number[] | undefined;
  for (const item of data) {
    const shape = collect(item, dtype, parts);
    first ??= shape;
    if (!sameShape(first, shape))
      refuse(
        `Encountered list at unexpected size: [${shape.join(',')}] expected size: [${first.join(',')}]`,
      );
  }
  return [data.length, ...(first ?? [])];
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** The shape and the values of a tensor of this dtype. Throws TENSORFLOW_REQUEST_INVALID. */
export function leavesOf(data: JsonData, dtype: DType): Leaves {
  const parts: Leaf[] = [];
  const shape = collect(data, dtype, parts);
  return { shape, parts };
}

/** A text is decoded in pieces of this length, which is a multiple of four. */
const pieceLength = 1 << 17;

/** True when nothing of the text was skipped. */
function isWhole(piece: Buffer, text: string): boolean {
  const digits = text.replace(/={1,2}$/, '').length;
  return piece.length === Math.floor((digits * 3) / 4);
}

/** Base64 in the text of a JSON string; of what is odd about it `decodeBase64` tells. */
function* decodeLeaf({ b64 }: Base64Leaf): Steps<Uint8Array> {
  const { body, start, end } = b64;
  const text = body.toString('latin1', start + 1, end - 1);
  const whole = text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
  if (whole.length <= pieceLength) return decodeBase64(whole, 'a value of b64');
  const bytes = Buffer.allocUnsafeSlow(Math.ceil((whole.length * 3) / 4));
  let written = 0;
  for (let from = 0; from < whole.length; from += pieceLength) {
    const text = whole.slice(from, from + pieceLength);
    const piece = Buffer.from(text, 'base64');
    // Shorter: padding, line breaks or worse. All of it is looked at to tell which.
    const isLast = text.length < pieceLength || from + pieceLength === whole.length;
    if (isLast ? !isWhole(piece, text) : piece.length !== (pieceLength * 3) / 4)
      return decodeBase64(whole, 'a value of b64');
    written += piece.copy(bytes, written);
    yield;
  }
  return bytes.subarray(0, written);
}

/** "1.5 is not an integer", "300 does not fit into INT8": what is wrong with a value. */
function refuseValue(problem: string, dtype: DType): never {
  const [, value] = /^(\S+) (?:is not|does not fit)/.exec(problem) ?? [];
  if (value !== undefined) refuseType(value, typeOfText(value), dtype);
  refuse(`JSON Value: ${problem}`);
}

/** The bytes of all parts, one after the other. Throws TENSORFLOW_REQUEST_INVALID or TENSORFLOW_UNSUPPORTED. */
export function* encodeLeaves(parts: readonly Leaf[], dtype: DType): Steps<Uint8Array> {
  if (!hasJsonForm(dtype)) {
    const problem = `Conversion of JSON Value: to type: ${typeName(dtype)}`;
    throw new ServingError('TENSORFLOW_UNSUPPORTED', { problem });
  }
  const options = {
    dtype,
    integers: 'literal',
    refuse: (problem: string): never => refuseValue(problem, dtype),
  } as const;
  const plain = parts.filter((part): part is Elements => part instanceof Elements);
  if (plain.length === parts.length) return yield* encodeElements(plain, options);
  const pieces: Uint8Array[] = [];
  for (const part of parts) {
    if (part instanceof Elements) pieces.push(yield* encodeElements([part], options));
    else pieces.push(packBytes([yield* decodeLeaf(part)]));
    yield;
  }
  return Buffer.concat(pieces);
}
