/**
 * A REST predict request to the tensors of a signature: rows (`instances`) or columns (`inputs`).
 *
 * A signature decides the types. All rows must be alike, and become one tensor each input whose first
 * dimension counts them.
 */

import { messageOf, ServingError } from '../../errors.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import { Elements } from '../json-numbers/elements.ts';
import type { JsonData } from '../json-numbers/json-reader.ts';
import type { Steps } from '../steps.ts';
import type { Leaf } from './json-leaves.ts';
import {
  encodeLeaves,
  isBase64,
  isObject,
  leavesOf,
  refuse,
  sameShape,
  showObject,
} from './json-leaves.ts';
import type { RestBody } from './rest-body.ts';

/** The form of a request, which is that of its answer. */
export type RestForm = 'row' | 'columnar';

/** Throws TENSORFLOW_REQUEST_INVALID. */
export function formOf({ instances, inputs }: RestBody): RestForm {
  if (instances !== undefined && inputs !== undefined)
    refuse(
      "JSON Value: {…} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    );
  if (instances === undefined && inputs === undefined)
    refuse("Missing 'inputs' or 'instances' key");
  return inputs === undefined ? 'row' : 'columnar';
}

/** What all rows give for one input, as it is gathered. */
interface Column {
  readonly spec: TensorSpec;
  readonly parts: Leaf[];
  rowShape: readonly number[] | undefined;
}

const product = (shape: readonly number[]): number => shape.reduce((count, dim) => count * dim, 1);

function addRow(column: Column, item: JsonData): void {
  const { shape, parts } = leavesOf(item, column.spec.dtype);
  const expected = column.rowShape ?? shape;
  if (product(expected) !== product(shape))
    refuse(`Expecting tensor size: ${product(expected)} but got: ${product(shape)}`);
  if (!sameShape(expected, shape))
    refuse(`Expecting shape [${expected.join(',')}] but got: [${shape.join(',')}]`);
  column.rowShape = expected;
  for (const part of parts) column.parts.push(part);
}

/** Says of which row what is wrong with it. */
function within(place: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== 'TENSORFLOW_REQUEST_INVALID')
      throw error;
    refuse(`Failed to process element${place}. Error: INVALID_ARGUMENT: ${messageOf(error)}`);
  }
}

function addObject(
  columns: ReadonlyMap<string, Column>,
  item: { readonly [key: string]: JsonData },
  row: number,
): void {
  const keys = Object.keys(item);
  for (const key of keys) {
    within(`: ${row} key: ${key.slice(0, 100)} of 'instances' list`, () => {
      const column = columns.get(key);
      if (!column) refuse(`JSON object: does not have named input: ${key.slice(0, 100)}`);
      addRow(column, item[key] as JsonData);
    });
  }
  if (keys.length === columns.size) return;
  refuse(
    `Failed to process element: ${row} of 'instances' list. JSON object: ${showObject(item)} keys must be equal to: ${[...columns.keys()].sort().join(',')}`,
  );
}

/** Rows that are objects, or that hold base64. */
function* addRows(columns: ReadonlyMap<string, Column>, rows: readonly JsonData[]): Steps<void> {
  const [first] = rows;
  const [only] = columns.values();
  const named = first !== undefined && isObject(first);
  for (const [row, item] of rows.entries()) {
    if (named !== isObject(item)) {
      const [wanted, got] = named ? ['object', 'list'] : ['value/list', 'object'];
      refuse(`Expecting ${wanted} but got ${got} at item ${row} of input list`);
    }
    if (isObject(item)) addObject(columns, item, row);
    else within(`: ${row} of 'instances' list`, () => addRow(only as Column, item));
    yield;
  }
}

function refusePlainRows(inputs: readonly TensorSpec[], rows: JsonData): void {
  const first = Array.isArray(rows) ? (rows[0] as JsonData) : rows;
  if (inputs.length <= 1 || isObject(first)) return;
  refuse(
    'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
  );
}

function* readRows(rows: JsonData, inputs: readonly TensorSpec[]): Steps<NamedTensor[]> {
  const isList = rows instanceof Elements ? rows.isList : Array.isArray(rows);
  if (!isList) refuse("JSON Value: {…} Excepting 'instances' to be an list/array");
  if (rows instanceof Elements && rows.count === 0 && (rows.shape?.[0] ?? 0) === 0)
    refuse("JSON Value: {…} No values in 'instances' array");
  refusePlainRows(inputs, rows);
  const [only] = inputs;
  // The usual form: one list of numbers, however deep.
  if (rows instanceof Elements) return [yield* readWhole(rows, only as TensorSpec, true)];
  const columns = new Map<string, Column>();
  for (const spec of inputs) columns.set(spec.name, { spec, parts: [], rowShape: undefined });
  const list = rows as readonly JsonData[];
  yield* addRows(columns, list);
  const tensors: NamedTensor[] = [];
  for (const { spec, parts, rowShape = [] } of columns.values()) {
    const { name, dtype } = spec;
    const data = yield* encodeLeaves(parts, dtype);
    tensors.push({ name, dtype, shape: [list.length, ...rowShape], data });
  }
  return tensors;
}

/** One value or list that is a whole tensor. */
function* readWhole(
  data: JsonData,
  { name, dtype }: TensorSpec,
  isRows: boolean,
): Steps<NamedTensor> {
  try {
    const { shape, parts } = leavesOf(data, dtype);
    return { name, dtype, shape, data: yield* encodeLeaves(parts, dtype) };
  } catch (error) {
    const isOurs = error instanceof ServingError && error.code === 'TENSORFLOW_REQUEST_INVALID';
    if (!isRows || !isOurs) throw error;
    return refuse(
      `Failed to process element of 'instances' list. Error: INVALID_ARGUMENT: ${messageOf(error)}`,
    );
  }
}

function* readColumns(data: JsonData, inputs: readonly TensorSpec[]): Steps<NamedTensor[]> {
  if (data instanceof Elements || Array.isArray(data) || isBase64(data)) {
    if (inputs.length > 1)
      refuse(
        'inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map',
      );
    return [yield* readWhole(data, inputs[0] as TensorSpec, false)];
  }
  const tensors: NamedTensor[] = [];
  for (const spec of inputs) {
    if (!Object.hasOwn(data, spec.name))
      refuse(`Missing named input: ${spec.name} in 'inputs' object.`);
    const item = (data as { readonly [key: string]: JsonData })[spec.name] as JsonData;
    tensors.push(yield* readWhole(item, spec, false));
  }
  return tensors;
}

/**
 * The tensors of a signature with these inputs. Throws TENSORFLOW_REQUEST_INVALID, TENSORFLOW_UNSUPPORTED or
 * BASE64_INVALID.
 */
export function* readRestInputs(
  body: RestBody,
  inputs: readonly TensorSpec[],
): Steps<NamedTensor[]> {
  const form = formOf(body);
  if (inputs.length === 0) refuse('Failed to get input map for signature');
  return form === 'row'
    ? yield* readRows(body.instances as JsonData, inputs)
    : yield* readColumns(body.inputs as JsonData, inputs);
}
