/**
 * Versions that come, go and break while requests are answered: every answer is counted, none is missing.
 */

import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { writePlus } from './models/plus.ts';
import { post, request } from './support/http.ts';
import type { LiveTraffic } from './support/live-traffic.ts';
import { startTraffic } from './support/live-traffic.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { childrenOf, runnersOf, waitUntilGone } from './support/processes.ts';
import { openSlowRequest } from './support/slow-request.ts';
import { waitPatiently as waitUntil } from './support/wait-until.ts';

let root: string;
let models: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  models = join(root, 'models');
  return () => temporary[Symbol.dispose]();
});

const quick = ['--watch', '--poll-interval-ms', '50', '--settle-ms', '100'];

const watching = (...args: string[]): Promise<Modelship> =>
  startModelship(models, { args: [...quick, ...args] });

/** Writes a version elsewhere and moves it in, as those do who know. */
function deliver(version: number, n = version, model = 'plus'): void {
  const outside = join(root, `delivery-${version}-${n}`);
  writePlus(outside, version, n);
  const target = join(models, model, String(version));
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(models, model), { recursive: true });
  renameSync(join(outside, String(version)), target);
}

/** version → state, as GET /models tells it. */
async function statesOf({ url }: Modelship, model = 'plus'): Promise<Record<string, string>> {
  const { json, status } = await request(`${url}/models/${model}`);
  if (status !== 200) return {};
  const versions: { version: string; state: string }[] = json.versions;
  return Object.fromEntries(versions.map(({ version, state }) => [version, state]));
}

const untilStates = (server: Modelship, expected: Record<string, string>, model = 'plus') =>
  waitUntil(`the versions are ${JSON.stringify(expected)}`, async () => {
    const states = await statesOf(server, model);
    return JSON.stringify(states) === JSON.stringify(expected);
  });

const input = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }] };

const numbers = ({ count }: LiveTraffic): number[] => [...count.answers.keys()].sort();

