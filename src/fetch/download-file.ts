/**
 * Downloads one file over HTTPS: resumed where it broke off, within a limit of its size, checked, and under
 * its name only when it is whole.
 *
 * What has come lies beside the target as `<target>.part`, with `<target>.part.json` saying of which content
 * it is part (its ETag), so that another process goes on where this one was killed. `<target>.json` says the
 * same of the target: without a checksum the server is asked whether it is still that, and a server that
 * does not answer does not keep what was fetched before from being used.
 */

import { closeSync, createReadStream, openSync, rmSync, write, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { messageOf, ServingError } from '../errors.ts';
import { describeNetworkProblem } from './network-problem.ts';
import { shownUrl } from './shown-url.ts';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface DownloadOptions {
  /** https: only, also after redirects. */
  readonly url: string;
  readonly target: string;
  readonly maxBytes: number;
  /** Of the whole file, in hexadecimal digits; a file that is there and has it is not asked for again. */
  readonly sha256?: string | undefined;
  readonly signal: AbortSignal;
  /** A connection that says nothing for so long is given up, and taken up again. */
  readonly idleMs?: number | undefined;
  /** How often it is taken up again where it broke off. */
  readonly mostTries?: number | undefined;
  /** Certificates to trust besides the usual ones. */
  readonly ca?: string | undefined;
  /** Where to connect to instead of what the name means; for tests. */
  readonly lookup?: RequestOptions['lookup'];
  /** Waits before the next try; for tests. */
  readonly pause?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** Of which content a file here is. */
interface Note {
  readonly url: string;
  readonly etag: string;
}

const writeSome = promisify(write);

const mostRedirects = 5;

/** A try that may go better the next time. */
class BrokenOff extends Error {}

function fail(url: string, problem: string): never {
  throw new ServingError('MODEL_SOURCE_FAILED', { url: shownUrl(url), problem });
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

async function readNote(path: string): Promise<Note | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Note;
  } catch {
    return undefined;
  }
}

/** What a connection failed of; a certificate will not be another the next time. */
function problemOf({ url }: DownloadOptions, error: unknown): Error {
  const problem = describeNetworkProblem(error);
  if (!/certificate|TLS/.test(problem)) return new BrokenOff(problem);
  return new ServingError('MODEL_SOURCE_FAILED', { url: shownUrl(url), problem });
}

async function send(
  options: DownloadOptions,
  url: URL,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const { request } = await import('node:https');
  const { signal, ca, lookup, idleMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { headers, signal, timeout: idleMs, ...(ca ? { ca } : {}), ...(lookup ? { lookup } : {}) },
      resolve,
    );
    outgoing.on('timeout', () => outgoing.destroy(new BrokenOff(`nothing came for ${idleMs} ms`)));
    outgoing.on('error', (error) =>
      reject(error instanceof BrokenOff ? error : problemOf(options, error)),
    );
    outgoing.end();
  });
}

/** Follows redirects, to https: only. */
async function get(
  options: DownloadOptions,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  let url = new URL(options.url);
  for (let hops = 0; hops <= mostRedirects; hops += 1) {
    if (url.protocol !== 'https:')
      fail(options.url, `it leads to ${shownUrl(url.href)}, not https`);
    const response = await send(options, url, headers);
    const { statusCode = 0, headers: answered } = response;
    if (![301, 302, 303, 307, 308].includes(statusCode) || !answered.location) return response;
    response.resume();
    try {
      url = new URL(answered.location, url);
    } catch {
      fail(options.url, 'it redirects to what is no URL');
    }
  }
  return fail(options.url, `it redirects more than ${mostRedirects} times`);
}

/** Where the bytes of a partial answer begin; undefined for what is none. */
function startOf({ headers }: IncomingMessage): number | undefined {
  const [, start] = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
  return start === undefined ? undefined : Number(start);
}

async function writeAll(file: number, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.byteLength; ) {
    const { bytesWritten } = await writeSome(file, chunk, at);
    at += bytesWritten;
  }
}

/**
 * Writes what comes, piece by piece, so that what came before a connection broke off is kept. Throws
 * MODEL_SOURCE_FAILED beyond the limit, and BrokenOff.
 */
function receive(
  options: DownloadOptions,
  response: IncomingMessage,
  file: number,
  before: number,
): Promise<void> {
  let total = before;
  let writing: Promise<unknown> = Promise.resolve();
  return new Promise((resolve, reject) => {
    const giveUp = (error: Error): void => {
      response.destroy();
      writing.finally(() => reject(error)).catch(() => {});
    };
    response.on('data', (chunk: Buffer) => {
      total += chunk.byteLength;
      if (total > options.maxBytes) {
        giveUp(tooLarge(options));
        return;
      }
      response.pause();
      writing = writeAll(file, chunk).then(() => response.resume());
      writing.catch(giveUp);
    });
    response.on('end', () => writing.then(() => resolve(), reject));
    response.on('close', () => {
      if (!response.complete) giveUp(new BrokenOff('it closed the connection'));
    });
    response.on('error', (error) => giveUp(new BrokenOff(describeNetworkProblem(error))));
  });
}

