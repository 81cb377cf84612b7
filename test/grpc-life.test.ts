/** Calls that end early, and the end of a server: deadlines, clients that go, signals. */

import { status as codes } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from 'vitest';
import type { CallOptions, GrpcClient, Message } from './support/grpc.ts';
import { createGrpcClient, encodeMessage, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { request } from './support/http.ts';
import { writeModels } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { runModelship, startModelship, temporaryFolder } from './support/modelship.ts';
import { floatsOf } from './support/open-inference.ts';
import { answerOf, openHttp2 } from './support/raw-grpc.ts';
import { endless, untilRunning } from './support/slow-model.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'slow');
afterAll(() => folder[Symbol.dispose]());

const slowRequest = (rounds: number): object =>
  rawRequest('slow', [
    {
      name: 'x',
      datatype: 'FP32',
      shape: [1, 4],
      bytes: Buffer.from(Float32Array.of(rounds, 0, 0, 0).buffer),
    },
  ]);

interface Stage extends AsyncDisposable {
  readonly server: Modelship;
  readonly client: GrpcClient;
  readonly port: number;
}

async function startStage(...args: string[]): Promise<Stage> {
  const server = await startModelship(folder.path, { args });
  const port = await grpcPortOf(server);
  const client = createGrpcClient(port);
  return {
    server,
    client,
    port,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const work = ({ client }: Stage, rounds: number, options?: CallOptions) =>
  client.call(oip('ModelInfer'), slowRequest(rounds), options);

/** How often a code was counted for the model. */
async function countOf({ server }: Stage, code: string): Promise<number> {
  const { text } = await request(`${server.url}/metrics`);
  const pattern = new RegExp(`^modelship_requests_total\\{.*code="${code}"\\} (\\d+)$`, 'm');
  return Number(pattern.exec(text)?.[1] ?? 0);
}

const untilCounted = (stage: Stage, code: string) =>
  waitUntil(`${code} is counted`, async () => (await countOf(stage, code)) > 0);

describe('a call', () => {
  test('ends with its deadline, and so does its work', async () => {
    await using stage = await startStage('--run-timeout-ms', '60000');
    // Connected: the time is then the call's alone.
    await work(stage, 0);
    const answer = await work(stage, endless, { deadlineMs: 1000 });
    expect(answer.code).toBe(codes.DEADLINE_EXCEEDED);
    // On a slow machine the client may say that it is gone before our own time is over.
    await waitUntil('its end is counted', async () => {
      const ends = ['DEADLINE_EXCEEDED', 'REQUEST_CANCELLED'].map((code) => countOf(stage, code));
      return (await Promise.all(ends)).some((count) => count > 0);
    });
  });

  test('ends with the timeout that it asks for, in microseconds', async () => {
    await using stage = await startStage('--run-timeout-ms', '60000');
    const asked = { ...slowRequest(endless), parameters: { timeout: { int64_param: 200_000 } } };
    const answer = await stage.client.call(oip('ModelInfer'), asked);
    expect(answer).toMatchObject({
      code: codes.DEADLINE_EXCEEDED,
      details: expect.stringContaining('time limit of 200 ms'),
    });
  });

  test('whose client goes waits no longer', async () => {
    await using stage = await startStage('--run-timeout-ms', '60000');
    const gone = new AbortController();
    void work(stage, endless, { signal: gone.signal });
    await untilRunning(stage.server);
    gone.abort();
    await untilCounted(stage, 'REQUEST_CANCELLED');
  });

  test('that sends nothing is refused, and one that sends the rest of its message too late', async () => {
    await using stage = await startStage('--stall-timeout-ms', '100');
    using connection = openHttp2(stage.port);
    const path = `/${oip('ModelInfer')}`;
    const message = encodeMessage('inference.ModelInferRequest', slowRequest(1));
    const half = Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message.subarray(0, 20)]);
    for (const sent of [undefined, half]) {
      const stream = connection.open(path);
      if (sent) stream.write(sent);
      const { status, message: text } = await answerOf(stream);
      expect([status, text]).toEqual([
        codes.UNAVAILABLE,
        expect.stringContaining('Too%20little%20of%20the%20request'),
      ]);
    }
    expect(await work(stage, 1)).toMatchObject({ code: codes.OK });
  });

  test('finds no room while others hold it all', async () => {
    await using stage = await startStage('--max-body', '2MB', '--max-body-memory', '2MB');
    using connection = openHttp2(stage.port);
    const path = `/${oip('ModelInfer')}`;
    const large = Buffer.alloc(2 ** 21);
    large.writeUInt32BE(2 ** 21 - 5, 1);
    const first = connection.open(path);
    first.write(large.subarray(0, 2 ** 20));
    await waitUntil('it is held', async () => {
      const { text } = await request(`${stage.server.url}/metrics`);
      return Number(/^modelship_request_body_bytes (\d+)$/m.exec(text)?.[1]) >= 2 ** 20;
    });
    const second = await connection.call(path, large);
    expect([second.status, second.message]).toEqual([
      codes.RESOURCE_EXHAUSTED,
      expect.stringContaining('leave%20no%20room'),
    ]);
    first.close();
    await waitUntil('nothing is held', async () => {
      const { text } = await request(`${stage.server.url}/metrics`);
      return /^modelship_request_body_bytes 0$/m.test(text);
    });
  });
});

describe('SIGTERM', () => {
  test('what is in flight is answered, new calls are refused, those who watch are told', async () => {
    await using stage = await startStage();
    const { client, server } = stage;
    const told: Message[] = [];
    const watching = client.watch('grpc.health.v1.Health/Watch', { service: '' });
    watching.on('error', () => {}).on('data', ({ status }) => told.push(status));
    await waitUntil('the health is told', () => told.length > 0);
    const slow = work(stage, 1000);
    await untilRunning(server);
    server.signal('SIGTERM');
    await server.printed(/shutting down/);
    expect(await work(stage, 1)).toMatchObject({
      code: codes.UNAVAILABLE,
      details: expect.stringContaining('shutting down'),
    });
    expect((await client.call(oip('ServerReady'))).message).toEqual({});
    const { code, message } = await slow;
    expect([code, floatsOf(message?.raw_output_contents[0])]).toEqual([codes.OK, [1000, 0, 0, 0]]);
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
    expect(told).toEqual(['SERVING', 'NOT_SERVING']);
  });

  test('under load every call is answered or told to go elsewhere', async () => {
    await using stage = await startStage();
    const answers: { code: number; right: boolean }[] = [];
    const worker = async (rounds: number): Promise<void> => {
      for (;;) {
        const { code, message } = await work(stage, rounds);
        const [first] = floatsOf(message?.raw_output_contents[0]);
        answers.push({ code, right: code !== codes.OK || first === rounds });
        if (code !== codes.OK) return;
      }
    };
    const workers = Array.from({ length: 16 }, (_, i) => worker(i));
    await waitUntil('it is under load', () => answers.length > 100);
    stage.server.signal('SIGTERM');
    await Promise.all(workers);
    expect(new Set(answers.map(({ code }) => code))).toEqual(
      new Set([codes.OK, codes.UNAVAILABLE]),
    );
    expect(answers.filter(({ right }) => !right)).toEqual([]);
    expect(await stage.server.ended).toMatchObject({ code: 0, signal: null });
  });

  test('a message that is still on its way is answered too', async () => {
    await using stage = await startStage();
    using connection = openHttp2(stage.port);
    const message = encodeMessage('inference.ModelInferRequest', slowRequest(2));
    const stream = connection.open(`/${oip('ModelInfer')}`);
    const answered = answerOf(stream);
    stream.write(Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message.subarray(0, 9)]));
    await waitUntil('its bytes are held', async () => {
      const { text } = await request(`${stage.server.url}/metrics`);
      return /^modelship_request_body_bytes 14$/m.test(text);
    });
    stage.server.signal('SIGTERM');
    await stage.server.printed(/shutting down/);
    stream.end(message.subarray(9));
    expect((await answered).status).toBe(codes.OK);
    expect(await stage.server.ended).toMatchObject({ code: 0 });
  });

  test('a message that never comes holds nobody up', async () => {
    await using stage = await startStage('--shutdown-client-ms', '100');
    using connection = openHttp2(stage.port);
    const stream = connection.open(`/${oip('ModelInfer')}`);
    const answered = answerOf(stream);
    stream.write(Buffer.of(0, 0, 0, 0, 99, 1, 2, 3));
    await waitUntil('its bytes are held', async () => {
      const { text } = await request(`${stage.server.url}/metrics`);
      return /^modelship_request_body_bytes 8$/m.test(text);
    });
    stage.server.signal('SIGTERM');
    expect((await answered).status).toBe(codes.UNAVAILABLE);
    expect(await stage.server.ended).toMatchObject({ code: 0 });
  });

  test('a stream is answered what it was read, and ends', async () => {
    await using stage = await startStage();
    const stream = stage.client.stream(oip('ModelStreamInfer'));
    const answers: Message[] = [];
    stream.on('data', (message) => answers.push(message));
    const ended = new Promise<{ code: number }>((resolve) =>
      stream.once('error', resolve as never),
    );
    stream.write(slowRequest(700));
    stream.write(slowRequest(1));
    await untilRunning(stage.server);
    stage.server.signal('SIGTERM');
    expect((await ended).code).toBe(codes.UNAVAILABLE);
    const firsts = answers.map(({ infer_response: answer }) =>
      floatsOf(answer.raw_output_contents[0]).at(0),
    );
    expect(firsts).toEqual([700, 1]);
    expect(await stage.server.ended).toMatchObject({ code: 0 });
  });
});

