/** What goes wrong between a client and a server, as one class with a code to compare. */

import type { ErrorCode } from '../errors.ts';

/**
 * The server's code (docs/errors.md), or one of the client's own:
 * CONNECTION_FAILED: no answer came, or it broke off; ANSWER_TOO_LATE: none within the time limit;
 * ANSWER_INVALID: an answer that is none of the protocol; HTTP_ERROR: a refusal without a code, as other
 * servers and proxies send them.
 */
export type ClientErrorCode =
  | ErrorCode
  | 'CONNECTION_FAILED'
  | 'ANSWER_TOO_LATE'
  | 'ANSWER_INVALID'
  | 'HTTP_ERROR';

interface Facts {
  readonly code: ClientErrorCode;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly retryable: boolean;
  /** The least wait before another try, when the server named one. */
  readonly retryAfterMs?: number | undefined;
}

export class ModelshipError extends Error {
  readonly code: ClientErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: Facts, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelshipError';
    this.code = facts.code;
    this.status = facts.status;
    this.retryable = facts.retryable;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Statuses after which the same request may succeed. */
const retryableStatuses = new Set([408, 429, 502, 503, 504]);

/** Of a response that is a refusal; reads its body. */
export async function refusalOf(response: Response): Promise<ModelshipError> {
  const { status } = response;
  const text = await response.text().catch(() => '');
  const { error, code } = fieldsOf(text);
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ModelshipError(error ?? (text.slice(0, 200) || `HTTP status ${status}`), {
    code: (code as ErrorCode | undefined) ?? 'HTTP_ERROR',
    status,
    retryable: retryableStatuses.has(status),
    retryAfterMs: retryAfter >= 0 ? retryAfter * 1000 : undefined,
  });
}

function fieldsOf(text: string): { error?: string; code?: string } {
  try {
    const { error, code } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof error === 'string' ? { error } : {}),
      ...(typeof code === 'string' ? { code } : {}),
    };
  } catch {
    return {};
  }
}

/** For an answer that is not what the protocol says. */
export function invalidAnswer(problem: string, status: number): ModelshipError {
  const facts = { code: 'ANSWER_INVALID', status, retryable: false } as const;
  return new ModelshipError(`The server's answer cannot be read: ${problem}.`, facts);
}
