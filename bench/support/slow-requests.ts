/** Requests that were made to hold up the server's event loop, each of at most 60 MB. */

import { connect } from 'node:net';
import { WireWriter } from '../../src/protocol/protobuf/wire-writer.ts';
import { createGrpcClient, oip } from '../../test/support/grpc.ts';

export interface Ports {
  readonly http: number;
  readonly grpc: number;
}

export interface SlowRequest {
  readonly name: string;
  /** Sends it and gives what was answered, shortened. */
  readonly send: (ports: Ports) => Promise<string>;
}

const megabytes = 60;
const bytes = megabytes * 1_000_000;
const most = 1_000_000;

const shorten = (text: string): string => text.replaceAll('\n', ' ').slice(0, 70);

function overGrpc(path: string, make: () => Buffer) {
  return async ({ grpc }: Ports): Promise<string> => {
    using client = createGrpcClient(grpc);
    const { code, details, bytes: answer } = await client.send(`/${path}`, make());
    return `status ${code} ${shorten(details)}${answer ? `${answer.length} bytes` : ''}`;
  };
}

function overHttp(path: string, make: () => Buffer) {
  return async ({ http }: Ports): Promise<string> => {
    const body = make() as Buffer<ArrayBuffer>;
    const answer = await fetch(`http://127.0.0.1:${http}${path}`, { method: 'POST', body });
    const text = Buffer.from(await answer.arrayBuffer());
    return `status ${answer.status} ${text.length} bytes ${shorten(text.toString('latin1', 0, 70))}`;
  };
}

/** The same bytes again and again. */
const repeated = (piece: readonly number[], times: number): Buffer =>
  Buffer.alloc(piece.length * times, Buffer.from(piece));

function typed(datatype: string, count: number, contents: WireWriter, output = 'none'): Buffer {
  const input = new WireWriter()
    .string(1, 'x')
    .string(2, datatype)
    .int(3, count / 2)
    .int(3, 2);
  const model = datatype === 'FP32' ? 'total' : `identity-${datatype.toLowerCase()}`;
  const request = new WireWriter().string(1, model).message(5, input.message(5, contents));
  if (output !== '') request.message(6, new WireWriter().string(1, output));
  return request.finish();
}

const packed = (datatype: string, field: number, piece: readonly number[], count: number) => ({
  name: `grpc typed ${datatype} of ${piece.length} bytes`,
  send: overGrpc(oip('ModelInfer'), () =>
    typed(datatype, count, new WireWriter().bytes(field, repeated(piece, count))),
  ),
});

/** -1, as protobuf sends it. */
const minusOne = [255, 255, 255, 255, 255, 255, 255, 255, 255, 1];

function raw(model: string, datatype: string, size: number): Buffer {
  const count = bytes / size;
  const input = new WireWriter()
    .string(1, 'x')
    .string(2, datatype)
    .int(3, count / 2)
    .int(3, 2);
  return new WireWriter().string(1, model).message(5, input).bytes(7, Buffer.alloc(bytes)).finish();
}

/** One input `x` [count / 2, 2] for PredictionService/Predict. */
function predict(
  model: string,
  type: number,
  count: number,
  fill: (tensor: WireWriter) => void,
): Buffer {
  const dims = [count / 2, 2].map((dim) => new WireWriter().int(1, dim));
  const shape = new WireWriter();
  for (const dim of dims) shape.message(2, dim);
  const tensor = new WireWriter().int(1, type).message(2, shape);
  fill(tensor);
  const entry = new WireWriter().string(1, 'x').message(2, tensor);
  const spec = new WireWriter().string(1, model);
  return new WireWriter().message(1, spec).message(2, entry).finish();
}

const tensorflow = (name: string, ...args: Parameters<typeof predict>): SlowRequest => ({
  name: `grpc Predict ${name}`,
  send: overGrpc('tensorflow.serving.PredictionService/Predict', () => predict(...args)),
});

