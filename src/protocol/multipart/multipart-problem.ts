import { ServingError } from '../../errors.ts';

/** Throws MULTIPART_INVALID; `problem` says what was wrong in which part. */
export function refuseMultipart(problem: string): never {
  throw new ServingError('MULTIPART_INVALID', { problem });
}
