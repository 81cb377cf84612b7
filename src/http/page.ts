/**
 * Serves the browser page at `/` and its few files under `/page/`.
 *
 * Owns: the fixed list of files, their headers, and who gets the page rather than a line of text.
 * Does not own: what the page shows (src/web) or asks (the routes of the API).
 */

import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface PageOptions {
  /** One line about the server, for those who ask `/` from a terminal. */
  describe(): string;
}

const contentTypes = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'view.js': 'text/javascript; charset=utf-8',
  'answer.js': 'text/javascript; charset=utf-8',
  'api.js': 'text/javascript; charset=utf-8',
  'curl.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};
type PageFile = keyof typeof contentTypes;
const pageFiles = Object.keys(contentTypes) as PageFile[];

interface LoadedFile {
  readonly body: Buffer;
  readonly etag: string;
}

/** Everything from this server and nothing inline; markup from strings is refused by the browser itself. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export function registerPage(app: FastifyInstance, options: PageOptions): void {
  // Read with the first request, not at start: a server that nobody browses never needs them.
  let loading: Promise<Map<PageFile, LoadedFile>> | undefined;

  async function send(file: PageFile, request: FastifyRequest, reply: FastifyReply) {
    loading ??= loadFiles();
    const loaded = (await loading).get(file) as LoadedFile;
    reply.headers({
      'cache-control': 'no-cache',
      'content-security-policy': contentSecurityPolicy,
      etag: loaded.etag,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    if (matchesEtag(request.headers['if-none-match'], loaded.etag)) return reply.code(304).send();
    return reply.type(contentTypes[file]).send(loaded.body);
  }

  app.get('/', (request, reply) => {
    reply.header('vary', 'Accept');
    if (prefersHtml(request.headers.accept)) return send('index.html', request, reply);
    return reply
      .type('text/plain; charset=utf-8')
      .header('cache-control', 'no-cache')
      .header('x-content-type-options', 'nosniff')
      .send(`${options.describe()}\n`);
  });

  for (const file of pageFiles.filter((name) => name !== 'index.html')) {
    app.get(`/page/${file}`, (request, reply) => send(file, request, reply));
  }
}

/** `../web` is right from src/ and from dist/. */
async function loadFiles(): Promise<Map<PageFile, LoadedFile>> {
  const folder = new URL('../web/', import.meta.url);
  const entries = pageFiles.map(async (file) => {
    const body = await readFile(new URL(file, folder));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    return [file, { body, etag }] as const;
  });
  return new Map(await Promise.all(entries));
}

function matchesEtag(header: string | undefined, etag: string): boolean {
  const candidates = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  return candidates.includes(etag) || candidates.includes('*');
}

/**
 * True when the client would rather have HTML than plain text (RFC 9110, 12.5.1).
 * A tie is no wish for HTML: `curl` sends any type and is to get the line of text.
 */
export function prefersHtml(accept: string | undefined): boolean {
  const ranges = (accept ?? '*/*').toLowerCase().split(',').map(parseRange);
  return qualityOf('html', ranges) > qualityOf('plain', ranges);
}

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

function parseRange(range: string): MediaRange {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
  const given = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** The most specific range that matches decides, whatever the order. */
function qualityOf(subtype: string, ranges: readonly MediaRange[]): number {
  for (const wanted of [`text/${subtype}`, 'text/*', '*/*']) {
    const range = ranges.find(({ type }) => type === wanted);
    if (range) return range.quality;
  }
  return 0;
}
