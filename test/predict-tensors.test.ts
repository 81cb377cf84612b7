/** `modelship predict` with tensors: .npy files, and bodies of both protocols in JSON files. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeColors, writeModels } from './support/model-folder.ts';
import { runModelship, temporaryFolder } from './support/modelship.ts';
import { servePictures } from './support/picture-server.ts';
import { paint } from './support/pictures.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const at = (...names: readonly string[]): string => join(folder.path, ...names);
writeModels(folder.path, 'half-plus-two', 'simple');

/** numpy.save, version 1. */
function npy(name: string, descr: string, shape: readonly number[], data: ArrayBufferView): string {
  const sizes = shape.map((size) => `${size},`).join(' ');
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`.padEnd(117);
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(at(name), Buffer.concat([head, Buffer.from(`${header}\n`), bytes]));
  return at(name);
}

function json(name: string, body: object): string {
  writeFileSync(at(name), JSON.stringify(body));
  return at(name);
}

const predict = (model: string, ...args: string[]) => runModelship(['predict', at(model), ...args]);

const twoFloats = npy('x.npy', '<f4', [2], Float32Array.of(1, 3.5));
const ints = (name: string, ...values: number[]): string =>
  npy(name, '<i4', [1, values.length], Int32Array.from(values));

describe('an array of NumPy', () => {
  test('is the only input, and each is asked about alone', async () => {
    // Numbers of another type than the model's are converted where nothing is lost.
    const wide = npy('wide.npy', '<f8', [1], Float64Array.of(10));
    const { stdout, stderr, code } = await predict('half-plus-two', twoFloats, wide);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(`${twoFloats}\n  y  FP32  [2]  2.5, 3.75\n${wide}\n  y  FP32  [1]  7\n`);
  });

  test('is named where there are several inputs, and those are asked about together', async () => {
    const sixteen = Array.from({ length: 16 }, (_, i) => i);
    const named = [`INPUT0=${ints('a.npy', ...sixteen)}`, `INPUT1=${ints('b.npy', ...sixteen)}`];
    const { stdout } = await predict('simple', ...named, '--json');
    const { outputs } = JSON.parse(stdout) as { outputs: { name: string; data: number[] }[] };
    expect(outputs.find(({ name }) => name === 'OUTPUT0')?.data).toEqual(sixteen.map((i) => 2 * i));
  });
});

describe('a request body in a file', () => {
  test('of Open Inference is answered in its form', async () => {
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [4] }] };
    const { stdout } = await predict('half-plus-two', json('v2.json', body), '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      model_name: 'half-plus-two',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [1], data: [4] }],
    });
  });

  test.each([
    [{ instances: [1, 3] }, { predictions: [2.5, 3.5] }],
    [{ inputs: [1, 3] }, { outputs: [2.5, 3.5] }],
    [{ inputs: { x: [1] } }, { outputs: [2.5] }],
  ])('of TensorFlow Serving is answered in its form: %j', async (body, answer) => {
    const { stdout, stderr } = await predict('half-plus-two', json('v1.json', body), '--json');
    expect([stderr, JSON.parse(stdout)]).toEqual(['', answer]);
  });
});

test('a picture is fetched from a URL, guarded as in a server', async () => {
  writeColors(folder.path, 'colors', 'output: {labels: [red, green, blue], top: 1}');
  await using pictures = await servePictures({ '/red.png': await paint('red') });
  const url = `${pictures.url}/red.png`;
  const refused = await predict('colors', url);
  expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('[URL_REFUSED]')]);
  const { stdout } = await predict('colors', url, '--url-allow-private', '127.0.0.1');
  expect(stdout).toMatch(/red\.png +red +\d+\.\d%/);
});

test.each<[string, () => string[], number, RegExp]>([
  [
    'a file that is not there',
    () => ['half-plus-two', 'no.npy'],
    4,
    /no\.npy cannot be used .*no such file/,
  ],
  [
    'one that is no array',
    () => ['half-plus-two', json('a.npy', {})],
    4,
    /a\.npy is not a usable NumPy array/,
  ],
  [
    'no JSON',
    () => ['half-plus-two', npy('b.json', '<f4', [1], Float32Array.of(1))],
    4,
    /b\.json cannot be used as an input: .*JSON/,
  ],
  [
    'a shape that does not fit',
    () => ['half-plus-two', npy('c.npy', '<f4', [1, 1], Float32Array.of(1))],
    4,
    /unexpected shape for input 'x'/,
  ],
  [
    'a value that the dtype cannot hold',
    () => ['simple', `INPUT0=${twoFloats}`, `INPUT1=${twoFloats}`],
    4,
    /The data of input 'INPUT0' is invalid: .*3\.5/,
  ],
  [
    'an array without a name for several inputs',
    () => ['simple', twoFloats],
    4,
    /several inputs \(INPUT0, INPUT1\); say which it is: INPUT0=.*x\.npy/,
  ],
  [
    'pictures and tensors together',
    () => ['half-plus-two', twoFloats, 'a.png'],
    2,
    /cannot be asked about together/,
  ],
  [
    'a signature that is not there',
    () => ['half-plus-two', twoFloats, '--signature', 'no'],
    2,
    /no signature "no"/,
  ],
])('%s is refused', async (_, args, code, message) => {
  const [model = '', ...rest] = args();
  const ended = await predict(model, ...rest);
  expect(ended.stderr).toMatch(message);
  expect(ended).toMatchObject({ code, stdout: '' });
});
