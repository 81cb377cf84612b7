/**
 * How a reader or a converter says what is wrong, without knowing which file it reads: the place in the
 * model and the problem. `withPath` turns it into the error that users see.
 */

import { messageOf, ServingError, visibleLine } from '../errors.ts';

/** The file is damaged, or is not what it claims to be. */
export class InvalidModelError extends Error {
  readonly place: string;

  /** `place` may be '': the file as a whole. `problem` is a clause: `it ends at byte 12 of 400`. */
  constructor(place: string, problem: string) {
    super(problem);
    this.name = 'InvalidModelError';
    this.place = place;
  }
}

/** The file is sound and has something that is not converted. */
export class UnsupportedModelError extends Error {
  readonly place: string;
  readonly supported: string;

  /**
   * `what` completes "layer "x" (Mine): ": `is not supported`, `dilation with stride is not supported`.
   * `supported` says what is, or what to do instead.
   */
  constructor(place: string, what: string, supported: string) {
    super(what);
    this.name = 'UnsupportedModelError';
    this.place = place;
    this.supported = supported;
  }
}

/** A tensor is larger than any model needs; what builds the graph does not know for which layer it does. */
export class TensorTooLargeError extends Error {
  /** `problem` is a clause, as in InvalidModelError. */
  constructor(problem: string) {
    super(problem);
    this.name = 'TensorTooLargeError';
  }
}

/** Runs `work`; a tensor of it that is too large is told with the place. */
export function withPlace<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TensorTooLargeError)) throw error;
    throw new InvalidModelError(place, error.message);
  }
}

/** Runs `work`; what it finds wrong with the model becomes an error with the path of the file. */
export function withPath<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toServingError(path, error);
  }
}

function toServingError(path: string, error: unknown): unknown {
  if (error instanceof InvalidModelError) {
    const place = visibleLine(error.place);
    const problem = visibleLine(error.message);
    return new ServingError('IMPORT_FILE_INVALID', { path, place, problem });
  }
  if (error instanceof UnsupportedModelError) {
    const place = visibleLine(error.place);
    const what = visibleLine(error.message);
    const supported = visibleLine(error.supported);
    return new ServingError('IMPORT_UNSUPPORTED', { path, place, what, supported });
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    return new ServingError('PATH_NOT_FOUND', { path, expected: 'a model file' });
  }
  const isSystemError = error instanceof Error && 'syscall' in error;
  if (isSystemError) return new ServingError('PATH_UNREADABLE', { path, problem: message });
  if (error instanceof RangeError && /allocat|Invalid array|stack size/i.test(message)) {
    return new ServingError('IMPORT_FILE_INVALID', { path, place: '', problem: messageOf(error) });
  }
  return error;
}
