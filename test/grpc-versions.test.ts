/** Versions that come and go while gRPC requests are on their way. */

import { join } from 'node:path';
import { status as codes } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { writePlus } from './models/plus.ts';
import type { CallAnswer, GrpcClient } from './support/grpc.ts';
import { createGrpcClient, decodeMessage, encodeMessage, grpcPortOf } from './support/grpc.ts';
import { post, request } from './support/http.ts';
import { writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { answerOf, openHttp2 } from './support/raw-grpc.ts';
import { waitPatiently as waitUntil } from './support/wait-until.ts';

let root: string;
const folder = (): string => join(root, 'models/plus');
const watching = ['--watch', '--poll-interval-ms', '50', '--settle-ms', '50'];

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  writePlus(folder(), 1);
  return () => temporary[Symbol.dispose]();
});

const start = (...args: string[]): Promise<Modelship> =>
  startModelship(join(root, 'models'), { args });

const path = 'inference.GRPCInferenceService/ModelInfer';

const inferMessage = (version = ''): object => ({
  model_name: 'plus',
  model_version: version,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1], contents: { fp32_contents: [1000] } }],
});

/** Which version it was, by its answer. */
const versionIn = (answer: { raw_output_contents: Buffer[] }): number =>
  (answer.raw_output_contents[0] as Buffer).readFloatLE(0) - 1000;

const serving = async ({ url }: Modelship): Promise<string[]> => {
  const { json } = await request(`${url}/models/plus`);
  return json.versions
    .filter(({ state }: { state: string }) => state === 'READY')
    .map(({ version }: { version: string }) => version);
};

const ask = (client: GrpcClient, metadata: Record<string, string> = {}): Promise<CallAnswer> =>
  client.call(path, inferMessage(), { metadata });

describe('gRPC requests while a version is swapped', { timeout: 180_000 }, () => {
  test('are all answered, by the one or the other', async () => {
    await using server = await start(...watching);
    using client = createGrpcClient(await grpcPortOf(server));
    const seen = new Set<number>();
    let failures = 0;
    let over = false;
    const loops = Array.from({ length: 4 }, async () => {
      while (!over) {
        const answer = await ask(client);
        if (answer.code === codes.OK) seen.add(versionIn(answer.message));
        else failures += 1;
      }
    });
    await waitUntil('the first answers', () => seen.has(1));
    for (const version of [2, 3]) {
      writePlus(folder(), version);
      await waitUntil(`version ${version} alone serves`, async () => {
        return (await serving(server)).join() === String(version) && seen.has(version);
      });
    }
    over = true;
    await Promise.all(loops);
    expect([failures, [...seen].sort()]).toEqual([0, [1, 2, 3]]);
  });

  test('whose message is whole only then get what serves then, or hear that their version is gone', async () => {
    await using server = await start(...watching);
    using connection = openHttp2(await grpcPortOf(server));
    const open = (version: string) => {
      const message = encodeMessage('inference.ModelInferRequest', inferMessage(version));
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      const stream = connection.open(`/${path}`);
      const answer = answerOf(stream);
      // The name of the model is in it already, and the version too.
      stream.write(Buffer.concat([head, message.subarray(0, message.length - 2)]));
      return { answer, finish: () => stream.end(message.subarray(message.length - 2)) };
    };
    const [any, first] = [open(''), open('1')];
    writePlus(folder(), 2);
    await waitUntil('version 1 is gone', async () => {
      const { json } = await request(`${server.url}/models/plus`);
      return json.versions.length === 1 && json.versions[0].version === '2';
    });
    any.finish();
    first.finish();
    const { status, body } = await any.answer;
    expect(status).toBe(codes.OK);
    expect(versionIn(decodeMessage('inference.ModelInferResponse', body.subarray(5)))).toBe(2);
    const refused = await first.answer;
    expect(refused.status).toBe(codes.NOT_FOUND);
    expect(decodeURIComponent(refused.message)).toContain('has no version "1"; versions here: 2');
  });
});

test('a user of a split keeps the version by the metadata', { timeout: 180_000 }, async () => {
  writePlus(folder(), 2);
  writeYaml(folder(), 'versions: {policy: all, traffic: {1: 50, 2: 50}, sticky: {header: X-User}}');
  await using server = await start();
  using client = createGrpcClient(await grpcPortOf(server));
  const seen = new Set<number>();
  for (let user = 0; user < 12; user += 1) {
    const metadata = { 'x-user': `user-${user}` };
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(client, metadata)));
    const versions = new Set(answers.map(({ message }) => versionIn(message)));
    expect(versions.size).toBe(1);
    // The same as over HTTP.
    const { json } = await post(
      `${server.url}/v2/models/plus/infer`,
      { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }] },
      metadata,
    );
    expect([...versions]).toEqual([Number(json.model_version)]);
    seen.add([...versions][0] as number);
  }
  expect([...seen].sort()).toEqual([1, 2]);
});
