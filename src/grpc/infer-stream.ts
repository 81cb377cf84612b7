/**
 * ModelStreamInfer: requests that share a stream, each answered once, in their order. A request that fails
 * is answered with its `error_message` and the stream goes on; a client that sends the metadata
 * `triton_grpc_error: true` wants the stream to end with the status instead.
 * Source: Triton, "gRPC status codes of streams".
 */

import { encodeStreamResponse } from '../protocol/open-inference-grpc/infer-response.ts';
import { textOf } from './call-intake.ts';
import { answerInTurn } from './in-turn.ts';
import type { Infer } from './infer-method.ts';
import type { StreamMethod } from './methods.ts';
import type { OpenStreams } from './open-streams.ts';

/** Requests of one stream that are worked on at a time. */
const mostOfStream = 64;

export interface InferStreamParts {
  readonly infer: Infer;
  readonly streams: OpenStreams;
}

export function createInferStream({ infer, streams }: InferStreamParts): StreamMethod {
  return (stream, call) => {
    const ends = textOf(call.parts.metadata, 'triton_grpc_error') === 'true';

    async function answer(message: Buffer): Promise<Buffer> {
      try {
        return encodeStreamResponse(await infer(message, call, performance.now()));
      } catch (error) {
        if (ends) throw error;
        return encodeStreamResponse({ error: call.fail(error).message.toWellFormed() });
      }
    }

    const taker = answerInTurn({ stream, call, most: mostOfStream, answer });
    streams.add(taker);
    stream.once('close', () => streams.delete(taker));
  };
}