describe('with --watch', { timeout: 180_000 }, () => {
  test('a new version takes over, the old one goes with its processes, and no request fails', async () => {
    deliver(1);
    await using server = await watching();
    const [before] = runnersOf(server.pid);
    const traffic = startTraffic(server, 'plus');
    await traffic.more(20);
    deliver(2);
    await untilStates(server, { 2: 'READY' });
    await waitUntilGone([before as number], 60_000);
    await traffic.more(20);
    const { failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(numbers(traffic)).toEqual([1, 2]);
    expect(runnersOf(server.pid)).toHaveLength(1);
  });

  test('a removed newest version is followed by the one before it, and no request fails', async () => {
    deliver(1);
    deliver(2);
    await using server = await watching();
    const traffic = startTraffic(server, 'plus');
    await traffic.more(20);
    rmSync(join(models, 'plus', '2'), { recursive: true });
    await untilStates(server, { 1: 'READY' });
    await traffic.more(20);
    expect((await traffic.stop()).failures).toEqual([]);
    expect(numbers(traffic)).toEqual([1, 2]);
  });

  test('a replaced file takes over under the same number, and no request fails', async () => {
    deliver(1);
    await using server = await watching();
    const traffic = startTraffic(server, 'plus');
    await traffic.more(20);
    deliver(1, 7);
    await waitUntil('the new content answers', () => traffic.count.answers.has(7));
    await untilStates(server, { 1: 'READY' });
    const seen = traffic.count.answers.get(1);
    await traffic.more(50);
    expect((await traffic.stop()).failures).toEqual([]);
    expect(traffic.count.answers.get(1)).toBe(seen);
  });

  test('the only version that serves goes on when its folder is removed', async () => {
    deliver(1);
    await using server = await watching();
    const traffic = startTraffic(server, 'plus');
    rmSync(join(models, 'plus', '1'), { recursive: true });
    writeFileSync(join(models, 'plus', 'labels.txt'), 'keeps the folder\n');
    await traffic.more(200);
    server.signal('SIGHUP');
    await traffic.more(200);
    expect((await traffic.stop()).failures).toEqual([]);
    expect(await statesOf(server)).toMatchObject({ 1: 'READY' });
  });

  test('a model that comes is served, and one whose folder goes is not any more', async () => {
    deliver(1);
    await using server = await watching();
    deliver(3, 3, 'other');
    await untilStates(server, { 3: 'READY' }, 'other');
    rmSync(join(models, 'other'), { recursive: true });
    const gone = (): Promise<boolean> =>
      request(`${server.url}/models/other`).then(({ status }) => status === 404);
    await waitUntil('the model is gone', gone);
    expect(await statesOf(server)).toEqual({ 1: 'READY' });
  });

  test('a model that comes with the name of one that serves is refused, and takes over when that goes', async () => {
    deliver(1);
    await using server = await watching();
    // Before it in the order of names.
    deliver(3, 3, 'another');
    writeFileSync(join(models, 'another', 'model.yaml'), 'name: plus\n');
    const warning = `two models are called "plus": ${join(models, 'another')} and ${join(models, 'plus')}; only ${join(models, 'plus')} is served, which was here first.`;
    await waitUntil('the warning is told', async () => {
      const { json } = await request(`${server.url}/models/plus`);
      return json.warnings.some((one: string) => one.startsWith(warning));
    });
    expect(server.stderr).toContain(JSON.stringify(warning).slice(1, -1));
    expect(await statesOf(server)).toEqual({ 1: 'READY' });
    rmSync(join(models, 'plus'), { recursive: true });
    await untilStates(server, { 3: 'READY' });
    expect((await request(`${server.url}/models/plus`)).json.warnings).toEqual([]);
  });

  test('a stop in the middle of a swap is a clean one', async () => {
    deliver(1);
    await using server = await watching();
    const traffic = startTraffic(server, 'plus');
    await traffic.more(10);
    deliver(2);
    await untilStates(server, { 1: 'READY', 2: 'LOADING' });
    const children = childrenOf(server.pid);
    const ended = await server.stop();
    expect(ended).toMatchObject({ code: 0, signal: null });
    await waitUntilGone(children, 60_000);
    // What was refused then was refused in so many words, or found nobody at the port.
    for (const failure of (await traffic.stop()).failures)
      expect(failure).toMatch(/SHUTTING_DOWN|ECONNREFUSED|ECONNRESET|socket hang up/);
  });

  test('a folder that is being copied is not picked up before it is whole', async () => {
    deliver(1);
    const settleMs = 1500;
    await using server = await watching('--settle-ms', String(settleMs));
    const path = writePlus(join(root, 'slowly'), 2);
    const target = join(models, 'plus', '2');
    mkdirSync(target);
    let written = 0;
    const startedAt = performance.now();
    // Something changes in it all the while, for longer than it has to be still.
    await waitUntil('it was written to for a while', async () => {
      writeFileSync(join(target, 'part'), String(written));
      written += 1;
      expect(await statesOf(server)).toEqual({ 1: 'READY' });
      return performance.now() - startedAt > 2 * settleMs;
    });
    cpSync(path, join(target, 'model.onnx'));
    await untilStates(server, { 2: 'READY' });
    expect(server.stderr).not.toContain('model does not load');
  });
});

describe('a version that cannot be served leaves what serves as it is:', {
  timeout: 180_000,
}, () => {
  const place = (name: string): string => join(models, 'plus', '2', name);

  test.each<[string, () => void, string]>([
    ['an empty folder', () => mkdirSync(place('.'), { recursive: true }), 'holds no model'],
    [
      'a corrupt file',
      () => writeFileSync(place('model.onnx'), 'nonsense'),
      'is not a usable model',
    ],
    [
      'two model files',
      () => {
        writeFileSync(place('a.onnx'), '');
        writeFileSync(place('b.onnx'), '');
      },
      'holds several model files (a.onnx, b.onnx)',
    ],
    [
      'a file that cannot be read',
      () => symlinkSync('model.onnx', place('model.onnx')),
      'too many symbolic links',
    ],
    ['an unknown format', () => writeFileSync(place('model.pt'), 'PK'), 'cannot be served yet'],
    [
      'a name that is no number',
      () => renameSync(join(models, 'plus', '2'), join(models, 'plus', 'v2')),
      '',
    ],
  ])('%s', async (_, spoil, reason) => {
    deliver(1);
    await using server = await watching();
    const traffic = startTraffic(server, 'plus');
    mkdirSync(place('.'), { recursive: true });
    spoil();
    if (reason === '') await traffic.more(500);
    else {
      await untilStates(server, { 1: 'READY', 2: 'FAILED' });
      const { json } = await request(`${server.url}/models/plus`);
      expect(json.versions[1].reason).toContain(reason);
      expect(json.versions[1].reason).toContain(join('plus', '2'));
    }
    expect((await traffic.stop()).failures).toEqual([]);
    expect(numbers(traffic)).toEqual([1]);
    expect((await request(`${server.url}/readyz`)).status).toBe(200);
  });

  test('and serves as soon as it is repaired', async () => {
    deliver(1);
    await using server = await watching();
    const traffic = startTraffic(server, 'plus');
    mkdirSync(place('.'), { recursive: true });
    writeFileSync(place('model.onnx'), 'nonsense');
    await untilStates(server, { 1: 'READY', 2: 'FAILED' });
    await server.printed(/MODEL_FILE_INVALID|model does not load/);
    // Now: a look between taking the folder away and putting another in its place forgets the version.
    const { text } = await request(`${server.url}/metrics`);
    expect(text).toMatch(
      /modelship_model_load_failures_total\{[^}]*version="2",code="MODEL_FILE_INVALID"\} 1/,
    );
    deliver(2);
    await untilStates(server, { 2: 'READY' });
    expect((await traffic.stop()).failures).toEqual([]);
  });

  test('a restart beside a broken newest version serves the one before it', async () => {
    deliver(1);
    mkdirSync(place('.'), { recursive: true });
    writeFileSync(place('model.onnx'), 'nonsense');
    await using server = await watching();
    await untilStates(server, { 1: 'READY', 2: 'FAILED' });
  });
});

