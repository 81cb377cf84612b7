/** Keras files through the commands as a user types them: import, inspect, serve; what fails leaves nothing. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { request } from './support/http.ts';
import { runModelship, startModelship } from './support/modelship.ts';
import { converterOf, runnersOf } from './support/processes.ts';
import { waitPatiently } from './support/wait-until.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const folder = mkdtempSync(join(tmpdir(), 'modelship-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const unpack = (path: string): Buffer => gunzipSync(readFileSync(join(fixtures, path)));

function place(name: string, from = 'keras'): string {
  const path = join(folder, name);
  writeFileSync(path, unpack(`${from}/${name}.gz`));
  return path;
}

interface Packed {
  readonly shape: readonly number[];
  readonly data: string;
}

interface Recorded {
  readonly inputs: readonly [Packed];
  readonly outputs: readonly [Packed];
}

const recordedOf = (name: string): Recorded =>
  JSON.parse(unpack(`keras/${name}.json.gz`).toString()) as Recorded;

const floatsOf = ({ data }: Packed): Float32Array =>
  new Float32Array(new Uint8Array(Buffer.from(data, 'base64')).buffer);

/** numpy.save, version 1. */
function npy(name: string, { shape, data }: Packed): string {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = `${header.padEnd(117)}\n`;
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length, 0]);
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([head, Buffer.from(padded), Buffer.from(data, 'base64')]));
  return path;
}

