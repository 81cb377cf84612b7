/** What models, the server and its services say about themselves over gRPC. */

import { status as codes } from '@grpc/grpc-js';
import { afterAll, describe, expect, test } from 'vitest';
import type { Message } from './support/grpc.ts';
import { createGrpcClient, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { request } from './support/http.ts';
import { copyDigits, writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';

const folder = temporaryFolder();
writeModels(folder.path, 'simple', 'opset-99');
copyDigits(folder.path);
const server = await startModelship(folder.path, { args: ['--log-level', 'debug'] });
const client = createGrpcClient(await grpcPortOf(server));

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function ask(method: string, message: object = {}): Promise<Message> {
  const answer = await client.call(method, message);
  expect(answer).toMatchObject({ code: codes.OK });
  return answer.message;
}

const ints = Buffer.alloc(64);
const simple = rawRequest('simple', [
  { name: 'INPUT0', datatype: 'INT32', shape: [1, 16], bytes: ints },
  { name: 'INPUT1', datatype: 'INT32', shape: [1, 16], bytes: ints },
]);

describe('inference.GRPCInferenceService', () => {
  test('lives and is ready', async () => {
    expect(await ask(oip('ServerLive'))).toEqual({ live: true });
    expect(await ask(oip('ServerReady'))).toEqual({ ready: true });
  });

  test.each([
    [{ name: 'simple' }, { ready: true }],
    [{ name: 'simple', version: '1' }, { ready: true }],
    [{ name: 'simple', version: '2' }, {}],
    [{ name: 'opset-99' }, {}],
    [{ name: 'no-such' }, {}],
  ])('%j is ready: %j', async (model, expected) => {
    expect(await ask(oip('ModelReady'), model)).toEqual(expected);
  });

  test('metadata of the server and of a model are those of REST', async () => {
    const ofServer = await request(`${server.url}/v2`);
    expect(await ask(oip('ServerMetadata'))).toEqual(ofServer.json);
    const { json } = await request(`${server.url}/v2/models/simple`);
    const numbers = (tensor: Message): Message => ({ ...tensor, shape: tensor.shape.map(Number) });
    const { inputs, outputs, ...rest } = await ask(oip('ModelMetadata'), { name: 'simple' });
    expect({ ...rest, inputs: inputs.map(numbers), outputs: outputs.map(numbers) }).toEqual(json);
  });

  test('the configuration is that of REST', async () => {
    const { config } = await ask(oip('ModelConfig'), { name: 'simple' });
    expect(config).toMatchObject({
      name: 'simple',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      input: [
        { name: 'INPUT0', data_type: 'TYPE_INT32', dims: ['16'] },
        { name: 'INPUT1', data_type: 'TYPE_INT32', dims: ['16'] },
      ],
      output: [
        { name: 'OUTPUT0', data_type: 'TYPE_INT32', dims: ['16'] },
        { name: 'OUTPUT1', data_type: 'TYPE_INT32', dims: ['16'] },
      ],
      instance_group: [{ name: 'simple', kind: 'KIND_CPU', count: 1 }],
    });
    const { json } = await request(`${server.url}/v2/models/simple/config`);
    expect(config.max_batch_size).toBe(json.max_batch_size);
  });

  test('statistics count requests', async () => {
    const count = async (): Promise<number> => {
      const { model_stats: all } = await ask(oip('ModelStatistics'), { name: 'simple' });
      expect(all).toHaveLength(1);
      return Number(all[0].inference_stats.success.count ?? 0);
    };
    const before = await count();
    await ask(oip('ModelInfer'), simple);
    await ask(oip('ModelInfer'), simple);
    expect(await count()).toBe(before + 2);
    const { model_stats: everything } = await ask(oip('ModelStatistics'));
    expect(everything.map(({ name }: Message) => name)).toContain('digits');
  });

  test('the index of the repository, whole and of what serves', async () => {
    const { models } = await ask(oip('RepositoryIndex'));
    expect(models).toContainEqual({ name: 'simple', version: '1', state: 'READY' });
    expect(models).toContainEqual({
      name: 'opset-99',
      version: '1',
      state: 'UNAVAILABLE',
      reason: expect.stringContaining('opset 99'),
    });
    const { models: ready } = await ask(oip('RepositoryIndex'), { ready: true });
    expect(ready.map(({ name }: Message) => name).sort()).toEqual(['digits', 'simple']);
  });

  test.each(['RepositoryModelLoad', 'RepositoryModelUnload'])('%s is refused', async (method) => {
    const answer = await client.call(oip(method), { model_name: 'simple' });
    expect(answer).toMatchObject({
      code: codes.PERMISSION_DENIED,
      details: expect.stringContaining('--model-control explicit'),
    });
  });

  test('loading with files of the client is not offered', async () => {
    const parameters = { 'file:1/model.onnx': { bytes_param: Buffer.from('x') } };
    const answer = await client.call(oip('RepositoryModelLoad'), { model_name: 'm', parameters });
    expect(answer).toMatchObject({
      code: codes.UNIMPLEMENTED,
      details: expect.stringContaining('"file:1/model.onnx"'),
    });
  });

  test.each([
    'SystemSharedMemoryStatus',
    'CudaSharedMemoryRegister',
    'TraceSetting',
    'LogSettings',
    'NoSuchMethod',
  ])('%s is not implemented', async (method) => {
    const answer = await client.send(`/${oip(method)}`, Buffer.alloc(0));
    expect(answer.code).toBe(codes.UNIMPLEMENTED);
  });
});

describe('grpc.health.v1.Health', () => {
  const health = 'grpc.health.v1.Health/Check';

  test.each(['', 'inference.GRPCInferenceService', 'grpc.health.v1.Health'])(
    '%j serves',
    async (service) => {
      expect(await ask(health, { service })).toEqual({ status: 'SERVING' });
    },
  );

  test('does not know other services', async () => {
    const answer = await client.call(health, { service: 'no.such' });
    expect(answer).toMatchObject({ code: codes.NOT_FOUND });
    const stream = client.watch('grpc.health.v1.Health/Watch', { service: 'no.such' });
    stream.on('error', () => {});
    const [first] = await new Promise<Message[]>((resolve) =>
      stream.once('data', (message) => resolve([message])),
    );
    expect(first).toEqual({ status: 'SERVICE_UNKNOWN' });
    stream.cancel();
  });
});

describe('reflection', () => {
  async function reflect(version: string, question: object): Promise<Message> {
    const stream = client.stream(
      `grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    );
    stream.on('error', () => {});
    const answered = new Promise<Message>((resolve) => stream.once('data', resolve));
    stream.write(question);
    const answer = await answered;
    stream.end();
    return answer;
  }

  const names = (version: string): Promise<string[]> =>
    reflect(version, { list_services: '*' }).then(({ list_services_response: { service } }) =>
      service.map(({ name }: Message) => name),
    );

  test.each(['v1', 'v1alpha'])('%s lists the services', async (version) => {
    expect(await names(version)).toEqual(
      expect.arrayContaining([
        'inference.GRPCInferenceService',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
      ]),
    );
  });

  test('gives the file of every service, with all that it imports', async () => {
    for (const symbol of await names('v1')) {
      const { file_descriptor_response: found } = await reflect('v1', {
        file_containing_symbol: symbol,
      });
      expect(found.file_descriptor_proto.length).toBeGreaterThan(0);
    }
    const { file_descriptor_response: files } = await reflect('v1', {
      file_containing_symbol: 'inference.GRPCInferenceService.ModelInfer',
    });
    expect(files.file_descriptor_proto).toHaveLength(2);
  });

  test('a file by its name, and what is not there', async () => {
    const { file_descriptor_response: found, original_request: original } = await reflect('v1', {
      file_by_filename: 'health.proto',
    });
    expect(found.file_descriptor_proto[0].includes('grpc.health.v1')).toBe(true);
    expect(original).toEqual({ file_by_filename: 'health.proto' });
    const { error_response: error } = await reflect('v1', { file_containing_symbol: 'a.b' });
    expect(error).toMatchObject({ error_code: codes.NOT_FOUND });
  });
});

describe('every call', () => {
  test("has an id, the caller's or one of ours, and its trace goes back", async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const metadata = { 'x-request-id': 'mine-1', traceparent };
    const own = await client.call(oip('ServerLive'), {}, { metadata });
    expect([own.headers?.get('x-request-id'), own.headers?.get('traceparent')]).toEqual([
      ['mine-1'],
      [traceparent],
    ]);
    const other = await client.call(oip('ServerLive'));
    expect(other.headers?.get('x-request-id')[0]).toMatch(/^[0-9a-f-]{36}$/);
    const failed = await client.call(oip('ModelMetadata'), { name: 'no' }, { metadata });
    expect(failed.trailers?.get('x-request-id')).toEqual(['mine-1']);
    expect(failed.trailers?.get('modelship-code')).toEqual(['MODEL_NOT_FOUND']);
  });

  test('is a line of the log and a count of the metrics', async () => {
    const metadata = { 'x-request-id': 'logged-1' };
    await client.call(oip('ModelInfer'), simple, { metadata });
    const [line] = await server.printed(/.*"requestId":"logged-1".*"msg":"call".*/);
    expect(JSON.parse(line)).toMatchObject({
      method: '/inference.GRPCInferenceService/ModelInfer',
      status: 'OK',
      model: 'simple',
      version: '1',
      runMs: expect.any(Number),
    });
    const { text } = await request(`${server.url}/metrics`);
    expect(text).toMatch(
      /modelship_grpc_requests_total\{method="\/inference\.GRPCInferenceService\/ModelInfer",status="OK",code="OK"\} [1-9]/,
    );
  });
});
