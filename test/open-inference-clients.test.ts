/**
 * The bytes that real clients send (scripts/clients/open-inference-rest.ts --record), and that they get what
 * they can read.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { copyDigits, writeModels, writeYaml } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import type { ReplayedAnswer } from './support/replay.ts';
import { replay } from './support/replay.ts';

const fixtures = join(import.meta.dirname, 'fixtures', 'open-inference');
const folder = temporaryFolder();
writeModels(folder.path, 'simple', 'identity-fp32', 'half-plus-two', 'mlp');
writeYaml(join(folder.path, 'mlp'), 'output: {labels: [a, b, c, d, e, f, g, h, i, j]}');
copyDigits(folder.path);
const server = await startModelship(folder.path);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const unpack: Record<string, (body: Buffer) => Buffer> = {
  gzip: (body) => gunzipSync(body),
  deflate: (body) => inflateSync(body),
};

interface Output {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: { readonly binary_data_size: number };
  readonly data?: unknown;
  /** The binary data. */
  readonly bytes?: Buffer;
}

/** Reads an answer as the clients do: header length of the unpacked body, data in the outputs' order. */
function read({ headers, body }: ReplayedAnswer): { id?: string; outputs: Output[] } {
  const whole = unpack[headers['content-encoding'] ?? '']?.(body) ?? body;
  const length = Number(headers['inference-header-content-length'] ?? whole.length);
  const answer = JSON.parse(
    whole.toString('utf8', 0, length).replace(/-?(?:NaN|Infinity)/g, '"$&"'),
  );
  let at = length;
  const outputs = (answer.outputs as Output[]).map((output) => {
    const size = output.parameters?.binary_data_size;
    if (size === undefined) return output;
    at += size;
    return { ...output, bytes: whole.subarray(at - size, at) };
  });
  expect(at).toBe(whole.length);
  return { ...answer, outputs };
}

const ask = async (name: string) => {
  const answer = await replay(server.port, readFileSync(join(fixtures, `${name}.http`)));
  expect([answer.status, answer.body.toString('latin1', 0, 300)]).toEqual([200, expect.anything()]);
  return { ...answer, ...read(answer) };
};

const int32s = (bytes: Buffer | undefined): number[] => [
  ...new Int32Array(new Uint8Array(bytes ?? []).buffer),
];
const sums = Array.from({ length: 16 }, (_, i) => i + 1);
const differences = Array.from({ length: 16 }, (_, i) => i - 1);

test.each(['tritonclient-binary', 'tritonclient-json', 'tritonclient-aio'])(
  '%s is answered in binary, as it asks',
  async (name) => {
    const { outputs, headers } = await ask(name);
    expect(headers['content-type']).toBe('application/octet-stream');
    expect(outputs.map((output) => int32s(output.bytes))).toEqual([sums, differences]);
  },
);

test.each(['kserve-json', 'kserve-binary'])('%s is answered in JSON, with its id', async (name) => {
  const { id, outputs, headers } = await ask(name);
  expect([id, headers['content-type']]).toEqual(['k', 'application/json']);
  expect(outputs.map(({ data }) => data)).toEqual([sums, differences]);
});

test('tritonclient-mixed gets each output in its form, in its order', async () => {
  const { outputs } = await ask('tritonclient-mixed');
  expect(outputs.map(({ name, data, bytes }) => [name, data ?? int32s(bytes)])).toEqual([
    ['OUTPUT1', differences],
    ['OUTPUT0', sums],
  ]);
});

test('tritonclient-nan sends NaN, infinities and −0 as words, and gets them back', async () => {
  const { outputs } = await ask('tritonclient-nan');
  expect(outputs[0]?.data).toEqual(['NaN', 'Infinity', '-Infinity', -0]);
});

test.each(['gzip', 'deflate'])('tritonclient-%s is packed both ways', async (encoding) => {
  const { outputs, headers } = await ask(`tritonclient-${encoding}`);
  expect(headers['content-encoding']).toBe(encoding);
  const numbers = new Float32Array(new Uint8Array(outputs[0]?.bytes ?? []).buffer);
  expect([...numbers]).toEqual(Array.from({ length: 5000 }, (_, i) => i % 100));
});

test('tritonclient-classes gets the best classes by label', async () => {
  const [output] = (await ask('tritonclient-classes')).outputs;
  expect(output).toMatchObject({ datatype: 'BYTES', shape: [2, 3] });
  expect(output?.bytes?.toString('latin1', 4)).toMatch(/^-?\d+\.\d{6}:\d:[a-j]/);
});

test('tritonclient-pictures sends JPEGs as texts, and gets a row of scores for each', async () => {
  const [output] = (await ask('tritonclient-pictures')).outputs;
  const scores = new Float32Array(new Uint8Array(output?.bytes ?? []).buffer);
  const rows = [[...scores.subarray(0, 10)], [...scores.subarray(10)]];
  expect(output?.shape).toEqual([2, 10]);
  expect(rows.map((row) => row.indexOf(Math.max(...row)))).toEqual([7, 7]);
});

test('raw is the only input', async () => {
  const { outputs } = await ask('raw');
  const bytes = new Uint8Array(outputs[0]?.bytes ?? []);
  expect([...new Float32Array(bytes.buffer)]).toEqual([3, 3.5, 4]);
});

test('every recorded request is asked here', () => {
  const asked = readFileSync(import.meta.filename, 'utf8');
  const names = readdirSync(fixtures).map((file) => file.replace('.http', ''));
  expect(names).toHaveLength(12);
  const patterns = names.map((name) => name.replace(/-(gzip|deflate)$/, '-%s'));
  expect(patterns.filter((name) => !asked.includes(name))).toEqual([]);
});
