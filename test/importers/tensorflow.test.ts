/** SavedModels and frozen graphs in the commands and in the server, as a user gives them. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { put, readCase, readModel, readPictures } from '../models/tensorflow-cases.ts';
import { createGrpcClient, grpcPortOf, oip } from '../support/grpc.ts';
import { post, request } from '../support/http.ts';
import { runModelship, startModelship, temporaryFolder } from '../support/modelship.ts';
import { runnersOf, waitUntilGone } from '../support/processes.ts';
import { waitPatiently } from '../support/wait-until.ts';

const folder = temporaryFolder();
const at = (...names: readonly string[]): string => join(folder.path, ...names);
const { jpegs, scores } = readPictures();

beforeAll(() => {
  put(at('models', 'gan', '1'), readCase('svhn_gan/references').files);
  // TensorFlow writes this beside it; it is no frozen graph.
  writeFileSync(at('models', 'gan', '1', 'fingerprint.pb'), 'x');
  put(at('models', 'heads', '1'), readModel('many_signatures').files);
  put(at('frozen'), readModel('frozen_tf2').files);
  jpegs.forEach((jpeg, i) => void writeFileSync(at(`${i}.jpg`), jpeg));
});

afterAll(() => folder[Symbol.dispose]());

test('article 003 is served as it was exported, and its pictures decoded', async () => {
  await using server = await startModelship(at('models'));
  const form = new FormData();
  form.append('image', new Blob([Buffer.from(jpegs[0] as Uint8Array)]), '0.jpg');
  const answer = await fetch(`${server.url}/models/gan/predict`, { method: 'POST', body: form });
  expect(answer.status).toBe(200);
  const { predictions } = (await answer.json()) as { predictions: { probability: number }[] };
  expect(predictions).toHaveLength(5);
  const heads = await fetch(`${server.url}/v2/models/heads/infer`, {
    method: 'POST',
    body: JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }],
    }),
  });
  const { outputs } = (await heads.json()) as { outputs: { name: string; data: number[] }[] };
  const doubled = outputs.find(({ name }) => name === 'x_1')?.data;
  expect(doubled).toEqual([2, 4, 6, 8]);
});

test("article 003's client gets TensorFlow's classes from predict_images, and classify from examples", async () => {
  await using server = await startModelship(at('models', 'gan'));
  const ask = async (verb: string, body: object): Promise<never> => {
    const url = `${server.url}/v1/models/gan:${verb}`;
    const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
    return (await answer.json()) as never;
  };
  const b64 = jpegs.map((jpeg) => ({ b64: Buffer.from(jpeg).toString('base64') }));
  const { predictions }: { predictions: number[][] } = await ask('predict', {
    signature_name: 'predict_images',
    instances: b64,
  });
  const best = (row: readonly number[]): number => row.indexOf(Math.max(...row));
  expect(predictions.map(best)).toEqual(scores[0]?.map(best));
  const { results }: { results: [string, number][][] } = await ask('classify', {
    examples: b64.map((picture) => ({ 'image/encoded': picture })),
  });
  expect(results.map((row) => best(row.map(([, score]) => score)))).toEqual(scores[0]?.map(best));
});

test('a signature in a graph of its own is served under its name, whatever the protocol', {
  timeout: 180_000,
}, async () => {
  await using server = await startModelship(at('models', 'heads'));
  const n = [1, 5, 3];
  const w = [0.5, 1, 2];
  const weighted = n.map((one) => w.map((weight) => one * weight));
  const rest = await post(`${server.url}/v1/models/heads:predict`, {
    signature_name: 'count',
    inputs: { n, w },
  });
  expect([rest.status, rest.json]).toEqual([200, { outputs: { doubled: [2, 10, 6], weighted } }]);
  // Those that share the first graph are still there.
  const embed = { signature_name: 'embed', instances: [[1, 2, 3, 4]] };
  const embedded = await post(`${server.url}/v1/models/heads:predict`, embed);
  expect(embedded.json.predictions[0]).toHaveLength(6);

  const inputs = [
    { name: 'n', datatype: 'INT64', shape: [3], data: n },
    { name: 'w', datatype: 'FP32', shape: [3], data: w },
  ];
  const v2 = `${server.url}/v2/models/heads/infer`;
  const open = await post(v2, { parameters: { signature_name: 'count' }, inputs });
  const doubled = { name: 'doubled', datatype: 'INT64', shape: [3], data: [2, 10, 6] };
  expect(open.json.outputs).toContainEqual(doubled);
  expect((await post(v2, { inputs })).json.code).toBe('INPUT_UNKNOWN');
  const unknown = await post(v2, { parameters: { signature_name: 'spell' }, inputs });
  expect(unknown.json.error).toMatch(/no signature "spell"; its signatures: .*count/);

  using client = createGrpcClient(await grpcPortOf(server));
  const shape = { dim: [{ size: 3 }] };
  const predicted = await client.call('tensorflow.serving.PredictionService/Predict', {
    model_spec: { name: 'heads', signature_name: 'count' },
    inputs: {
      n: { dtype: 'DT_INT64', tensor_shape: shape, int64_val: n },
      w: { dtype: 'DT_FLOAT', tensor_shape: shape, float_val: w },
    },
  });
  expect(predicted.message?.outputs.weighted.float_val).toEqual(weighted.flat());
  const inferred = await client.call(oip('ModelInfer'), {
    model_name: 'heads',
    parameters: { signature_name: { string_param: 'count' } },
    inputs: [
      { name: 'n', datatype: 'INT64', shape: [3], contents: { int64_contents: n } },
      { name: 'w', datatype: 'FP32', shape: [3], contents: { fp32_contents: w } },
    ],
  });
  expect(inferred.message?.outputs.map(({ name }: { name: string }) => name)).toEqual([
    'doubled',
    'weighted',
  ]);
  const metadata = await request(`${server.url}/v1/models/heads/metadata`);
  const { signature_def: defs } = metadata.json.metadata.signature_def;
  expect(Object.keys(defs).sort()).toEqual(['classify', 'count', 'embed', 'serving_default']);
  const told = await request(`${server.url}/models/heads`);
  const graph = { signatures: ['count'], state: 'READY', load: { loadMs: expect.any(Number) } };
  expect(told.json.versions[0].otherGraphs).toMatchObject([graph]);
  expect((await runModelship(['inspect', server.url])).stdout).toMatch(
    /1, count: READY, load \d+ ms/,
  );
  expect((await request(`${server.url}/metrics`)).text).toMatch(
    /modelship_signature_load_seconds\{model="heads",version="1",signature="count",phase="load"\} 0\.\d/,
  );
  // A graph more is a runner more; both end with the version.
  const runners = runnersOf(server.pid);
  expect(runners).toHaveLength(2);
  await server.stop();
  await waitUntilGone(runners, 60_000);
});

test('a signature of another graph takes encoded pictures where the first one does', {
  timeout: 180_000,
}, async () => {
  put(at('pictures', '1'), readModel('picture_signatures').files);
  await using server = await startModelship(at('pictures'));
  const [picture] = jpegs.map((jpeg) => ({ b64: Buffer.from(jpeg).toString('base64') }));
  const url = `${server.url}/v1/models/pictures:predict`;
  const many = await post(url, { signature_name: 'many', instances: [picture] });
  const one = await post(url, { signature_name: 'one', inputs: picture });
  expect(one.json.outputs).toHaveLength(5);
  expect(one.json.outputs).toEqual(many.json.predictions[0]);
});

test('a runner of such a graph that dies is replaced', { timeout: 180_000 }, async () => {
  await using server = await startModelship(at('models', 'heads'));
  const body = { signature_name: 'count', inputs: { n: [1], w: [1, 1, 1] } };
  for (const runner of runnersOf(server.pid)) process.kill(runner, 'SIGKILL');
  await waitPatiently('it answers again', async () => {
    const { status } = await post(`${server.url}/v1/models/heads:predict`, body);
    return status === 200;
  });
});

test('predict and inspect take the folder; inspect says that its requests run alone', async () => {
  const predicted = await runModelship(['predict', at('models', 'gan'), at('0.jpg'), '--json']);
  expect(predicted.code).toBe(0);
  expect(JSON.parse(predicted.stdout).results[0].predictions).toHaveLength(5);
  const inspected = await runModelship(['inspect', at('models', 'gan')]);
  expect(inspected.stdout).toMatch(/format +TensorFlow SavedModel, TensorFlow 2\.21\.0, as ONNX/);
  expect(inspected.stdout).toMatch(/pictures +rgb/);
  expect(inspected.stdout).toMatch(/batching +every request runs alone/);
});

test('init proposes a model.yaml for what has to be converted first', async () => {
  const { code, stdout } = await runModelship(['init', at('models', 'gan'), '--print']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('TensorFlow SavedModel')]);
});

test('import writes the graph of a frozen one, and says what it found in a SavedModel', async () => {
  const frozen = await runModelship(['import', at('frozen', 'model.pb'), '-o', at('out.onnx')]);
  expect(frozen).toMatchObject({ code: 0, stdout: expect.stringContaining('serving_default') });
  const heads = ['import', at('models', 'heads', '1'), '-o', at('heads.onnx')];
  const { code, stdout } = await runModelship(heads);
  expect(code).toBe(0);
  expect(stdout).toMatch(/dropped +signature 'spell': not served: .*StringLength/);
});

test('a wrong signature lists those there are, and a damaged file is named', async () => {
  const wrong = ['import', at('models', 'heads', '1'), '-o', at('no.onnx'), '--signature', 'nope'];
  const asked = await runModelship(wrong);
  expect(asked.stderr).toContain('it has classify, count, embed, spell');
  expect(asked.code).not.toBe(0);
  writeFileSync(at('broken.pb'), 'no graph');
  const broken = await runModelship(['inspect', at('broken.pb')]);
  expect(broken.stdout + broken.stderr).toMatch(/broken\.pb is not a usable model/);
});

test('a signature of one picture takes a scalar and gives its outputs without rows, as TensorFlow does', {
  timeout: 180_000,
}, async () => {
  const { one, many } = readModel('picture_signatures').signatures;
  const floats = (data: string): number[] => [
    ...new Float32Array(new Uint8Array(Buffer.from(data, 'base64')).buffer),
  ];
  const pixels = Buffer.from(many?.inputs.image_bytes?.data ?? '', 'base64');
  const [, height = 0, width = 0] = many?.inputs.image_bytes?.shape ?? [];
  const pictures = await Promise.all(
    [0, 1].map((i) => {
      const raw = pixels.subarray(i * height * width * 3, (i + 1) * height * width * 3);
      return sharp(raw, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
    }),
  );
  const b64 = pictures.map((png) => ({ b64: png.toString('base64') }));
  const close = (values: readonly number[]): unknown =>
    values.map((value) => expect.closeTo(value, 4));
  const scores = floats(one?.outputs.scores?.data ?? '');

  put(at('scalar', 'pictures', '1'), readModel('picture_signatures').files);
  await using server = await startModelship(at('scalar', 'pictures'));
  const url = `${server.url}/v1/models/pictures`;
  const ask = (signature_name: string, body: object) =>
    post(`${url}:predict`, { signature_name, ...body });

  const single = await ask('one', { inputs: b64[0] });
  expect([single.status, single.json.outputs]).toEqual([200, close(scores)]);
  for (const instances of [b64, b64.slice(0, 1)]) {
    const rows = await ask('one', { instances });
    expect(rows.status).toBe(400);
    expect(rows.json.error).toBe(
      `unexpected shape for input 'file' for model 'pictures'. Expected [], got [${instances.length}]. It is one value, which rows cannot be made of: send it as "inputs", not as "instances"`,
    );
  }
  const list = await ask('many', { instances: b64 });
  const rows = floats(many?.outputs.scores?.data ?? '');
  expect(list.json.predictions).toEqual([close(rows.slice(0, 5)), close(rows.slice(5, 10))]);

  const metadata = await request(`${url}/metadata`);
  const { signature_def: definitions } = metadata.json.metadata.signature_def;
  const shapeOf = (name: string, input: string) => definitions[name].inputs[input].tensor_shape;
  expect(shapeOf('one', 'file')).toEqual({ dim: [], unknown_rank: false });
  expect(shapeOf('many', 'image_bytes').dim).toMatchObject([{ size: '-1' }]);

  using client = createGrpcClient(await grpcPortOf(server));
  const inferOne = (shape: readonly number[]) =>
    client.call(oip('ModelInfer'), {
      model_name: 'pictures',
      parameters: { signature_name: { string_param: 'one' } },
      inputs: [
        {
          name: 'file',
          datatype: 'BYTES',
          shape,
          contents: { bytes_contents: pictures.slice(0, 1) },
        },
      ],
    });
  const inferred = await inferOne([]);
  expect(inferred.message?.outputs).toMatchObject([{ name: 'scores', shape: ['5'] }]);
  expect((await inferOne([1])).details).toContain('Expected [], got [1]');
});

test('a conversion reads the files of its model and no others, wherever its result is written', {
  timeout: 180_000,
}, async () => {
  // The folder of the result begins with the name of the model's.
  put(at('sandbox', 'gan'), readModel('picture_signatures').files);
  mkdirSync(at('sandbox', 'gan-out'));
  const convert = (path: string) =>
    runModelship(['import', path, '-o', at('sandbox', 'gan-out', 'gan.onnx'), '--force']);
  for (const path of [at('sandbox', 'gan'), at('sandbox', 'gan', 'saved_model.pb')])
    expect(await convert(path)).toMatchObject({ code: 0 });

  const data = at('sandbox', 'gan', 'variables', 'variables.data-00000-of-00001');
  rmSync(data);
  for (const path of [at('sandbox', 'gan'), at('sandbox', 'gan', 'saved_model.pb')]) {
    const { code, stderr } = await convert(path);
    expect([code, stderr]).toEqual([
      3,
      expect.stringContaining(
        'variables/variables.data-00000-of-00001: it is missing; the whole folder of the model is needed',
      ),
    ]);
  }
});

test('graphs of other signatures lie beside the file under its name, and overwrite nothing', async () => {
  mkdirSync(at('out'));
  const convert = (out: string, ...more: string[]) =>
    runModelship(['import', at('models', 'heads', '1'), '-o', at('out', out), ...more]);
  const first = await convert('first.onnx');
  expect(first.stdout).toMatch(/beside it +.*first-1\.onnx/);
  expect(first.stdout).toMatch(/signature +\w+, in first-1\.onnx/);
  const second = await convert('second.onnx');
  expect([first.code, second.code]).toEqual([0, 0]);
  const written = readdirSync(at('out'));
  expect(written).toEqual(expect.arrayContaining(['first-1.onnx', 'second-1.onnx']));
  expect(written.every((name) => /^(first|second)(-\d)?\.onnx$/.test(name))).toBe(true);

  writeFileSync(at('out', 'third-1.onnx'), 'mine');
  const refused = await convert('third.onnx');
  expect(refused.stderr).toContain('third-1.onnx exists already');
  expect(readFileSync(at('out', 'third-1.onnx'), 'utf8')).toBe('mine');
  expect(readdirSync(at('out'))).not.toContain('third.onnx');
  expect((await convert('third.onnx', '--force')).code).toBe(0);
});
