/**
 * Prints src/grpc/descriptor-files.ts: the files of proto/ as the descriptors that reflection hands out.
 *
 *   tools/node24 scripts/make-descriptors.ts > src/grpc/descriptor-files.ts
 */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Enum, Field, MapField, Namespace, ReflectionObject, Service, Type } from 'protobufjs';
import protobuf from 'protobufjs';
import { WireWriter } from '../src/protocol/protobuf/wire-writer.ts';

const folder = join(import.meta.dirname, '..', 'proto');

/** FieldDescriptorProto.Type */
const scalarTypes: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
};
const [messageType, enumType] = [11, 14];
const [optional, repeated] = [1, 3];

function writeType(field: WireWriter, name: string, resolved: ReflectionObject | null): void {
  const scalar = scalarTypes[name];
  if (scalar !== undefined) field.int(5, scalar);
  else if (!resolved) throw new Error(`${name} is no type`);
  else
    field
      .int(5, resolved instanceof protobuf.Enum ? enumType : messageType)
      .string(6, resolved.fullName);
}

const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

const entryName = (name: string): string =>
  `${camelCase(name).replace(/^./, (letter) => letter.toUpperCase())}Entry`;

function fieldOf(field: Field, oneofs: readonly string[]): WireWriter {
  const { name, id } = field;
  const label = field.repeated || field.map ? repeated : optional;
  const writer = new WireWriter().string(1, name).int(3, id).int(4, label);
  if (field.map)
    writer.int(5, messageType).string(6, `${field.parent?.fullName}.${entryName(name)}`);
  else writeType(writer, field.type, field.resolvedType);
  if (field.partOf) writer.int(9, oneofs.indexOf(field.partOf.name));
  return writer.string(10, camelCase(name));
}

/** The message that a map's entries are. */
function entryOf(field: MapField): WireWriter {
  const key = new WireWriter().string(1, 'key').int(3, 1).int(4, optional);
  writeType(key, field.keyType, null);
  const value = new WireWriter().string(1, 'value').int(3, 2).int(4, optional);
  writeType(value, field.type, field.resolvedType);
  return new WireWriter()
    .string(1, entryName(field.name))
    .message(2, key.string(10, 'key'))
    .message(2, value.string(10, 'value'))
    .message(7, new WireWriter().bool(7, true));
}

function messageOf(type: Type): WireWriter {
  const oneofs = type.oneofsArray.map(({ name }) => name);
  const writer = new WireWriter().string(1, type.name);
  for (const field of type.fieldsArray) writer.message(2, fieldOf(field, oneofs));
  for (const field of type.fieldsArray)
    if (field instanceof protobuf.MapField) writer.message(3, entryOf(field));
  for (const inner of type.nestedArray) {
    if (inner instanceof protobuf.Type) writer.message(3, messageOf(inner));
    if (inner instanceof protobuf.Enum) writer.message(4, enumOf(inner));
  }
  for (const name of oneofs) writer.message(8, new WireWriter().string(1, name));
  return writer;
}

function enumOf({ name, values }: Enum): WireWriter {
  const writer = new WireWriter().string(1, name);
  for (const [key, number] of Object.entries(values))
    writer.message(2, new WireWriter().string(1, key).int(2, number));
  return writer;
}

function serviceOf({ name, methodsArray }: Service): WireWriter {
  const writer = new WireWriter().string(1, name);
  for (const method of methodsArray) {
    const { resolvedRequestType: takes, resolvedResponseType: gives } = method;
    const one = new WireWriter().string(1, method.name);
    one.string(2, takes?.fullName ?? '').string(3, gives?.fullName ?? '');
    if (method.requestStream) one.bool(5, true);
    if (method.responseStream) one.bool(6, true);
    writer.message(2, one);
  }
  return writer;
}

function insidesOf(space: Namespace, file: string): ReflectionObject[] {
  return space.nestedArray.flatMap((inner) => {
    const isPlain = inner instanceof protobuf.Namespace && inner.constructor === protobuf.Namespace;
    if (isPlain) return insidesOf(inner as Namespace, file);
    return inner.filename === file ? [inner] : [];
  });
}

/** A google.protobuf.FileDescriptorProto. */
function fileOf(root: Namespace, name: string): WireWriter {
  const path = join(folder, name);
  const { package: space = '', imports = [] } = protobuf.parse(readFileSync(path, 'utf8'));
  const writer = new WireWriter().string(1, name).string(2, space);
  for (const imported of imports) writer.string(3, imported);
  for (const inner of insidesOf(root, path)) {
    if (inner instanceof protobuf.Type) writer.message(4, messageOf(inner));
    else if (inner instanceof protobuf.Enum) writer.message(5, enumOf(inner));
    else if (inner instanceof protobuf.Service) writer.message(6, serviceOf(inner));
  }
  return writer.string(12, 'proto3');
}

export function makeDescriptors(): string {
  const names = globSync('**/*.proto', { cwd: folder }).sort();
  const root = new protobuf.Root();
  // Not loaded: for files of Google's own the library would take what it has of them itself.
  for (const name of names) {
    const path = join(folder, name);
    (protobuf.parse as { filename?: string }).filename = path;
    protobuf.parse(readFileSync(path, 'utf8'), root, { keepCase: true });
  }
  root.resolveAll();
  const rows = names.map((name) => {
    const text = fileOf(root, name).finish().toString('base64');
    const lines = text.match(/.{1,88}/g) ?? [];
    return `  {\n    name: '${name}',\n    base64: [\n${lines.map((line) => `      '${line}',\n`).join('')}    ].join(''),\n  },`;
  });
  return `/** The files of proto/ as descriptors. Made by scripts/make-descriptors.ts. */

export const descriptorFiles: readonly { readonly name: string; readonly base64: string }[] = [
${rows.join('\n')}
];
`;
}

if (import.meta.main) process.stdout.write(makeDescriptors());
