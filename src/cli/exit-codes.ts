/**
 * Exit codes that a script can use.
 *
 *   0  done
 *   1  something unexpected (please report it)
 *   2  the command line, the settings or a model.yaml is wrong
 *   3  a model cannot be found, read or loaded
 *   4  an input (a picture, a file of tensors) cannot be used
 *   5  the port is in use or cannot be listened on; a running server cannot be reached
 */

import type { ErrorCode } from '../errors.ts';
import { ServingError } from '../errors.ts';

export const exitCodes = {
  done: 0,
  unexpected: 1,
  usage: 2,
  model: 3,
  input: 4,
  listen: 5,
} as const;

const byCode: Partial<Record<ErrorCode, number>> = {
  SETTINGS_INVALID: exitCodes.usage,
  MODEL_YAML_INVALID: exitCodes.usage,
  FILE_EXISTS: exitCodes.usage,
  PREPROCESSING_MISSING: exitCodes.usage,
  PORT_IN_USE: exitCodes.listen,
  LISTEN_FAILED: exitCodes.listen,
  PATH_NOT_FOUND: exitCodes.model,
  PATH_UNREADABLE: exitCodes.model,
  NO_MODEL_FOUND: exitCodes.model,
  MODEL_NOT_READY: exitCodes.model,
  MODEL_FORMAT_UNSUPPORTED: exitCodes.model,
  MODEL_FILE_INVALID: exitCodes.model,
  MODEL_AMBIGUOUS: exitCodes.model,
  MODEL_NAME_TWICE: exitCodes.model,
  IMPORT_FILE_INVALID: exitCodes.model,
  IMPORT_UNSUPPORTED: exitCodes.model,
  IMPORT_FAILED: exitCodes.model,
  IMPORT_CHECK_FAILED: exitCodes.model,
  ARRAY_FILE_INVALID: exitCodes.input,
  INPUT_FILE_INVALID: exitCodes.input,
  INPUT_UNKNOWN: exitCodes.input,
  INPUT_MISSING: exitCodes.input,
  INPUT_DTYPE_MISMATCH: exitCodes.input,
  INPUT_SHAPE_MISMATCH: exitCodes.input,
  INPUT_DATA_INVALID: exitCodes.input,
  TENSORFLOW_REQUEST_INVALID: exitCodes.input,
  URL_INVALID: exitCodes.input,
  URL_REFUSED: exitCodes.input,
  URL_FETCH_FAILED: exitCodes.input,
  SIGNATURE_NOT_FOUND: exitCodes.usage,
  OUTPUT_UNKNOWN: exitCodes.input,
  MODEL_LOAD_FAILED: exitCodes.model,
  MODEL_WARMUP_FAILED: exitCodes.model,
  MODEL_REQUIRED: exitCodes.usage,
  // Only --model and --default-model name one on the command line.
  MODEL_NOT_FOUND: exitCodes.usage,
  OPSET_TOO_NEW: exitCodes.model,
  VALUE_TYPE_UNSUPPORTED: exitCodes.model,
  LABELS_INVALID: exitCodes.model,
  OUTPUT_NOT_SCORES: exitCodes.model,
  RUN_FAILED: exitCodes.model,
  RUNNER_DIED: exitCodes.model,
  DEADLINE_EXCEEDED: exitCodes.model,
  VERSION_NOT_FOUND: exitCodes.model,
  MODELS_CONFIG_INVALID: exitCodes.usage,
  MODEL_CONTROL_REFUSED: exitCodes.usage,
  RUNTIME_CHANGE_REFUSED: exitCodes.usage,
  TRAFFIC_INVALID: exitCodes.usage,
  CONTROL_REQUEST_INVALID: exitCodes.usage,
  SERVER_UNREACHABLE: exitCodes.listen,
};

export function exitCodeOf(error: unknown): number {
  return error instanceof ServingError ? exitCodeOfCode(error.code) : exitCodes.unexpected;
}

export function exitCodeOfCode(code: ErrorCode): number {
  return byCode[code] ?? (code.startsWith('PICTURE_') ? exitCodes.input : exitCodes.unexpected);
}
