/**
 * ModelSpec: which model, version and signature a request means, and which answered.
 * Source: tensorflow_serving/apis/model.proto.
 */

import { ServingError } from '../../errors.ts';
import type { WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';

export interface ModelSpec {
  readonly name: string;
  /** Digits, at most one of version and label. */
  readonly version?: string | undefined;
  readonly label?: string | undefined;
  /** Empty where none is named. */
  readonly signature: string;
}

/** google.protobuf.Int64Value: the wrapper tells version 0 from no version. */
function readVersion(reader: WireReader): string {
  let version = 0n;
  while (reader.next()) {
    if (reader.field === 1) version = reader.int64();
    else reader.skip();
  }
  return String(version);
}

export function readModelSpec(reader: WireReader): ModelSpec {
  let name = '';
  let signature = '';
  let version: string | undefined;
  let label: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) name = reader.string();
    else if (reader.field === 3) signature = reader.string();
    // A choice of one: the last that is sent counts.
    else if (reader.field === 2) [version, label] = [readVersion(reader.message()), undefined];
    else if (reader.field === 4) [version, label] = [undefined, reader.string()];
    else reader.skip();
  }
  return { name, version, label, signature };
}

/** Throws TENSORFLOW_REQUEST_INVALID in TensorFlow Serving's own words when there is none. */
export function requireModelSpec(spec: ModelSpec | undefined): ModelSpec {
  if (spec) return spec;
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem: 'Missing ModelSpec' });
}

/** The model, version and signature that answered. */
export function writeModelSpec({ name, version, signature }: ModelSpec): WireWriter {
  const writer = new WireWriter().string(1, name);
  if (version !== undefined) writer.message(2, new WireWriter().int(1, BigInt(version)));
  if (signature !== '') writer.string(3, signature);
  return writer;
}
