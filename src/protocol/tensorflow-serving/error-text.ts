/**
 * Errors in TensorFlow Serving's own words, which its clients compare. What it has no words for keeps ours.
 * Source: tensorflow_serving/core/manager.h, model_servers/{get_model_status_impl,server_core}.cc and
 * servables/tensorflow/predict_util.cc.
 */

import type { ErrorCode, ServingError } from '../../errors.ts';
import type { RestTarget } from './rest-path.ts';
import { parseRestPath } from './rest-path.ts';

/** What the request asked for. */
export interface AskedModel {
  readonly model: string;
  readonly version?: string | undefined;
}

export type Front = 'rest' | 'grpc';

const is = <C extends ErrorCode>(error: ServingError, code: C): error is ServingError<C> =>
  error.code === code;

/** A client may send names of any length, which come back in a header of gRPC. */
const short = (name: string): string => (name.length > 200 ? `${name.slice(0, 200)}…` : name);

const servable = ({ model, version }: AskedModel): string =>
  version === undefined
    ? `Latest(${short(model)})`
    : `Specific(${short(model)}, ${short(version)})`;

/** The message of an error on a request for predictions or metadata. */
export function textOfError(error: ServingError, asked: AskedModel, front: Front): string {
  if (is(error, 'MODEL_NOT_FOUND') || is(error, 'VERSION_NOT_FOUND'))
    return `Servable not found for request: ${servable(asked)}`;
  if (is(error, 'SIGNATURE_NOT_FOUND')) {
    const signature = short(error.details.signature);
    return front === 'rest'
      ? `Serving signature name: "${signature}" not found in signature def`
      : `Serving signature key "${signature}" not found.`;
  }
  if (is(error, 'INPUT_SHAPE_MISMATCH') && error.details.expected.length === 0)
    return `${error.message}. It is one value, which rows cannot be made of${front === 'rest' ? ': send it as "inputs", not as "instances"' : ''}`;
  return error.message;
}

/** The body of an error on a REST request. */
export function describeRestError(error: ServingError, path: string): object {
  const target = targetOf(path);
  if (target?.kind === 'status') return { error: textOfStatusError(error, target) };
  return { error: textOfError(error, target ?? { model: '' }, 'rest') };
}

function targetOf(path: string): RestTarget | undefined {
  try {
    return parseRestPath('POST', path) ?? parseRestPath('GET', path);
  } catch {
    // A path that cannot be decoded.
    return undefined;
  }
}

/** The message of an error on a request for the status of a model. */
export function textOfStatusError(error: ServingError, { model, version }: AskedModel): string {
  if (is(error, 'MODEL_NOT_FOUND')) return `Could not find any versions of model ${short(model)}`;
  if (is(error, 'VERSION_NOT_FOUND'))
    return `Could not find version ${short(version ?? '')} of model ${short(model)}`;
  return error.message;
}
