/**
 * A server that answers as the HTTP contract of the page says, with models and waits that a test sets.
 * It knows the pictures it made itself; no model runs.
 */

import fastify from 'fastify';
import sharp from 'sharp';
import { registerPage } from '../../src/http/page.ts';

export interface StubModel {
  name: string;
  default: boolean;
  picture: boolean;
  pictureProblem: string | null;
  samples: { name: string; url: string }[];
  versions: StubVersion[];
}

export interface StubVersion {
  version: string;
  state: 'READY' | 'LOADING' | 'FAILED' | 'UNLOADING';
  reason: string | null;
  inputs: { name: string; datatype: string; shape: number[] }[];
  outputs: { name: string; datatype: string; shape: number[] }[];
}

export interface StubServer {
  readonly url: string;
  /** What `GET /models` lists; a test changes it at will. */
  models: StubModel[];
  /** The next answers wait for this promise. */
  gate: Promise<unknown>;
  close(): Promise<void>;
}

const bodyLimit = 1_000_000;
const digits = [7, 3, 0, 4];

export function stubModel(name: string, changes: Partial<StubModel> = {}): StubModel {
  const samples = digits.map((digit) => ({
    name: `${digit}.png`,
    url: `/models/${encodeURIComponent(name)}/samples/${digit}.png`,
  }));
  const versions = [stubVersion('1', 'READY')];
  return {
    ...{ name, default: false, picture: true, pictureProblem: null, samples, versions },
    ...changes,
  };
}

export function stubVersion(
  version: string,
  state: StubVersion['state'],
  changes: Partial<StubVersion> = {},
): StubVersion {
  const inputs = [{ name: 'image', datatype: 'FP32', shape: [-1, 1, 28, 28] }];
  const outputs = [{ name: 'logits', datatype: 'FP32', shape: [-1, 10] }];
  return { version, state, reason: null, inputs, outputs, ...changes };
}

/** Starts on `port`, or on a free one. */
export async function startStubServer(port = 0): Promise<StubServer> {
  const pictures = new Map<string, Buffer>(
    await Promise.all(digits.map(async (digit) => [`${digit}.png`, await draw(digit)] as const)),
  );
  const answers = new Map<string, Buffer>();
  for (const [name, bytes] of pictures) answers.set(name.slice(0, 1), await pixelsOf(bytes));
  const app = fastify({ bodyLimit, forceCloseConnections: true });
  const stub: StubServer = {
    url: '',
    models: [stubModel('digits', { default: true })],
    gate: Promise.resolve(),
    close: () => app.close(),
  };

  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    const message = `The request body is larger than the limit of ${bodyLimit} bytes; send less or raise --max-body.`;
    const code = error.statusCode === 413 ? 'BODY_TOO_LARGE' : 'INTERNAL';
    return reply.code(error.statusCode ?? 500).send({ success: false, error: message, code });
  });
  app.get('/healthz', () => 'ok\n');
  app.get('/readyz', () => 'ok\n');
  app.get('/models', () => ({ models: stub.models.map(withPaths) }));
  app.get<{ Params: { file: string } }>('/models/:name/samples/:file', ({ params }, reply) =>
    reply.type('image/png').send(pictures.get(params.file)),
  );
  app.post('/models/:name/predict', async (request, reply) => {
    await stub.gate;
    const picture = pictureIn(request.body as Buffer);
    const problem = problemOf(picture);
    if (problem) return reply.code(400).send({ success: false, ...problem });
    // By its pixels: the clipboard encodes a picture anew.
    const pixels = await pixelsOf(picture);
    const known = [...answers].find(([, sample]) => sample.equals(pixels))?.[0] ?? '5';
    reply.header('server-timing', 'total;dur=3.2, run;dur=0.8');
    return { predictions: predictionsFor(known), success: true };
  });
  // No model: the echo shows what arrived.
  app.post('/v2/models/:name/infer', ({ body }) => body);
  registerPage(app, { describe: () => 'Modelship serves digits.' });
  return Object.assign(stub, { url: await app.listen({ port, host: '127.0.0.1' }) });
}

function withPaths(model: StubModel) {
  const name = encodeURIComponent(model.name);
  return { ...model, predict: `/models/${name}/predict`, infer: `/v2/models/${name}/infer` };
}

/** The raw body, or what lies between the headers and the last boundary of a form of one part. */
function pictureIn(body: Buffer): Buffer {
  if (!body.subarray(0, 2).equals(Buffer.from('--'))) return body;
  const boundary = body.subarray(0, body.indexOf('\r\n'));
  return body.subarray(body.indexOf('\r\n\r\n') + 4, body.lastIndexOf(boundary) - 2);
}

function problemOf(picture: Buffer): { error: string; code: string } | null {
  if (!picture.subarray(1, 4).equals(Buffer.from('PNG'))) {
    return {
      error:
        'The body is not a picture (no known signature in its first bytes); expected JPEG, PNG, WebP.',
      code: 'PICTURE_NOT_RECOGNISED',
    };
  }
  if (picture.includes('IEND')) return null;
  return {
    error:
      'The body is a truncated PNG picture: it ends before all rows are there. Send the whole file.',
    code: 'PICTURE_TRUNCATED',
  };
}

function predictionsFor(top: string) {
  const others = ['1', '2', '9', '8', '6'].filter((label) => label !== top).slice(0, 4);
  const shares = [0.041, 0.0123, 0.0021, 0.0003];
  return [
    { label: top, probability: 0.9421 },
    ...others.map((label, at) => ({ label, probability: shares[at] ?? 0 })),
  ];
}

function pixelsOf(picture: Buffer): Promise<Buffer> {
  return sharp(picture).toColourspace('b-w').raw().toBuffer();
}

function draw(digit: number): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28">
    <rect width="28" height="28" fill="#000"/>
    <text x="14" y="22" font-size="23" text-anchor="middle" fill="#fff" font-family="sans-serif">${digit}</text></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}
