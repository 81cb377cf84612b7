/** Mutated calls to every gRPC method of a server, as many as one likes, from one seed. */

import { createRandom } from '../models/random.ts';
import { encodeMessage, oip, rawRequest } from './grpc.ts';
import type { Random } from './mutate-bytes.ts';
import { below, mutateBytes } from './mutate-bytes.ts';
import { openHttp2 } from './raw-grpc.ts';

interface Seed {
  readonly path: string;
  readonly message: Buffer;
}

const floats = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);
const x = { name: 'x', datatype: 'FP32', shape: [2, 2], bytes: floats };
const texts = {
  model_name: 'identity-bytes',
  id: 'a',
  parameters: { timeout: { int64_param: 1_000_000 }, priority: { uint64_param: 1 } },
  inputs: [
    {
      name: 'x',
      datatype: 'BYTES',
      shape: [1, 2],
      contents: { bytes_contents: [Buffer.from('ab'), Buffer.alloc(0)] },
    },
  ],
  outputs: [{ name: 'y', parameters: { classification: { int64_param: 1 } } }],
};
const model = { model_spec: { name: 'half-plus-two', version: { value: 1 } } };
const example = {
  features: {
    feature: {
      x: { float_list: { value: [2] } },
      y: { bytes_list: { value: [Buffer.from('a')] } },
    },
  },
};
const predict = {
  ...model,
  inputs: {
    x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 2 }] }, float_val: [1, 2] },
  },
  output_filter: ['y'],
};
const reload = {
  config: {
    model_config_list: {
      config: [
        {
          name: 'm',
          base_path: '/m',
          model_version_policy: { specific: { versions: [1, 2] } },
          version_labels: { stable: 1 },
        },
      ],
    },
  },
};

const tf = (service: string, method: string): string => `tensorflow.serving.${service}/${method}`;
const prediction = (method: string): string => tf('PredictionService', method);
const reflection = 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo';

const seeds: Seed[] = (
  [
    [oip('ModelInfer'), 'inference.ModelInferRequest', rawRequest('identity-fp32', [x])],
    [oip('ModelInfer'), 'inference.ModelInferRequest', texts],
    [oip('ModelStreamInfer'), 'inference.ModelInferRequest', rawRequest('identity-fp32', [x])],
    [oip('ModelMetadata'), 'inference.ModelMetadataRequest', { name: 'identity-fp32' }],
    [oip('ModelStatistics'), 'inference.ModelStatisticsRequest', { name: 'x', version: '1' }],
    [oip('RepositoryIndex'), 'inference.RepositoryIndexRequest', { ready: true }],
    [
      oip('RepositoryModelLoad'),
      'inference.RepositoryModelLoadRequest',
      { model_name: 'm', parameters: { config: { string_param: '{}' } } },
    ],
    [prediction('Predict'), 'tensorflow.serving.PredictRequest', predict],
    [
      prediction('Regress'),
      'tensorflow.serving.RegressionRequest',
      { ...model, input: { example_list_with_context: { examples: [example], context: example } } },
    ],
    [
      prediction('MultiInference'),
      'tensorflow.serving.MultiInferenceRequest',
      {
        tasks: [{ ...model, method_name: 'tensorflow/serving/classify' }],
        input: { example_list: { examples: [example, example] } },
      },
    ],
    [
      prediction('GetModelMetadata'),
      'tensorflow.serving.GetModelMetadataRequest',
      { ...model, metadata_field: ['signature_def'] },
    ],
    [tf('ModelService', 'GetModelStatus'), 'tensorflow.serving.GetModelStatusRequest', model],
    [
      tf('ModelService', 'HandleReloadConfigRequest'),
      'tensorflow.serving.ReloadConfigRequest',
      reload,
    ],
    ['grpc.health.v1.Health/Check', 'grpc.health.v1.HealthCheckRequest', { service: 'a.b' }],
    [
      reflection,
      'grpc.reflection.v1.ServerReflectionRequest',
      { file_containing_symbol: 'inference.GRPCInferenceService' },
    ],
  ] as const
).map(([name, type, message]) => ({ path: `/${name}`, message: encodeMessage(type, message) }));

const messages = seeds.map(({ message }) => message);

/** The length in front of a message; now and then a lie. */
function frame(message: Buffer, random: Random): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return mutateRarely(Buffer.concat([prefix, message]), random);
}

function mutateRarely(framed: Buffer, random: Random): Buffer {
  if (random() > 0.03) return framed;
  framed[1 + below(random, 4)] = below(random, 256);
  return framed;
}

export interface FuzzReport {
  /** Calls by gRPC status. */
  readonly counts: Map<number, number>;
  /** What was sent where the answer was none of those that bad input gets. */
  readonly odd: { readonly path: string; readonly status: number; readonly sent: string }[];
}

/** INVALID_ARGUMENT, NOT_FOUND, …: everything but UNKNOWN, INTERNAL, DATA_LOSS and no status at all. */
const fine = new Set([0, 3, 4, 5, 7, 8, 9, 12, 14]);

/** Sends so many calls, some at a time, over one connection. */
export async function fuzzGrpc(port: number, calls: number, seed: number): Promise<FuzzReport> {
  const random = createRandom(seed);
  const report: FuzzReport = { counts: new Map(), odd: [] };
  using connection = openHttp2(port);

  async function one(): Promise<void> {
    const { path, message } = seeds[below(random, seeds.length)] as Seed;
    const body = frame(mutateBytes(message, random, messages), random);
    const headers: Record<string, string> =
      random() < 0.02 ? { 'grpc-timeout': `${below(random, 100)}m` } : {};
    const { status } = await connection.call(path, body, headers);
    report.counts.set(status, (report.counts.get(status) ?? 0) + 1);
    if (!fine.has(status)) report.odd.push({ path, status, sent: body.toString('hex') });
  }

  let left = calls;
  const worker = async (): Promise<void> => {
    for (; left > 0; left -= 1) await one();
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return report;
}
