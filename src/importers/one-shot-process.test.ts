/** The processes of a conversion when the one that started them is killed, so that it can end nothing. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { slow } from '../../test/models/slow.ts';
import { childrenOf, cpuTicksOf, signalAll, waitUntilGone } from '../../test/support/processes.ts';
import { waitPatiently } from '../../test/support/wait-until.ts';
import { writeOnnxModel } from '../onnx/write-model.ts';
import { convertModel } from './convert-model.ts';

const root = mkdtempSync(join(tmpdir(), 'modelship-one-shot-'));
const at = (name: string): string => join(root, name);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const fixture = join(import.meta.dirname, '../../test/fixtures/keras/sequential_mlp.keras.gz');
writeFileSync(at('mlp.keras'), gunzipSync(readFileSync(fixture)));

/** A float32 array as NumPy writes it. */
function npy(shape: readonly number[], values: readonly number[]): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const text = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11);
  const head = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text}\n`, 'latin1');
  head.writeUInt16LE(text.length + 1, 8);
  return Buffer.concat([head, new Uint8Array(Float32Array.from(values).buffer)]);
}

describe('a conversion whose server is gone', () => {
  test('does not begin', () => {
    mkdirSync(at('never'));
    const order = { path: at('mlp.keras'), options: {}, folder: at('never') };
    const entry = join(import.meta.dirname, '../processes/converter.ts');
    // No process that could have started it.
    const ended = spawnSync(process.execPath, [entry, JSON.stringify(order), '0']);
    expect([ended.status, ended.stdout.toString(), readdirSync(at('never'))]).toEqual([1, '', []]);
  });

  test('ends before the next weight', () => {
    const folder = at('half');
    mkdirSync(folder);
    let asked = 0;
    const convert = (limit: number) =>
      convertModel({ path: at('mlp.keras'), options: {}, folder }, () => {
        asked += 1;
        if (asked > limit) throw new Error('not wanted');
      });
    expect(() => convert(2)).toThrow('not wanted');
    expect(readdirSync(folder)).not.toContain('import.json');
    asked = 0;
    convert(Number.POSITIVE_INFINITY);
    // Once at the start, and the kernels and biases of its layers.
    expect(asked).toBeGreaterThanOrEqual(5);
  });
});

test.runIf(process.platform === 'linux')(
  'a check of a converted model ends with its server, also in the middle of a run',
  async () => {
    writeOnnxModel(at('slow.onnx'), slow());
    // A million rounds: minutes.
    for (const name of ['in.npy', 'out.npy']) writeFileSync(at(name), npy([1, 4], [1e6, 0, 0, 0]));
    const x = { dtype: 'FP32', shape: [null, 4] };
    const order = {
      path: at('slow.onnx'),
      inputs: [{ name: 'x', ...x }],
      outputs: [{ name: 'y', ...x }],
      expected: { input: at('in.npy'), output: at('out.npy') },
    };
    const script = `
      import { runOneShot } from ${JSON.stringify(join(import.meta.dirname, 'one-shot-process.ts'))};
      const limits = { maxBytes: 2 ** 32, maxMs: 600_000, failure: (problem) => new Error(problem) };
      await runOneShot({ entry: 'verifier', order: ${JSON.stringify(order)}, environment: {}, ...limits });
    `;
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: 'inherit',
    });
    const [check = 0] = await waitPatiently('the check runs', () => {
      const children = childrenOf(server.pid ?? 0);
      return children.length === 1 && cpuTicksOf(children[0] ?? 0) > 150 && children;
    });
    server.kill('SIGKILL');
    try {
      await waitUntilGone([check], 10_000);
    } finally {
      signalAll([check], 'SIGKILL');
    }
  },
);
