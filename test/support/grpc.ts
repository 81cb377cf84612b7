/**
 * gRPC as clients of it are: messages are written and read by protobufjs from the files of proto/, so that
 * nothing of our own codecs is believed.
 */

import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientDuplexStream, ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import type { Program } from './modelship.ts';

// biome-ignore lint/suspicious/noExplicitAny: what a test expects of a message, it says itself
export type Message = any;

const folder = join(import.meta.dirname, '..', '..', 'proto');
const protos = new protobuf.Root();
protos.resolvePath = (_from, target) => (target.startsWith('/') ? target : join(folder, target));
protos.loadSync(globSync(join(folder, '**/*.proto')), { keepCase: true });
protos.resolveAll();

/** 64-bit numbers as texts, enums as names, bytes as Buffers; fields that are absent are absent. */
const shown = { longs: String, enums: String, bytes: Buffer, arrays: true, objects: true } as const;

interface Method {
  readonly path: string;
  readonly encode: (message: object) => Buffer;
  readonly decode: (bytes: Buffer) => Message;
}

/** `name`: "inference.GRPCInferenceService/ModelInfer". */
function methodOf(name: string): Method {
  const [service = '', method = ''] = name.split('/');
  const found = protos.lookupService(service).methods[method];
  const request = found?.resolvedRequestType;
  const response = found?.resolvedResponseType;
  if (!request || !response) throw new Error(`proto/ has no ${name}`);
  return {
    path: `/${name}`,
    encode: (message) => Buffer.from(request.encode(request.fromObject(message)).finish()),
    decode: (bytes) => response.toObject(response.decode(bytes), shown),
  };
}

export function encodeMessage(type: string, message: object): Buffer {
  const found = protos.lookupType(type);
  return Buffer.from(found.encode(found.fromObject(message)).finish());
}

export function decodeMessage(type: string, bytes: Uint8Array): Message {
  const found = protos.lookupType(type);
  return found.toObject(found.decode(bytes), shown);
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface CallAnswer {
  /** The name of the status is in `status.code`'s number: 0 is OK. */
  readonly code: number;
  readonly details: string;
  readonly message: Message;
  readonly bytes: Buffer | undefined;
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata | undefined;
}

const same = (bytes: Buffer): Buffer => bytes;

function metadataOf({ metadata = {} }: CallOptions): Metadata {
  const made = new Metadata();
  for (const [name, value] of Object.entries(metadata)) made.set(name, value);
  return made;
}

const deadlineOf = ({ deadlineMs }: CallOptions): { deadline?: number } =>
  deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };

export interface GrpcClient extends Disposable {
  call(name: string, message?: object, options?: CallOptions): Promise<CallAnswer>;
  /** Sends these bytes as they are. */
  send(path: string, bytes: Buffer, options?: CallOptions): Promise<CallAnswer>;
  /** A stream of messages both ways. */
  stream(name: string, options?: CallOptions): ClientDuplexStream<object, Message>;
  watch(name: string, message: object): ClientReadableStream<Message>;
}

export function createGrpcClient(port: number): GrpcClient {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
  });

  function send(
    path: string,
    bytes: Buffer,
    options: CallOptions = {},
    decode: (bytes: Buffer) => Message = same,
  ): Promise<CallAnswer> {
    return new Promise((resolve) => {
      let headers: Metadata | undefined;
      let trailers: Metadata | undefined;
      const done = (error: ServiceError | null, answer?: Buffer): void => {
        resolve({
          code: error?.code ?? 0,
          details: error?.details ?? '',
          message: answer && decode(answer),
          bytes: answer,
          headers,
          trailers: error?.metadata ?? trailers,
        });
      };
      const metadata = metadataOf(options);
      const call = client.makeUnaryRequest(
        path,
        same,
        same,
        bytes,
        metadata,
        deadlineOf(options),
        done,
      );
      call.once('metadata', (given: Metadata) => {
        headers = given;
      });
      call.once('status', (status) => {
        trailers = status.metadata;
      });
      options.signal?.addEventListener('abort', () => call.cancel());
    });
  }

  return {
    call(name, message = {}, options = {}) {
      const { path, encode, decode } = methodOf(name);
      return send(path, encode(message), options, decode);
    },
    send: (path, bytes, options) => send(path, bytes, options),
    stream(name, options = {}) {
      const { path, encode, decode } = methodOf(name);
      const metadata = metadataOf(options);
      return client.makeBidiStreamRequest(path, encode, decode, metadata, deadlineOf(options));
    },
    watch(name, message) {
      const { path, encode, decode } = methodOf(name);
      return client.makeServerStreamRequest(path, encode, decode, message);
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** The port that a server says it speaks gRPC on. */
export async function grpcPortOf(server: Program): Promise<number> {
  const [, port] = await server.printed(/gRPC on \S+:(\d+)\n/);
  return Number(port);
}

export const oip = (method: string): string => `inference.GRPCInferenceService/${method}`;

export interface RawInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A ModelInferRequest with raw contents. */
export function rawRequest(model: string, inputs: readonly RawInput[], more: object = {}): object {
  return {
    model_name: model,
    inputs: inputs.map(({ bytes: _, ...input }) => input),
    raw_input_contents: inputs.map(({ bytes }) => bytes),
    ...more,
  };
}