function tooLarge({ url, maxBytes }: DownloadOptions): ServingError {
  const problem = `it is larger than the limit of ${maxBytes} bytes (source.maxSize)`;
  return new ServingError('MODEL_SOURCE_FAILED', { url: shownUrl(url), problem });
}

/**
 * One connection: takes up the part that is there, when the server still has what it is part of. False: the
 * target is what the server has.
 */
async function tryOnce(
  options: DownloadOptions,
  part: string,
  note: string,
  whole: Note | undefined,
): Promise<boolean> {
  const { url, maxBytes, signal } = options;
  const known = await readNote(note);
  const have = known?.url === url ? await sizeOf(part) : 0;
  const headers: Record<string, string> = {
    'accept-encoding': 'identity',
    ...(whole ? { 'if-none-match': whole.etag } : {}),
    ...(known && have > 0 ? { range: `bytes=${have}-`, 'if-range': known.etag } : {}),
  };
  const response = await get(options, headers);
  const { statusCode = 0 } = response;
  if (statusCode === 304 && whole) {
    response.resume();
    return false;
  }
  const resumes = statusCode === 206 && startOf(response) === have;
  if (statusCode === 416 || (statusCode === 206 && !resumes)) {
    response.resume();
    await rm(part, { force: true });
    throw new BrokenOff('it does not have the rest of what has come');
  }
  if (statusCode !== 200 && !resumes) {
    response.resume();
    const problem = `it answers ${statusCode}`;
    if (statusCode >= 500 || statusCode === 429) throw new BrokenOff(problem);
    fail(url, problem);
  }
  const length = Number(response.headers['content-length'] ?? 0);
  const before = resumes ? have : 0;
  if (before + length > maxBytes) {
    response.destroy();
    throw tooLarge(options);
  }
  const { etag } = response.headers;
  // At once, without waiting: from now on the connection may end at any moment, and what came is to be kept.
  // A weak tag does not promise the same bytes.
  if (etag && !etag.startsWith('W/'))
    writeFileSync(note, JSON.stringify({ url, etag } satisfies Note));
  else rmSync(note, { force: true });
  const file = openSync(part, resumes ? 'a' : 'w', 0o600);
  try {
    await receive(options, response, file, before);
  } finally {
    closeSync(file);
    signal.throwIfAborted();
  }
  if (length > 0 && (await sizeOf(part)) !== before + length)
    throw new BrokenOff('it ended before all had come');
  return true;
}

async function check({ url, sha256 }: DownloadOptions, part: string): Promise<void> {
  if (sha256 === undefined) return;
  const hash = await hashOf(part);
  if (hash === sha256.toLowerCase()) return;
  // Nothing of it is worth keeping: the next try begins anew.
  await rm(part, { force: true });
  fail(url, `its SHA-256 is ${hash}, expected ${sha256.toLowerCase()} (source.sha256)`);
}

const pauseFor = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds).unref());

/** Tries until it has come; false: the target is what the server has. */
async function tryAgain(options: DownloadOptions, part: string): Promise<boolean> {
  const { url, target, sha256, signal, mostTries = 5, pause = pauseFor } = options;
  const there = sha256 === undefined && (await sizeOf(target)) > 0;
  const note = there ? await readNote(`${target}.json`) : undefined;
  const whole = note?.url === url ? note : undefined;
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryOnce(options, part, `${part}.json`, whole);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ServingError) throw error;
      if (tries >= mostTries && there) return false;
      if (tries >= mostTries) fail(url, `${messageOf(error)}; tried ${tries} times`);
      await pause(250 * 2 ** tries);
    }
  }
}

/**
 * Settles when the target is there, whole and checked. Throws MODEL_SOURCE_FAILED, or why `signal` ended it;
 * what has come stays for the next time.
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { target, sha256 } = options;
  if (sha256 !== undefined && (await sizeOf(target)) > 0) {
    if ((await hashOf(target)) === sha256.toLowerCase()) return;
    await rm(target, { force: true });
  }
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const part = `${target}.part`;
  if (!(await tryAgain(options, part))) return;
  await check(options, part);
  const file = await open(part, 'r');
  await file.sync().finally(() => file.close());
  await rm(`${target}.json`, { force: true });
  await rename(part, target);
  await rename(`${part}.json`, `${target}.json`).catch(() => {});
}
