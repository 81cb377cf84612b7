/**
 * The bodies of REST answers. Floats have a point (3.0) and the fewest digits that give them back; NaN and
 * the infinities are bare words. Texts of an output whose name ends with `_bytes` are base64.
 */

import { ServingError } from '../../errors.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { hasJsonForm } from '../json-numbers/encode-elements.ts';
import { TextSink } from '../json-numbers/text-sink.ts';
import type { ElementWriter } from '../json-numbers/write-elements.ts';
import { createElementWriter, writeElements } from '../json-numbers/write-elements.ts';
import type { Steps } from '../steps.ts';
import type { MethodResult } from './classify-message.ts';
import { refuse, typeName } from './json-leaves.ts';
import type { RestForm } from './rest-predict.ts';

interface Column {
  readonly name: string;
  readonly shape: readonly number[];
  readonly write: ElementWriter;
}

function writeBase64(sink: TextSink, element: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = element;
  sink.ascii('{"b64":"');
  sink.text(Buffer.from(buffer, byteOffset, byteLength).toString('base64'));
  sink.ascii('"}');
}

function columnOf(output: NamedTensor): Column {
  const { name, dtype, shape } = output;
  if (!hasJsonForm(dtype)) refuse(`Failed to write JSON value for tensor type: ${typeName(dtype)}`);
  const text = name.endsWith('_bytes') ? { text: writeBase64 } : {};
  return { name, shape, write: createElementWriter(output, { point: true, ...text }) };
}

/** How many rows all outputs have. Throws TENSORFLOW_REQUEST_INVALID when they have none, or not as many. */
function countRows(columns: readonly Column[]): number {
  let rows: number | undefined;
  for (const { name, shape } of columns) {
    const [own] = shape;
    if (own === undefined) refuse(`Tensor name: ${name} has no shape information `);
    if (rows !== undefined && rows !== own)
      refuse(`Tensor name: ${name} has inconsistent batch size: ${own} expecting: ${rows}`);
    rows = own;
  }
  return rows ?? 0;
}

const product = (dims: readonly number[]): number => dims.reduce((count, dim) => count * dim, 1);

/** Each row an object of the outputs. */
function* writeRows(sink: TextSink, columns: readonly Column[], rows: number): Steps<void> {
  const keys = columns.map(({ name }, i) => `${i > 0 ? ',' : '{'}${JSON.stringify(name)}:`);
  sink.ascii('[');
  for (let row = 0; row < rows; row += 1) {
    if (row > 0) sink.ascii(',');
    for (const [i, { shape, write }] of columns.entries()) {
      const rest = shape.slice(1);
      sink.text(keys[i] as string);
      yield* writeElements(sink, write, rest, row * product(rest));
    }
    sink.ascii('}');
    yield;
  }
  sink.ascii(']');
}

function* writeColumns(sink: TextSink, columns: readonly Column[]): Steps<void> {
  for (const [i, { name, shape, write }] of columns.entries()) {
    sink.text(`${i > 0 ? ',' : '{'}${JSON.stringify(name)}:`);
    yield* writeElements(sink, write, shape);
  }
  sink.ascii('}');
}

/** `{"predictions": […]}` or `{"outputs": …}`. Throws TENSORFLOW_REQUEST_INVALID. */
export function* encodeRestAnswer(outputs: readonly NamedTensor[], form: RestForm): Steps<Buffer> {
  const columns = outputs.map(columnOf);
  const [first] = columns;
  if (!first) throw new ServingError('INTERNAL', {});
  const sink = new TextSink();
  sink.ascii(form === 'row' ? '{"predictions":' : '{"outputs":');
  const rows = form === 'row' ? countRows(columns) : 0;
  if (columns.length === 1) yield* writeElements(sink, first.write, first.shape);
  else if (form === 'row') yield* writeRows(sink, columns, rows);
  else yield* writeColumns(sink, columns);
  sink.ascii('}');
  return yield* sink.join();
}

/** A number as the answers have it. */
function* writeNumber(sink: TextSink, value: number): Steps<void> {
  const data = new Uint8Array(Float32Array.of(value).buffer);
  const write = createElementWriter({ dtype: 'FP32', shape: [], data }, { point: true });
  yield* writeElements(sink, write, []);
}

function* writeClass(
  sink: TextSink,
  { label, score }: { readonly label: string; readonly score: number },
): Steps<void> {
  sink.text(`[${JSON.stringify(label)},`);
  yield* writeNumber(sink, score);
  sink.ascii(']');
}

/** Separates what `write` writes by commas, within brackets. */
function* writeList<T>(
  sink: TextSink,
  items: readonly T[],
  write: (item: T) => Steps<void>,
): Steps<void> {
  sink.ascii('[');
  for (const [i, item] of items.entries()) {
    if (i > 0) sink.ascii(',');
    yield* write(item);
    yield;
  }
  sink.ascii(']');
}

/** `{"results": …}`: a value for each example, or a list of [label, score] for each. */
export function* encodeRestResults(result: MethodResult): Steps<Buffer> {
  const sink = new TextSink();
  sink.ascii('{"results":');
  if (result.method === 'regress')
    yield* writeList(sink, result.values, (value) => writeNumber(sink, value));
  else
    yield* writeList(sink, result.classes, (row) =>
      writeList(sink, row, (one) => writeClass(sink, one)),
    );
  sink.ascii('}');
  return yield* sink.join();
}