describe('the port', () => {
  test('in use by another server: says which option changes it, exit code 5', async () => {
    await using stage = await startStage();
    const args = ['serve', folder.path, '--port', '0', '--grpc-port', String(stage.port)];
    const { code, stdout, stderr } = await runModelship(args);
    expect([code, stdout, stderr]).toEqual([
      5,
      // It must not say that it listens before.
      '',
      expect.stringMatching(
        /Port \d+ on 127\.0\.0\.1 is in use.*--grpc-port or --no-grpc.*\[PORT_IN_USE\]/,
      ),
    ]);
  });

  test('takes calls as soon as it is told, which are answered when it can', async () => {
    await using server = await startModelship(folder.path, { until: 'listening' });
    using client = createGrpcClient(await grpcPortOf(server));
    const { code, message } = await client.call(oip('ServerLive'));
    expect([code, message]).toMatchObject([codes.OK, { live: true }]);
  });

  test('is not opened with --no-grpc', async () => {
    await using server = await startModelship(folder.path, { args: ['--no-grpc'] });
    expect(server.stdout).not.toContain('gRPC');
    expect((await request(`${server.url}/readyz`)).status).toBe(200);
  });

  test('a connection that is old ends, and the next call is answered', async () => {
    await using stage = await startStage('--grpc-max-age-ms', '1000');
    using connection = openHttp2(stage.port);
    const path = `/${oip('ServerLive')}`;
    const live = Buffer.alloc(5);
    expect((await connection.call(path, live)).status).toBe(codes.OK);
    await connection.closed;
    expect(await stage.client.call(oip('ServerLive'))).toMatchObject({ code: codes.OK });
  });
});
