/**
 * Recognises the requests that clients send, without the general validator: that took 7% of the time of
 * a small request (docs/decisions/http-path.md). What it does not recognise is left to the validator, which
 * says what is wrong with it; what it recognises the validator would take as it is.
 */

import { mostParameters, mostTensors } from './infer-parameters.ts';
import type { RequestBody } from './infer-request.ts';
import { isDataList } from './json-tensor.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function areParameters(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isFields(value)) return false;
  const keys = Object.keys(value);
  if (keys.length > mostParameters) return false;
  for (const key of keys) {
    const one = value[key];
    const fits = typeof one === 'string' || typeof one === 'boolean' || Number.isFinite(one);
    if (!fits) return false;
  }
  return true;
}

const isDimension = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;

function isInput(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { name, shape, datatype, parameters, data } = value;
  return (
    typeof name === 'string' &&
    typeof datatype === 'string' &&
    Array.isArray(shape) &&
    shape.length <= 32 &&
    shape.every(isDimension) &&
    areParameters(parameters) &&
    (data === undefined || isDataList(data))
  );
}

const isOutput = (value: unknown): boolean =>
  isFields(value) && typeof value.name === 'string' && areParameters(value.parameters);

/** True for a valid request. */
export function isPlainRequest(value: unknown): value is RequestBody {
  if (!isFields(value)) return false;
  const { id, parameters, inputs, outputs } = value;
  return (
    (id === undefined || typeof id === 'string') &&
    areParameters(parameters) &&
    Array.isArray(inputs) &&
    inputs.length > 0 &&
    inputs.length <= mostTensors &&
    inputs.every(isInput) &&
    (outputs === undefined ||
      (Array.isArray(outputs) && outputs.length <= mostTensors && outputs.every(isOutput)))
  );
}
