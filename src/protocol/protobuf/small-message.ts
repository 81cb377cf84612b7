/**
 * Small messages by a table of their fields: what is asked about models, health and descriptions. Messages
 * with tensors in them are not read this way, because here every value becomes one of JavaScript.
 *
 * An enum is a text in JavaScript and its number on the wire.
 */

import { refuseMessage, WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export type Kind = 'string' | 'bytes' | 'bool' | 'int' | MessageFields | EnumNumbers;

/** The numbers of an enum by name. */
export interface EnumNumbers {
  readonly numbers: Readonly<Record<string, number>>;
}

export interface Field {
  readonly number: number;
  readonly kind: Kind;
  readonly repeated?: true;
  /** map<string, kind>: an object in JavaScript. */
  readonly map?: true;
}

export interface MessageFields {
  readonly fields: Readonly<Record<string, Field>>;
}

type Value = Readonly<Record<string, unknown>>;

/** A message with 64 MB of nothing but empty elements would otherwise become gigabytes. */
const mostElements = 10_000;

const isMessage = (kind: Kind): kind is MessageFields =>
  typeof kind === 'object' && 'fields' in kind;

export function message(fields: MessageFields['fields']): MessageFields {
  return { fields };
}

export const one = (number: number, kind: Kind): Field => ({ number, kind });
export const many = (number: number, kind: Kind): Field => ({ number, kind, repeated: true });
export const mapOf = (number: number, kind: Kind): Field => ({ number, kind, map: true });

function numberOf(kind: Kind, value: unknown): number | bigint {
  if (typeof kind !== 'object') return value as number | bigint;
  const { numbers } = kind as EnumNumbers;
  if (!Object.hasOwn(numbers, value as string))
    throw new RangeError(`the enum has no ${String(value)}`);
  return numbers[value as string] as number;
}

/** Writes a value that is not left out. */
function writeOne(writer: WireWriter, number: number, kind: Kind, value: unknown): void {
  if (isMessage(kind)) writer.message(number, encodeInto(new WireWriter(), kind, value as Value));
  else if (kind === 'string') writer.string(number, value as string);
  else if (kind === 'bytes') writer.bytes(number, value as Uint8Array);
  else if (kind === 'bool') writer.bool(number, value as boolean);
  else writer.int(number, numberOf(kind, value));
}

function isDefault(kind: Kind, value: unknown): boolean {
  if (isMessage(kind)) return false;
  if (kind === 'bytes') return (value as Uint8Array).byteLength === 0;
  return value === '' || value === false || numberOf(kind, value) === 0;
}

function writeMap(writer: WireWriter, { number, kind }: Field, entries: Value): void {
  for (const [key, value] of Object.entries(entries)) {
    const entry = new WireWriter();
    entry.string(1, key);
    writeOne(entry, 2, kind, value);
    writer.message(number, entry);
  }
}

function encodeInto(writer: WireWriter, { fields }: MessageFields, value: Value): WireWriter {
  for (const [name, field] of Object.entries(fields)) {
    const given = value[name];
    if (given === undefined) continue;
    if (field.map) writeMap(writer, field, given as Value);
    else if (field.repeated)
      for (const item of given as readonly unknown[])
        writeOne(writer, field.number, field.kind, item);
    else if (!isDefault(field.kind, given)) writeOne(writer, field.number, field.kind, given);
  }
  return writer;
}

/**
 * The bytes of a message. Fields that the table does not name, and those with their default value, are
 * left out. Repeated numbers are written one by one, which every reader takes.
 */
export function encodeMessage(shape: MessageFields, value: object): Buffer {
  return encodeInto(new WireWriter(), shape, value as Value).finish();
}

function readOne(reader: WireReader, kind: Kind): unknown {
  if (isMessage(kind)) return decodeFrom(reader.message(), kind);
  if (kind === 'string') return reader.string();
  if (kind === 'bytes') return reader.view();
  if (kind === 'bool') return reader.bool();
  if (kind === 'int') return reader.integer();
  const number = reader.int32();
  return Object.keys(kind.numbers).find((name) => kind.numbers[name] === number) ?? number;
}

function defaultOf({ kind, repeated, map }: Field): unknown {
  if (repeated) return [];
  if (map) return {};
  if (kind === 'string') return '';
  if (kind === 'bool') return false;
  return kind === 'int' ? 0 : undefined;
}

function readEntry(reader: WireReader, kind: Kind): [string, unknown] {
  const entry = decodeFrom(
    reader.message(),
    message({ key: one(1, 'string'), value: one(2, kind) }),
  );
  return [entry.key as string, entry.value];
}

function decodeFrom(reader: WireReader, { fields }: MessageFields): Record<string, unknown> {
  const names = Object.keys(fields);
  const value: Record<string, unknown> = {};
  let elements = 0;
  for (const name of names) value[name] = defaultOf(fields[name] as Field);
  while (reader.next()) {
    const name = names.find((one) => fields[one]?.number === reader.field);
    const field = name === undefined ? undefined : fields[name];
    if (name === undefined || !field) {
      reader.skip();
      continue;
    }
    elements += 1;
    if (elements > mostElements) refuseMessage(`more than ${mostElements} values`, reader.position);
    if (field.map) {
      const [key, entry] = readEntry(reader, field.kind);
      Object.defineProperty(value[name], key, { value: entry, enumerable: true, writable: true });
    } else if (field.repeated) (value[name] as unknown[]).push(readOne(reader, field.kind));
    else value[name] = readOne(reader, field.kind);
  }
  return value;
}

/**
 * The fields of a message by name: those that are absent have their default, a message or enum that is
 * absent is undefined. Throws PROTOBUF_INVALID.
 */
export function decodeMessage<T>(shape: MessageFields, bytes: Uint8Array): T {
  return decodeFrom(new WireReader(bytes), shape) as T;
}