/** Classification of so many examples with a float each. */
function examples(count: number): Buffer {
  const floats = new WireWriter().bytes(1, Buffer.alloc(4));
  const feature = new WireWriter().message(2, floats);
  const entry = new WireWriter().string(1, 'x').message(2, feature);
  const one = new WireWriter().message(1, new WireWriter().message(1, entry));
  const piece = [...new WireWriter().message(1, one).finish()];
  const list = repeated(piece, count);
  const input = new WireWriter().bytes(1, list);
  const spec = new WireWriter().string(1, 'half-plus-two');
  return new WireWriter().message(1, spec).message(2, input).finish();
}

function strings(field: number, count: number, length: number): Buffer {
  const one = [...new WireWriter().bytes(field, Buffer.alloc(length, 97)).finish()];
  return repeated(one, count);
}

function grpcParameters(count: number): Buffer {
  const request = new WireWriter().string(1, 'total');
  const value = new WireWriter().int(2, 1);
  for (let i = 0; i < count; i += 1)
    request.message(4, new WireWriter().string(1, `p${i}`).message(2, value));
  return request.finish();
}

function jsonParameters(count: number): Buffer {
  const entries = Array.from({ length: count }, (_, i) => `"p${i}":${i}`);
  return Buffer.from(
    `{"parameters":{${entries}},"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}`,
  );
}

function json(datatype: string, numbers: string, model: string): Buffer {
  const count = numbers.split(',').length;
  const times = Math.floor(bytes / (numbers.length + 1));
  const rows = (count * times) / 2;
  const head = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[${rows},2],"data":[`;
  const all = Buffer.alloc((numbers.length + 1) * times, `${numbers},`);
  return Buffer.concat([
    Buffer.from(head),
    all.subarray(0, all.length - 1),
    Buffer.from(`]}],"outputs":[{"name":"${model === 'total' ? 'total' : 'none'}"}]}`),
  ]);
}

/** The last asks for the end of the connection. */
async function pipelined({ http }: Ports, count: number, path: string): Promise<string> {
  const socket = connect(http, '127.0.0.1');
  const one = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n`;
  socket.write(`${one}\r\n`.repeat(count - 1));
  socket.write(`${one}Connection: close\r\n\r\n`);
  let received = 0;
  for await (const piece of socket) received += (piece as Buffer).length;
  return `${(received / count).toFixed(0)} bytes an answer`;
}

const inferPath = (model: string): string => `/v2/models/${model}/infer`;

