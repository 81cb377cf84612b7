/**
 * The examples of a REST classify or regress request: each is an object of features, whose values are
 * floats when they have a point or an exponent, else integers; true and false are integers too.
 */

import { unpackBytes } from '../../tensor/tensor.ts';
import { Elements } from '../json-numbers/elements.ts';
import { encodeElements } from '../json-numbers/encode-elements.ts';
import type { JsonData } from '../json-numbers/json-reader.ts';
import type { Steps } from '../steps.ts';
import type { Example, Feature } from './example.ts';
import { withContext } from './example.ts';
import { encodeLeaves, isBase64, isObject, refuse } from './json-leaves.ts';
import type { RestBody } from './rest-body.ts';
import type { TensorRoom } from './tensor-room.ts';

const none: Feature = { kind: 'float', values: new Float64Array(0) };

function refuseElement(name: string, type: string): never {
  refuse(`Feature: ${name.slice(0, 100)} has element with unexpected JSON type: ${type}`);
}

/** A point, an exponent, NaN or an infinity somewhere makes all of them floats. */
function haveFractions({ body, start, end }: Elements): boolean {
  for (let at = start; at < end; at += 1) {
    const sign = body[at] as number;
    if (sign === 0x2e || sign === 0x65 || sign === 0x45 || sign === 0x4e || sign === 0x49)
      return true;
  }
  return false;
}

/** Bytes that own their buffer, as typed arrays want them. */
const owned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

function* numbersOf(name: string, elements: Elements): Steps<Feature> {
  const fail = (problem: string): never => refuse(`Feature: ${name.slice(0, 100)}: ${problem}`);
  const dtype = haveFractions(elements) ? 'FP64' : 'INT64';
  const options = { dtype, integers: 'literal', refuse: fail } as const;
  const bytes = owned(yield* encodeElements([elements], options));
  return dtype === 'FP64'
    ? { kind: 'float', values: new Float64Array(bytes) }
    : { kind: 'int64', values: new BigInt64Array(bytes) };
}

function* booleansOf(name: string, elements: Elements): Steps<Feature> {
  const fail = (): never => refuseElement(name, 'mixed');
  const options = { dtype: 'BOOL', integers: 'literal', refuse: fail } as const;
  const bytes = yield* encodeElements([elements], options);
  return { kind: 'int64', values: BigInt64Array.from(bytes, BigInt) };
}

function* elementsOf(name: string, elements: Elements): Steps<Feature> {
  if (elements.depth > 1 || elements.shape === undefined) refuseElement(name, 'Array');
  if (elements.oddAt >= 0)
    refuse(
      `Unexpected element type in feature: ${name.slice(0, 100)} expecting type: ${elements.kind}`,
    );
  switch (elements.kind) {
    case 'number':
      return yield* numbersOf(name, elements);
    case 'boolean':
      return yield* booleansOf(name, elements);
    case 'string':
      return { kind: 'bytes', values: unpackBytes(yield* encodeLeaves([elements], 'BYTES')) };
    case 'null':
      return refuseElement(name, 'Null');
    default:
      return none;
  }
}

function* featureOf(name: string, data: JsonData): Steps<Feature> {
  if (data instanceof Elements) return yield* elementsOf(name, data);
  const list = Array.isArray(data) ? (data as readonly JsonData[]) : [data];
  const values: Uint8Array[] = [];
  for (const item of list) {
    if (item instanceof Elements || Array.isArray(item)) refuseElement(name, 'Array');
    if (!isBase64(item)) refuseElement(name, 'Object');
    values.push(...unpackBytes(yield* encodeLeaves([item], 'BYTES')));
  }
  return { kind: 'bytes', values };
}

function* exampleOf(data: JsonData): Steps<Example> {
  if (data instanceof Elements) {
    const type = data.isList ? 'Array' : data.firstText;
    refuse(`Example must be JSON object but got JSON ${type}`);
  }
  if (Array.isArray(data)) refuse('Example must be JSON object but got JSON Array');
  const example = new Map<string, Feature>();
  for (const [name, item] of Object.entries(data as { readonly [key: string]: JsonData }))
    example.set(name, yield* featureOf(name, item));
  return example;
}

/** Throws TENSORFLOW_REQUEST_INVALID, BASE64_INVALID and what `room` throws. */
export function* readRestExamples(
  { examples, context }: RestBody,
  room: TensorRoom,
): Steps<readonly Example[]> {
  if (examples === undefined)
    refuse("JSON Value: {…} When method is classify, key 'examples' is expected and was not found");
  if (examples instanceof Elements ? !examples.isList : isObject(examples) || isBase64(examples))
    refuse("JSON Value: {…} Expecting 'examples' value to be an list/array");
  if (examples instanceof Elements) {
    if (examples.count === 0) refuse("JSON Value: {…} 'examples' value is an empty array");
    refuse(`Example must be JSON object but got JSON ${examples.firstText}`);
  }
  const list: Example[] = [];
  for (const item of examples as readonly JsonData[]) {
    list.push(yield* exampleOf(item));
    yield;
  }
  return context === undefined ? list : withContext(list, yield* exampleOf(context), room);
}
