/** One request and its answer: time limit, cancellation, and more tries where they were asked for. */

import { ModelshipError, refusalOf } from './client-error.ts';

export interface SendOptions {
  /** Ends the request; its reason is what is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** The time that the server is given (it is told), and a second more for the way. */
  readonly timeoutMs?: number | undefined;
  /** More tries after a failure that may pass (`retryable`); 0 unless set. */
  readonly retries?: number | undefined;
}

export interface Sender {
  readonly fetch: typeof fetch;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds; replaced in tests. */
  readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export interface Message {
  readonly url: string;
  readonly body?: Blob | FormData | string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const wayMs = 1000;
const firstWaitMs = 100;
const longestWaitMs = 10_000;

/** The response when its status is 2xx. Throws ModelshipError, or the reason of the signal. */
export async function send(
  sender: Sender,
  message: Message,
  options: SendOptions,
): Promise<Response> {
  const { signal, retries = 0 } = options;
  for (let tried = 0; ; tried += 1) {
    try {
      return await sendOnce(sender, message, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof ModelshipError && error.retryable) || tried >= retries) throw error;
      const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** tried) * (0.5 + Math.random() / 2);
      await sender.wait(Math.max(wait, error.retryAfterMs ?? 0), signal);
    }
  }
}

async function sendOnce(
  sender: Sender,
  { url, body, headers }: Message,
  { signal, timeoutMs }: SendOptions,
): Promise<Response> {
  const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs + wayMs);
  const ends = [signal, late].filter((one) => one !== undefined);
  let response: Response;
  try {
    response = await sender.fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...sender.headers,
        ...headers,
        ...(timeoutMs === undefined
          ? {}
          : { 'x-request-timeout-ms': String(Math.ceil(timeoutMs)) }),
      },
      ...(body === undefined ? {} : { body }),
      ...(ends.length > 0 ? { signal: AbortSignal.any(ends) } : {}),
    });
  } catch (error) {
    throw failureOf(error, url, signal, late);
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

/** Of a fetch, or of reading its body. */
export function failureOf(
  error: unknown,
  url: string,
  signal: AbortSignal | undefined,
  late?: AbortSignal | undefined,
): unknown {
  if (error instanceof ModelshipError) return error;
  if (signal?.aborted) return signal.reason;
  const isLate = late?.aborted === true || (error as Error | undefined)?.name === 'TimeoutError';
  const facts = {
    code: isLate ? 'ANSWER_TOO_LATE' : 'CONNECTION_FAILED',
    status: 0,
    retryable: true,
  } as const;
  const what = isLate
    ? `No answer came from ${url} within the time limit.`
    : `No answer came from ${url}: ${(error as Error)?.message ?? error}.`;
  return new ModelshipError(what, facts, { cause: error });
}

/** Resolves after so long, or rejects with the reason of the signal. */
export function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
