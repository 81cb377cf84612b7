/**
 * SavedModels that decode pictures themselves, through every front end: encoded bytes go in, and the scores are
 * those that TensorFlow gave for the same bytes (test/fixtures/tensorflow/make_decoders.py).
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packBytes } from '../src/tensor/tensor.ts';
import { errorInSigmas, put, type TensorFlowCase } from './models/tensorflow-cases.ts';
import { createGrpcClient, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { post } from './support/http.ts';
import { root, startModelship, temporaryFolder } from './support/modelship.ts';
import { floatsOf, inferBinary } from './support/open-inference.ts';

interface Decoders {
  /** Base64, by name. */
  readonly pictures: Readonly<Record<string, string>>;
  readonly models: Readonly<
    Record<
      string,
      {
        readonly files: TensorFlowCase['files'];
        readonly pictures: readonly string[];
        readonly scores: readonly (readonly number[])[];
      }
    >
  >;
}

const fixture = join(root, 'test/fixtures/tensorflow/decoders.json');
const { pictures, models }: Decoders = JSON.parse(readFileSync(fixture, 'utf8'));
const bytesOf = (name: string): Buffer => Buffer.from(pictures[name] ?? '', 'base64');

const served = Object.keys(models);

const folder = temporaryFolder();
for (const model of served) {
  put(join(folder.path, model, '1'), models[model]?.files ?? {});
  // Scores as they are, to compare.
  writeFileSync(join(folder.path, model, 'model.yaml'), 'output: {activation: none}\n');
}
const server = await startModelship(folder.path);
const client = createGrpcClient(await grpcPortOf(server));

afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** The scores of all pictures, one after the other. */
type FrontEnd = (model: string, files: readonly Buffer[]) => Promise<readonly number[]>;

const b64Of = (file: Buffer): { b64: string } => ({ b64: file.toString('base64') });

/** Each picture by itself, as its scores in the order of the classes. */
async function predictPictures(
  model: string,
  body: (file: Buffer) => Buffer | FormData,
  files: readonly Buffer[],
) {
  const scores: number[] = [];
  for (const file of files) {
    const { status, json } = await post(`${server.url}/models/${model}/predict`, body(file));
    expect(status).toBe(200);
    const predictions: { label: string; probability: number }[] = json.predictions;
    const ordered = predictions.toSorted((a, b) => Number(a.label) - Number(b.label));
    scores.push(...ordered.map(({ probability }) => probability));
  }
  return scores;
}

const frontEnds: Record<string, FrontEnd> = {
  'a picture as the body': (model, files) => predictPictures(model, (file) => file, files),
  async 'TensorFlow Serving REST, rows'(model, files) {
    const url = `${server.url}/v1/models/${model}:predict`;
    const { json } = await post(url, { instances: files.map(b64Of) });
    return json.predictions.flat();
  },
  async 'TensorFlow Serving REST, columns'(model, files) {
    const url = `${server.url}/v1/models/${model}:predict`;
    const { json } = await post(url, { inputs: { images: files.map(b64Of) } });
    return json.outputs.flat();
  },
  async 'TensorFlow Serving gRPC'(model, files) {
    const shape = { dim: [{ size: files.length }] };
    const { message } = await client.call('tensorflow.serving.PredictionService/Predict', {
      model_spec: { name: model },
      inputs: { images: { dtype: 'DT_STRING', tensor_shape: shape, string_val: files } },
    });
    return message.outputs.scores.float_val;
  },
  async 'Open Inference REST, binary'(model, files) {
    const input = { name: 'images', datatype: 'BYTES', shape: [files.length] };
    const url = `${server.url}/v2/models/${model}/infer`;
    const { binary } = await inferBinary(url, [{ ...input, bytes: packBytes(files) }]);
    return floatsOf(binary.scores);
  },
  async 'Open Inference gRPC, raw'(model, files) {
    const input = { name: 'images', datatype: 'BYTES', shape: [files.length] };
    const request = rawRequest(model, [{ ...input, bytes: packBytes(files) }]);
    const { message } = await client.call(oip('ModelInfer'), request);
    return floatsOf(message.raw_output_contents[0]);
  },
  async 'Open Inference gRPC, typed'(model, files) {
    const input = { name: 'images', datatype: 'BYTES', shape: [files.length] };
    const inputs = [{ ...input, contents: { bytes_contents: files } }];
    const { message } = await client.call(oip('ModelInfer'), { model_name: model, inputs });
    return floatsOf(message.raw_output_contents[0]);
  },
};

describe.each(Object.entries(frontEnds))('%s:', (_, ask) => {
  test.each(served)("the scores of '%s' are TensorFlow's", async (name) => {
    const model = models[name];
    const files = model?.pictures.map(bytesOf) ?? [];
    const scores = await ask(name, files);
    expect(errorInSigmas(scores, model?.scores.flat() ?? [])).toBeLessThan(1e-4);
  });
});
