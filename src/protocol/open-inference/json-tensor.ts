/**
 * Tensors as JSON lists, flat or nested, to and from bytes.
 * Source: Open Inference Protocol, "Tensor Data". The values: src/protocol/json-numbers/.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { elementCount } from '../../tensor/tensor.ts';
import { Elements } from '../json-numbers/elements.ts';
import { encodeElements, nameOfElement } from '../json-numbers/encode-elements.ts';
import type { TextSink } from '../json-numbers/text-sink.ts';
import { createElementWriter, writeElements } from '../json-numbers/write-elements.ts';
import type { Steps } from '../steps.ts';

/** Lists in lists at most; no tensor has more axes in any client. */
const deepestLists = 17;

/** What the JSON reader makes of `data`: a list of scalars, or one of objects, which is refused later. */
export type DataList = Elements | readonly unknown[];

export function isDataList(value: unknown): value is DataList {
  return value instanceof Elements ? value.isList : Array.isArray(value);
}

/** JSON `data` of an input as bytes. Throws INPUT_DATA_INVALID. */
export function* encodeJsonData(
  input: string,
  dtype: DType,
  shape: readonly number[],
  data: DataList,
): Steps<Uint8Array> {
  const refuse = (problem: string): never => {
    throw new ServingError('INPUT_DATA_INVALID', { input, problem });
  };
  if (!(data instanceof Elements)) return refuse(`an object is not ${nameOfElement(dtype)}`);
  if (data.depth > deepestLists) refuse('it is nested deeper than 16 lists');
  const expected = elementCount(shape);
  if (data.count !== expected)
    refuse(`it has ${data.count} elements; the shape [${shape.join(', ')}] takes ${expected}`);
  return yield* encodeElements([data], { dtype, integers: 'whole', refuse });
}

/** Writes a tensor's elements as a flat JSON list. */
export function* writeJsonData(sink: TextSink, tensor: Tensor): Steps<void> {
  const count = elementCount(tensor.shape);
  yield* writeElements(sink, createElementWriter(tensor), [count]);
}
