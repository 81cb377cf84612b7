/**
 * InferParameter and the maps of it that stand beside requests, inputs and outputs.
 * Source: Open Inference Protocol, GRPC, "InferParameter"; 4 and 5 are of later versions of it.
 */

import type { WireReader } from '../protobuf/wire-reader.ts';
import { refuseMessage } from '../protobuf/wire-reader.ts';

/** A kind that this server does not know, of a newer protocol, is undefined. */
export type ParameterValue = boolean | bigint | string | number | undefined;
export type Parameters = ReadonlyMap<string, ParameterValue>;

export const noParameters: Parameters = new Map();

/** As many as no client sends. */
const mostParameters = 1000;

function readValue(reader: WireReader): ParameterValue {
  let value: ParameterValue;
  while (reader.next()) {
    if (reader.field === 1) value = reader.bool();
    else if (reader.field === 2) value = reader.int64();
    else if (reader.field === 3) value = reader.string();
    else if (reader.field === 4) value = reader.double();
    else if (reader.field === 5) value = reader.uint64();
    else reader.skip();
  }
  return value;
}

/** Reads one entry of the map in the current field. Throws PROTOBUF_INVALID. */
export function readParameter(reader: WireReader, before: Parameters): Map<string, ParameterValue> {
  const parameters = before === noParameters ? new Map() : (before as Map<string, ParameterValue>);
  if (parameters.size >= mostParameters)
    refuseMessage(`more than ${mostParameters} parameters`, reader.position);
  const entry = reader.message();
  let key = '';
  let value: ParameterValue;
  while (entry.next()) {
    if (entry.field === 1) key = entry.string();
    else if (entry.field === 2) value = readValue(entry.message());
    else entry.skip();
  }
  return parameters.set(key, value);
}