export const slowRequests: readonly SlowRequest[] = [
  {
    name: 'grpc raw FP32, answer small',
    send: overGrpc(oip('ModelInfer'), () => raw('total', 'FP32', 4)),
  },
  {
    name: 'grpc raw FP32, answer large',
    send: overGrpc(oip('ModelInfer'), () => raw('identity-fp32', 'FP32', 4)),
  },
  packed('FP32', 6, [0, 0, 128, 63], bytes / 4),
  packed('FP64', 7, [0, 0, 0, 0, 0, 0, 240, 63], bytes / 8),
  packed('BOOL', 1, [1, 0], bytes / 2),
  packed('INT8', 2, [1, 2], bytes / 2),
  packed('INT8', 2, minusOne, bytes / 10),
  packed('INT32', 2, [1, 2], bytes / 2),
  packed('INT32', 2, minusOne, bytes / 10),
  packed('UINT16', 4, [200, 1], bytes / 2),
  packed('INT64', 3, [200, 1], bytes / 2),
  packed('INT64', 3, minusOne, bytes / 10),
  {
    name: 'grpc typed BYTES',
    send: overGrpc(oip('ModelInfer'), () => {
      const list = strings(8, most, 58);
      const contents = new WireWriter();
      const input = new WireWriter()
        .string(1, 'x')
        .string(2, 'BYTES')
        .int(3, most / 2)
        .int(3, 2);
      const all = Buffer.concat([contents.finish(), list]);
      return new WireWriter()
        .string(1, 'identity-bytes')
        .message(5, input.bytes(5, all))
        .message(6, new WireWriter().string(1, 'none'))
        .finish();
    }),
  },
  {
    name: 'grpc typed floats one by one',
    send: overGrpc(oip('ModelInfer'), () => {
      const list = repeated([0x35, 0, 0, 128, 63], 240_000);
      const input = new WireWriter().string(1, 'x').string(2, 'FP32').int(3, 120_000).int(3, 2);
      return new WireWriter().string(1, 'total').message(5, input.bytes(5, list)).finish();
    }),
  },
  tensorflow('float_val', 'total', 1, bytes / 4, (tensor) => tensor.bytes(5, Buffer.alloc(bytes))),
  tensorflow('int64_val and answer', 'identity-int64', 9, bytes / 10, (tensor) =>
    tensor.bytes(10, repeated(minusOne, bytes / 10)),
  ),
  tensorflow('int64_val short', 'identity-int64', 9, 8_000_000, (tensor) =>
    tensor.bytes(10, repeated([200, 1], 8_000_000)),
  ),
  tensorflow('one float for 15 million', 'total', 1, bytes / 4, (tensor) =>
    tensor.bytes(5, Buffer.from([0, 0, 128, 63])),
  ),
  tensorflow('one int64 for 8 million', 'identity-int64', 9, 8_000_000, (tensor) =>
    tensor.bytes(10, Buffer.from([1])),
  ),
  tensorflow('string_val and answer', 'identity-bytes', 7, most / 4, (tensor) => {
    for (let i = 0; i < most / 4; i += 1) tensor.bytes(8, Buffer.from('aaaa'));
  }),
  {
    name: 'grpc Regress',
    send: overGrpc('tensorflow.serving.PredictionService/Regress', () => examples(200_000)),
  },
  {
    name: 'grpc Classify',
    send: overGrpc('tensorflow.serving.PredictionService/Classify', () => examples(200_000)),
  },
  {
    name: 'grpc unknown fields',
    send: overGrpc(oip('ModelInfer'), () => Buffer.alloc(bytes, Buffer.from([0x98, 6, 1]))),
  },
  {
    name: 'grpc unknown fields of Predict',
    send: overGrpc('tensorflow.serving.PredictionService/Predict', () =>
      Buffer.alloc(bytes, Buffer.from([0x98, 6, 1])),
    ),
  },
  {
    name: 'grpc unknown fields of a tensor',
    send: overGrpc('tensorflow.serving.PredictionService/Predict', () => {
      const tensor = new WireWriter().bytes(2, Buffer.alloc(bytes, Buffer.from([0x98, 6, 1])));
      const entry = new WireWriter().string(1, 'x').message(2, tensor);
      const spec = new WireWriter().string(1, 'total');
      return new WireWriter().message(1, spec).message(2, entry).finish();
    }),
  },
  {
    name: 'grpc unknown fields of ModelReady',
    send: overGrpc(oip('ModelReady'), () => Buffer.alloc(bytes, Buffer.from([0x98, 6, 1]))),
  },
  {
    name: 'grpc 190,000 parameters',
    send: overGrpc(oip('ModelInfer'), () => grpcParameters(190_000)),
  },
  {
    name: 'http 190,000 parameters',
    send: overHttp(inferPath('total'), () => jsonParameters(190_000)),
  },
  {
    name: 'http pixels',
    send: overHttp(inferPath('total'), () => json('FP32', '12,255,7,99', 'total')),
  },
  {
    name: 'http single digits',
    send: overHttp(inferPath('total'), () => json('FP32', '1,2,3,4', 'total')),
  },
  {
    name: 'http single digits INT64',
    send: overHttp(inferPath('identity-int64'), () => json('INT64', '1,2', 'identity-int64')),
  },
  {
    name: 'http floats',
    send: overHttp(inferPath('total'), () =>
      json('FP32', '0.12345678806304932,-1.5432109832763672', 'total'),
    ),
  },
  {
    name: 'http TensorFlow single digits',
    send: overHttp('/v1/models/total:predict', () =>
      Buffer.concat([
        Buffer.from('{"instances":['),
        Buffer.alloc(bytes, '[1,2],').subarray(0, bytes - 1),
        Buffer.from(']}'),
      ]),
    ),
  },
  { name: 'http 50,000 pipelined /healthz', send: (ports) => pipelined(ports, 50_000, '/healthz') },
  { name: 'http 50,000 pipelined /models', send: (ports) => pipelined(ports, 50_000, '/models') },
];
