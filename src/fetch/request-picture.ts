/**
 * One GET, to addresses that the guard has checked.
 *
 * Owns: the connection, the headers sent, and what counts as an answer.
 * Does not own: where a redirect leads, the time limit (its `signal`), or what the bytes are.
 */

import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { ServingError } from '../errors.ts';
import { describeNetworkProblem } from './network-problem.ts';
import type { PictureUrl } from './picture-url.ts';
import { type Room, readBody } from './read-body.ts';

export interface FetchedPicture {
  readonly bytes: Uint8Array;
  /** As the host says; the bytes may be anything. */
  readonly contentType?: string;
}

export type Answer =
  | { readonly kind: 'picture'; readonly picture: FetchedPicture }
  | { readonly kind: 'redirect'; readonly location: string };

export interface PictureRequest {
  readonly url: PictureUrl;
  readonly addresses: readonly string[];
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly room?: Room | undefined;
}

const maxHeaderBytes = 16_384;
const maxInterimAnswers = 10;
/** How long one of several addresses may take to connect before the next is tried. */
const attemptTimeoutMs = 1000;
const redirects = [301, 302, 303, 307, 308];

/**
 * Agents of our own: the global ones follow NODE_USE_ENV_PROXY, and a proxy would resolve the name
 * again. No connection or TLS session outlives its request.
 */
const agentOptions = { keepAlive: false, maxCachedSessions: 0 };
const agents = { http: new HttpAgent(agentOptions), https: new HttpsAgent(agentOptions) };

/** Throws URL_FETCH_FAILED, with the network's own error as its cause. */
export async function requestPicture(request: PictureRequest): Promise<Answer> {
  try {
    return await readAnswer(await send(request), request);
  } catch (error) {
    if (error instanceof ServingError) throw error;
    throw failure(request.url, describeNetworkProblem(error), error);
  }
}

function send({ url, addresses, signal }: PictureRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'GET',
      host: url.host,
      port: url.port,
      path: url.path,
      headers: {
        host: url.authority,
        'user-agent': 'modelship',
        accept: 'image/*',
        'accept-encoding': 'identity',
      },
      lookup: lookupOf(addresses),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: attemptTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      insecureHTTPParser: false,
      signal,
    };
    const sent = url.secure
      ? httpsRequest({ ...options, ...tlsOptions(url), agent: agents.https }, resolve)
      : httpRequest({ ...options, agent: agents.http }, resolve);
    sent.on('error', reject);
    endWhenChatty(sent, url);
    // An answer that switches protocols closes the request without an error.
    sent.on('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    sent.end();
  });
}

/** An answer may be announced (103 Early Hints), but each announcement costs a callback. */
function endWhenChatty(sent: ClientRequest, url: PictureUrl): void {
  let interim = 0;
  sent.on('information', () => {
    if (++interim > maxInterimAnswers)
      sent.destroy(failure(url, 'it sends too many interim answers'));
  });
}

/** Never NODE_TLS_REJECT_UNAUTHORIZED=0; no server name for an address (RFC 6066 §3). */
function tlsOptions({ host, isAddress }: PictureUrl) {
  return { rejectUnauthorized: true, servername: isAddress ? '' : host };
}

/** Answers every question with the checked addresses, so that nothing is resolved a second time. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, { all }, callback) => {
    if (all) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
}

async function readAnswer(response: IncomingMessage, request: PictureRequest): Promise<Answer> {
  response.on('error', () => {});
  try {
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (redirects.includes(status) && location !== undefined) return { kind: 'redirect', location };
    if (status < 200 || status > 299)
      throw failure(request.url, `it answered with status ${status}`);
    checkEncoding(response, request.url);
    const bytes = await readBody(response, request);
    return { kind: 'picture', picture: { bytes, contentType: response.headers['content-type'] } };
  } finally {
    response.destroy();
  }
}

/** We asked for the bytes as they are; what comes packed anyway may unpack to anything. */
function checkEncoding({ headers }: IncomingMessage, url: PictureUrl): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity')
    throw failure(url, 'it answered with a Content-Encoding, although none was accepted');
}

function failure({ host }: PictureUrl, problem: string, cause?: unknown): ServingError {
  return new ServingError('URL_FETCH_FAILED', { host, problem }, { cause });
}