describe('modelship import', () => {
  const recorded = recordedOf('small_cnn.keras');
  const input = npy('input.npy', recorded.inputs[0]);
  const output = npy('output.npy', recorded.outputs[0]);

  test('writes an ONNX file, tells what it found, and verifies it', async () => {
    const model = place('small_cnn.keras');
    const out = join(folder, 'small.onnx');
    const { code, stdout, stderr } = await runModelship([
      'import',
      model,
      '-o',
      out,
      '--verify',
      input,
      output,
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/from +Keras, Keras 3\.15\.1/);
    expect(stdout).toMatch(/picture +FP32 +\[\?, 9, 8, 3\]/);
    expect(stdout).toMatch(/scores +FP32 +\[\?, 5\]/);
    expect(stdout).toMatch(/verified +\d\.\de-\d+ σ/);
    expect(existsSync(out)).toBe(true);
    const again = await runModelship(['import', model, '-o', out]);
    expect(again.stderr).toContain('[FILE_EXISTS]');
  });

  test('says so when the expected output is another', async () => {
    const other = floatsOf(recorded.outputs[0]).map((value) => 1 - value);
    const wrong = { ...recorded.outputs[0], data: Buffer.from(other.buffer).toString('base64') };
    const model = place('small_cnn.keras');
    const args = ['import', model, '-o', join(folder, 'other.onnx'), '--verify', input];
    const { code, stdout } = await runModelship([...args, npy('wrong.npy', wrong)]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/NOT THE SAME +\d\.\de[+]\d+ σ/);
  });

  test('leaves no file of a model that is refused', async () => {
    const model = place('lambda.keras', 'keras-refused');
    const before = readdirSync(folder).sort();
    const { code, stderr } = await runModelship(['import', model]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/layer "twice" \(Lambda\): .* \[IMPORT_UNSUPPORTED\]/);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  test('names an array file that is none', async () => {
    const model = place('small_cnn.keras');
    const out = join(folder, 'unverified.onnx');
    const { code, stderr } = await runModelship([
      'import',
      model,
      '-o',
      out,
      '--verify',
      model,
      output,
    ]);
    expect([code, existsSync(out)]).toEqual([4, false]);
    expect(stderr).toContain('[ARRAY_FILE_INVALID]');
  });
});

test('modelship inspect names the file of the user, and the copy beside it', async () => {
  const model = place('small_cnn.keras');
  const text = await runModelship(['inspect', model, '--no-probe'], { cwd: folder });
  expect(text.stdout).toMatch(
    /^ {2}version 1 {2}small_cnn\.keras\n {4}converted {3}\S+model\.onnx$/m,
  );
  const { stdout } = await runModelship(['inspect', model, '--no-probe', '--json']);
  expect(JSON.parse(stdout)[0].versions[0]).toMatchObject({
    file: model,
    converted: expect.stringMatching(/model\.onnx$/),
  });
});

test.each(['scaled_pictures.keras', 'scaled_pictures.h5'])(
  'what is proposed for %s leaves the scaling to the model, which has a layer for it',
  async (name) => {
    const { stdout } = await runModelship(['init', place(name), '--print']);
    expect(stdout).toContain('#  preset: none ');
    expect(stdout).not.toMatch(/scale:|mean:|torchvision/);
    const other = await runModelship(['init', place('small_cnn.keras'), '--print']);
    expect(other.stdout).toMatch(/# {2}scale: /);
  },
);

// Conversions are niced: beside other work they take their time.
describe('modelship serve', { timeout: 180_000 }, () => {
  test('takes a .h5 file as it is, and answers as Keras did', async () => {
    const model = place('small_cnn.h5');
    const recorded = recordedOf('small_cnn.h5');
    const cache = join(folder, 'cache');
    const env = { MODELSHIP_CACHE_DIR: cache };
    {
      await using server = await startModelship(model, { env });
      const response = await fetch(`${server.url}/v2/models/small_cnn/infer`, {
        method: 'POST',
        body: JSON.stringify({
          inputs: [
            {
              name: 'picture',
              datatype: 'FP32',
              shape: recorded.inputs[0].shape,
              data: [...floatsOf(recorded.inputs[0])],
            },
          ],
        }),
      });
      const { outputs } = (await response.json()) as {
        outputs: { name: string; data: number[] }[];
      };
      expect(outputs[0]?.name).toBe('scores');
      for (const [i, expected] of floatsOf(recorded.outputs[0]).entries()) {
        expect(outputs[0]?.data[i]).toBeCloseTo(expected, 5);
      }
      expect((await server.stop()).stderr).toContain('model converted');
    }
    const copies = readdirSync(join(cache, 'models'));
    // The converted copy and the optimised one; nothing half-made.
    expect(copies.filter((name) => name.startsWith('.'))).toEqual([]);
    expect(copies).toHaveLength(2);
    await using again = await startModelship(model, { env });
    expect((await again.stop()).stderr).not.toContain('model converted');
  });

  test('listens while it converts, alive and not ready, and says what it does', async () => {
    const models = mkdtempSync(join(folder, 'models-'));
    for (const name of ['small_cnn', 'gru'])
      writeFileSync(join(models, `${name}.keras`), unpack(`keras/${name}.keras.gz`));
    await using server = await startModelship(models, {
      env: { MODELSHIP_CACHE_DIR: join(folder, 'cache-of-listening') },
      until: 'listening',
    });
    const converter = await waitPatiently('a model is being converted', () => {
      const pid = converterOf(server.pid);
      // Held, so that it is seen however busy this machine is.
      return pid !== undefined && process.kill(pid, 'SIGSTOP') && pid;
    });
    const [alive, ready, { json }] = await Promise.all([
      request(`${server.url}/healthz`),
      request(`${server.url}/readyz`),
      request(`${server.url}/models`),
    ]);
    const versions = (json.models as { versions: { state: string; reason: string }[] }[]).flatMap(
      (model) => model.versions,
    );
    process.kill(converter, 'SIGCONT');
    expect([alive.status, ready.status]).toEqual([200, 503]);
    expect(versions.map(({ state }) => state)).toContain('LOADING');
    // One conversion at a time: each may take much memory.
    expect(versions.filter(({ reason }) => /^(converting|checking)/.test(reason))).toHaveLength(1);
    await server.printed(/in a browser\./);
    expect((await request(`${server.url}/readyz`)).status).toBe(200);
    expect(server.stdout).toMatch(/gru: converting .*gru\.keras\n/);
    expect(server.stdout).toMatch(/gru: converted in \d+\.\d s\n/);
  });

  test('keeps the copies that it serves however small the cache is', async () => {
    const models = mkdtempSync(join(folder, 'models-'));
    for (const name of ['small_cnn', 'gru'])
      writeFileSync(join(models, `${name}.keras`), unpack(`keras/${name}.keras.gz`));
    const cache = join(folder, 'small-cache');
    await using server = await startModelship(models, {
      env: { MODELSHIP_CACHE_DIR: cache, MODELSHIP_CACHE_SIZE: '1' },
    });
    const converted = (): string[] =>
      readdirSync(join(cache, 'models')).filter((name) =>
        existsSync(join(cache, 'models', name, 'import.json')),
      );
    expect(converted()).toHaveLength(2);
    // A runner that is replaced needs its copy once more.
    for (const runner of runnersOf(server.pid)) process.kill(runner, 'SIGKILL');
    await waitPatiently('both serve again', async () => {
      const { json } = await request(`${server.url}/models`);
      const states = (
        json.models as { versions: { state: string; instances: number }[] }[]
      ).flatMap(({ versions }) => versions);
      return runnersOf(server.pid).length === 2 && states.every(({ state }) => state === 'READY');
    });
  });

  test('serves the others beside one that is refused, and tells why', async () => {
    const models = mkdtempSync(join(folder, 'models-'));
    writeFileSync(join(models, 'good.keras'), unpack('keras/sequential_mlp.keras.gz'));
    writeFileSync(join(models, 'bad.keras'), unpack('keras-refused/custom-nested.keras.gz'));
    // Two files of one name cannot be told apart; that is no reason to serve nothing.
    for (const name of ['twin.keras', 'twin.h5']) writeFileSync(join(models, name), '');
    await using server = await startModelship(models);
    const good = await fetch(`${server.url}/v2/models/good/ready`);
    const bad = await fetch(`${server.url}/v2/models/bad/ready`);
    const twin = await request(`${server.url}/v2/models/twin/infer`, {
      method: 'POST',
      body: '{}',
    });
    expect([good.status, bad.status === 200]).toEqual([200, false]);
    expect(twin.json.error).toContain(
      `FAILED: ${models} holds several files of one model, twin (twin.h5, twin.keras)`,
    );
    const ended = await server.stop();
    expect(ended.stderr).toContain('backbone/layer \\"my_layer\\" (Mine)');
  });
});