describe('a request that came before a version goes', { timeout: 180_000 }, () => {
  test.each([
    ['/v2/models/plus/versions/1/infer', input],
    ['/v1/models/plus/versions/1:predict', { instances: [1000] }],
    ['/v1/models/plus/versions/1:regress', { examples: [{ x: 1000 }] }],
  ])('is answered by it, although its body comes later: %s', async (path, body) => {
    deliver(1);
    await using server = await watching();
    const slow = await openSlowRequest(server, path, body);
    deliver(2);
    await untilStates(server, { 1: 'UNLOADING', 2: 'READY' });
    expect((await post(`${server.url}/v2/models/plus/versions/1/infer`, input)).status).toBe(503);
    expect(await slow.finish()).toContain('1001');
    await untilStates(server, { 2: 'READY' });
  });

  test('is waited for no longer than the limit', async () => {
    deliver(1);
    await using server = await watching('--unload-timeout-ms', '200');
    const slow = await openSlowRequest(server, '/v2/models/plus/versions/1/infer', input);
    deliver(2);
    await untilStates(server, { 2: 'READY' });
    expect(await slow.finish()).toContain('MODEL_NOT_READY');
  });
});

test('without --model-control what was there at the start serves', {
  timeout: 180_000,
}, async () => {
  deliver(1);
  await using server = await startModelship(models);
  const traffic = startTraffic(server, 'plus');
  await traffic.more(10);
  deliver(2);
  rmSync(join(models, 'plus', '1'), { recursive: true });
  await traffic.more(200);
  expect((await traffic.stop()).failures).toEqual([]);
  expect(numbers(traffic)).toEqual([1]);
  expect(await statesOf(server)).toEqual({ 1: 'READY' });
});

describe('with --model-control explicit', { timeout: 180_000 }, () => {
  const ask = ({ url }: Modelship, what: string): ReturnType<typeof post> =>
    post(`${url}/v2/repository/models/plus/${what}`, {});

  test('requests load a new version, refuse a broken one and unload the model, and no answer is missing', async () => {
    deliver(1);
    await using server = await startModelship(models, { args: ['--model-control', 'explicit'] });
    const traffic = startTraffic(server, 'plus');
    await traffic.more(10);
    deliver(2);
    await traffic.more(50);
    expect(numbers(traffic)).toEqual([1]);
    expect((await ask(server, 'load')).status).toBe(200);
    await traffic.more(10);
    expect(numbers(traffic)).toEqual([1, 2]);
    mkdirSync(join(models, 'plus', '3'));
    writeFileSync(join(models, 'plus', '3', 'model.onnx'), 'nonsense');
    const refused = await ask(server, 'load');
    expect([refused.status, refused.text]).toEqual([
      400,
      expect.stringContaining('is not a usable model'),
    ]);
    await traffic.more(10);
    expect((await traffic.stop()).failures).toEqual([]);
    const before = runnersOf(server.pid);
    expect((await ask(server, 'unload')).status).toBe(200);
    await waitUntilGone(before, 60_000);
    const answer = await post(`${server.url}/v2/models/plus/infer`, input);
    expect(answer.text).toContain('UNLOADED');
    rmSync(join(models, 'plus', '3'), { recursive: true });
    expect((await ask(server, 'load')).status).toBe(200);
    expect((await post(`${server.url}/v2/models/plus/infer`, input)).status).toBe(200);
  });
});
