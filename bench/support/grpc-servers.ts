/**
 * gRPC servers to compare, on one port each, in a process of their own; their ports go over IPC:
 * an empty handler that gives its bytes back, one that reads and writes with protobufjs, and ours with a
 * serving behind it that gives its tensors back.
 */

import { join } from 'node:path';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { openGrpcPort } from '../../src/grpc/grpc-port.ts';
import type { GrpcServerOptions } from '../../src/grpc/grpc-server.ts';
import { createGrpcServer } from '../../src/grpc/grpc-server.ts';
import { createByteBudget } from '../../src/serving/byte-budget.ts';
import type { InferenceRequest } from '../../src/serving/inference-types.ts';
import { createLongWork } from '../../src/serving/long-work.ts';

const path = '/inference.GRPCInferenceService/ModelInfer';
const maxBody = 64 * 1024 * 1024;
const options = { 'grpc.max_receive_message_length': maxBody };

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve(port);
    });
  });
}

const same = (bytes: Buffer): Buffer => bytes;

function startEmpty(): Promise<number> {
  const server = new Server(options);
  const echo: handleUnaryCall<Buffer, Buffer> = ({ request }, done) => done(null, request);
  server.register(path, echo, same, same, 'unary');
  return listen(server);
}

interface Tensors {
  readonly model_name: string;
  readonly inputs: object[];
  readonly outputs: object[];
}

function startProtobufjs(): Promise<number> {
  const folder = join(import.meta.dirname, '..', '..', 'proto');
  const root = new protobuf.Root();
  root.resolvePath = (_from, target) => (target.startsWith('/') ? target : join(folder, target));
  root.loadSync(join(folder, 'open_inference.proto'), { keepCase: true });
  const request = root.lookupType('inference.ModelInferRequest');
  const response = root.lookupType('inference.ModelInferResponse');
  const server = new Server(options);
  const echo: handleUnaryCall<Tensors, object> = ({ request }, done) =>
    done(null, {
      model_name: request.model_name,
      outputs: request.outputs.length > 0 ? [] : request.inputs,
    });
  server.register(
    path,
    echo,
    (message: object) => Buffer.from(response.encode(message).finish()),
    (bytes) => request.decode(bytes) as unknown as Tensors,
    'unary',
  );
  return listen(server);
}

const signature = { name: 'serving_default', takes: 'tensors', inputs: [], outputs: [], wanted: 0 };

/** Only what the way of ModelInfer asks. Who names an output wants none of the tensors back. */
const dummy = {
  registry: { models: [] },
  ready: true,
  acquire: () => ({ timeLimitMs: 30_000, release() {} }),
  async infer({ model, inputs: given, outputs: named }: InferenceRequest) {
    const inputs = typeof given === 'function' ? await given(signature as never) : given;
    const timings = { runMs: 0, queueMs: 0 };
    const outputs = named ? [] : inputs;
    return { model, version: '1', signature, outputs, timings };
  },
} as unknown as GrpcServerOptions['service'];

const silent = { debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: () => false };

async function startOurs(): Promise<number> {
  const port = await openGrpcPort('127.0.0.1', 0);
  createGrpcServer({
    port,
    service: dummy,
    metrics: { countGrpc() {}, statisticsOf: () => undefined },
    log: silent,
    version: 'bench',
    maxBody,
    bodyMemory: createByteBudget(2 ** 30),
    longWork: createLongWork({
      now: () => performance.now(),
      defer: (run) => void setImmediate(run),
    }),
    maxConnections: 100,
    stallMs: 20_000,
    timeoutMs: 30_000,
    keepaliveMs: 60_000,
  });
  return port.port;
}

process.once('disconnect', () => process.exit());
// Any message asks for the microseconds of processor time so far.
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.send?.({
  empty: await startEmpty(),
  protobufjs: await startProtobufjs(),
  ours: await startOurs(),
});
