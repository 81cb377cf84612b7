/**
 * The status of the versions of a model, as protobuf (GetModelStatus) and as proto-JSON (REST).
 * Source: tensorflow_serving/apis/get_model_status.proto.
 */

import { WireReader } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import type { ModelSpec } from './model-spec.ts';
import { readModelSpec, requireModelSpec } from './model-spec.ts';

const states = {
  UNKNOWN: 0,
  START: 10,
  LOADING: 20,
  AVAILABLE: 30,
  UNLOADING: 40,
  END: 50,
} as const;

export type TensorflowState = keyof typeof states;

/** tensorflow.error.Code, the same numbers as gRPC's. */
const errorCodes = { OK: 0, UNKNOWN: 2 } as const;

export interface VersionStatus {
  readonly version: string;
  readonly state: TensorflowState;
  /** Why it does not serve, when something went wrong. */
  readonly problem?: string | undefined;
}

/** Reads a GetModelStatusRequest. Throws PROTOBUF_INVALID or TENSORFLOW_REQUEST_INVALID. */
export function decodeStatusRequest(message: Uint8Array): ModelSpec {
  const reader = new WireReader(message);
  let model: ModelSpec | undefined;
  while (reader.next()) {
    if (reader.field === 1) model = readModelSpec(reader.message());
    else reader.skip();
  }
  return requireModelSpec(model);
}

function writeVersion({ version, state, problem }: VersionStatus): WireWriter {
  const status = new WireWriter();
  if (problem !== undefined) status.int(1, errorCodes.UNKNOWN).string(2, problem);
  return new WireWriter().int(1, BigInt(version)).int(2, states[state]).message(3, status);
}

/** GetModelStatusResponse. */
export function encodeStatusResponse(versions: readonly VersionStatus[]): Buffer {
  const writer = new WireWriter();
  for (const version of versions) writer.message(1, writeVersion(version));
  return writer.finish();
}

/** The body of `GET /v1/models/{name}`. */
export function describeStatus(versions: readonly VersionStatus[]): object {
  return {
    model_version_status: versions.map(({ version, state, problem }) => ({
      version,
      state,
      status: {
        error_code: problem === undefined ? 'OK' : 'UNKNOWN',
        error_message: problem ?? '',
      },
    })),
  };
}
