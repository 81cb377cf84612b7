/**
 * The memory that a message may make us use beyond its own. A TensorProto of twenty bytes can stand for
 * gigabytes, because its last value counts for all that are missing, so whoever decodes one says how much
 * room there is, for all tensors of a request together.
 */

import { ServingError } from '../../errors.ts';

export interface TensorRoom {
  /** Before so many bytes are made for input `input`. Throws when there is no room for them. */
  claim(bytes: number, input: string): void;
}

/** Room for so many bytes. Its `claim` throws TENSOR_TOO_LARGE. */
export function createTensorRoom(limitBytes: number): TensorRoom {
  let left = limitBytes;
  return {
    claim(bytes, input) {
      if (bytes > left) throw new ServingError('TENSOR_TOO_LARGE', { input, bytes, limitBytes });
      left -= bytes;
    },
  };
}
