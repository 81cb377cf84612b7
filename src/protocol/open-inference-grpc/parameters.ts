/**
 * InferParameter and the maps of it that stand beside requests, inputs and outputs, as the JSON forms of
 * the protocol have them too.
 * Source: Open Inference Protocol, GRPC, "InferParameter"; 4 and 5 are of later versions of it.
 */

import type { Parameters } from '../open-inference/infer-parameters.ts';
import { mostParameters } from '../open-inference/infer-parameters.ts';
import type { WireReader } from '../protobuf/wire-reader.ts';
import { refuseMessage } from '../protobuf/wire-reader.ts';

type Value = Parameters[string];

/** A map to be filled; it has no key that it was not given. */
export class ParameterMap {
  readonly values: Record<string, Value> = Object.create(null);
  private count = 0;

  /** Reads one entry of the map in the current field. Throws PROTOBUF_INVALID. */
  add(reader: WireReader): void {
    this.count += 1;
    if (this.count > mostParameters)
      refuseMessage(`more than ${mostParameters} parameters`, reader.position);
    const entry = reader.message();
    let key = '';
    let value: Value | undefined;
    while (entry.next()) {
      if (entry.field === 1) key = entry.string();
      else if (entry.field === 2) value = readValue(entry.message());
      else entry.skip();
    }
    // A kind of a newer protocol arrives as nothing.
    if (value !== undefined) this.values[key] = value;
  }
}

/** A whole number as clients send it; what is beyond 2^53 is rounded. */
function readValue(reader: WireReader): Value | undefined {
  let value: Value | undefined;
  while (reader.next()) {
    if (reader.field === 1) value = reader.bool();
    else if (reader.field === 2) value = reader.integer();
    else if (reader.field === 3) value = reader.string();
    else if (reader.field === 4) value = reader.double();
    else if (reader.field === 5) value = Number(reader.uint64());
    else reader.skip();
  }
  return value;
}
