/** ModelStreamInfer: many requests on one stream, each answered in its place. */

import { status as codes } from '@grpc/grpc-js';
import { afterAll, expect, test } from 'vitest';
import type { Message } from './support/grpc.ts';
import { createGrpcClient, encodeMessage, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { floatsOf } from './support/open-inference.ts';
import { openHttp2 } from './support/raw-grpc.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'slow', 'identity-fp32');
const server = await startModelship(folder.path);
const port = await grpcPortOf(server);
const client = createGrpcClient(port);

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

const ask = (i: number): object =>
  rawRequest(
    'slow',
    [{ name: 'x', datatype: 'FP32', shape: [1, 4], bytes: floats(i % 3 === 0 ? 40 : 0, i, 0, 0) }],
    { id: String(i) },
  );
const bad = { model_name: 'no', id: 'bad' };

interface Ended {
  readonly answers: Message[];
  readonly code: number;
}

function collect(
  requests: readonly object[],
  metadata: Record<string, string> = {},
): Promise<Ended> {
  const stream = client.stream(oip('ModelStreamInfer'), { metadata });
  const answers: Message[] = [];
  return new Promise((resolve) => {
    stream.on('data', (message) => answers.push(message));
    stream.on('error', () => {});
    stream.on('status', ({ code }) => resolve({ answers, code }));
    for (const request of requests) stream.write(request);
    stream.end();
  });
}

test('200 requests are answered in their order, quick ones behind slow ones', async () => {
  const requests = Array.from({ length: 200 }, (_, i) => ask(i));
  const { answers, code } = await collect(requests);
  expect(code).toBe(codes.OK);
  expect(answers.map(({ infer_response: { id } }) => id)).toEqual(
    requests.map((_, i) => String(i)),
  );
  for (const [i, { infer_response: answer }] of answers.entries())
    expect(floatsOf(answer.raw_output_contents[0]).at(1)).toBe(i);
});

test('one that fails says so in its place, and the stream goes on', async () => {
  const { answers, code } = await collect([ask(1), bad, ask(2)]);
  expect(code).toBe(codes.OK);
  expect(answers).toMatchObject([
    { infer_response: { id: '1' } },
    { error_message: expect.stringContaining("unknown model: 'no'") },
    { infer_response: { id: '2' } },
  ]);
});

test('with triton_grpc_error the stream ends with the status', async () => {
  const { answers, code } = await collect([ask(1), bad, ask(2)], { triton_grpc_error: 'true' });
  expect(code).toBe(codes.NOT_FOUND);
  expect(answers).toMatchObject([{ infer_response: { id: '1' } }]);
});

test('no request, no answer', async () => {
  expect(await collect([])).toEqual({ answers: [], code: codes.OK });
});

test('messages that arrive in one piece, or cut anywhere, are the same', async () => {
  using connection = openHttp2(port);
  const one = encodeMessage('inference.ModelInferRequest', ask(1));
  const framed = Buffer.concat([Buffer.of(0, 0, 0, 0, one.length), one]);
  const all = Buffer.concat([framed, framed, framed]);
  const path = `/${oip('ModelStreamInfer')}`;
  const whole = await connection.call(path, all);
  expect([whole.status, whole.body.length % 3]).toEqual([codes.OK, 0]);
  for (const cut of [3, 7, framed.length - 1, framed.length + 2]) {
    const stream = connection.open(path);
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.write(all.subarray(0, cut), () => stream.end(all.subarray(cut)));
    await closed;
    expect(Buffer.concat(pieces)).toEqual(whole.body);
  }
});

test('a message that is no request says so in its place', async () => {
  using connection = openHttp2(port);
  const answer = await connection.call(
    `/${oip('ModelStreamInfer')}`,
    Buffer.of(0, 0, 0, 0, 3, 0xff, 0xff, 0xff),
  );
  expect([answer.status, answer.body.includes('not valid protobuf')]).toEqual([codes.OK, true]);
});
