/** The public API of the package. */
export type { ErrorCode, ErrorKind } from './errors.ts';
export { ServingError } from './errors.ts';
