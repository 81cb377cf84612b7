/** Labels, shares, stickiness, shadow copies and promotion over HTTP, on real runners. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { writePlus } from './models/plus.ts';
import { expectError } from './support/expect-error.ts';
import type { Answer } from './support/http.ts';
import { post, request } from './support/http.ts';
import { startTraffic } from './support/live-traffic.ts';
import { writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { runModelship, startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import { waitPatiently as waitUntil } from './support/wait-until.ts';

let root: string;
const split = 'labels: {stable: 1, canary: 2}, traffic: {stable: 70, canary: 30}';

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  for (const version of [1, 2]) writePlus(join(root, 'models/plus'), version);
  return () => temporary[Symbol.dispose]();
});

function serve(versions: string, ...args: string[]): Promise<Modelship> {
  writeYaml(join(root, 'models/plus'), `versions: {policy: all, ${versions}}`);
  return startModelship(join(root, 'models'), { args });
}

const input = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }] };

/** Which version answered; an error's code when none did. */
async function ask(
  { url }: Modelship,
  path = '',
  headers: Record<string, string> = {},
): Promise<unknown> {
  const answer: Answer = await post(`${url}/v2/models/plus${path}/infer`, input, headers);
  return answer.status === 200
    ? Number((dataOf(answer).y as number[])[0]) - 1000
    : answer.json.code;
}

const put = ({ url }: Modelship, body: object): Promise<Answer> =>
  request(`${url}/models/plus/traffic`, { method: 'PUT', body: JSON.stringify(body) });

const describeTraffic = async ({ url }: Modelship): Promise<Answer['json']> =>
  (await request(`${url}/models/plus/traffic`)).json;

describe('what model.yaml says', { timeout: 180_000 }, () => {
  test('splits requests that name no version, and a label or a number gets its own', async () => {
    await using server = await serve(split);
    const traffic = startTraffic(server, 'plus');
    await traffic.more(400);
    const { answers, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    const share = (answers.get(2) ?? 0) / ((answers.get(1) ?? 0) + (answers.get(2) ?? 0));
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.45);
    expect(await ask(server, '/versions/canary')).toBe(2);
    expect(await ask(server, '/versions/stable')).toBe(1);
    expect(await ask(server, '/versions/2')).toBe(2);
    expect(await ask(server, '/versions/gold')).toBe('VERSION_NOT_FOUND');
  });

  test.each([
    ['header: X-User', (user: string) => ({ 'x-user': user })],
    ['cookie: user', (user: string) => ({ cookie: `a=b; user=${user}` })],
  ])('%s keeps each user with one version', async (sticky, headersOf) => {
    await using server = await serve(`${split}, sticky: {${sticky}}`);
    const seen = new Set<unknown>();
    for (let user = 0; user < 12; user += 1) {
      const headers = headersOf(`user-${user}`);
      const answers = await Promise.all([1, 2, 3, 4].map(() => ask(server, '', headers)));
      expect(new Set(answers).size).toBe(1);
      seen.add(answers[0]);
    }
    expect([...seen].sort()).toEqual([1, 2]);
  });

  test('a shadow answers nobody, and is counted', async () => {
    await using server = await serve(
      'labels: {stable: 1}, traffic: {stable: 100}, shadow: {to: 2, tolerance: 0.0001}',
    );
    for (let i = 0; i < 5; i += 1) expect(await ask(server)).toBe(1);
    await waitUntil('the copies are counted', async () => {
      const { text } = await request(`${server.url}/metrics`);
      return /modelship_shadow_requests_total\{model="plus",version="2",result="different"\} 5/.test(
        text,
      );
    });
    const { text } = await request(`${server.url}/metrics`);
    expect(text).toContain('modelship_requests_total{model="plus",version="2",code="OK"} 0');
    expect(text).toContain('modelship_traffic_ratio{model="plus",version="1"} 1\n');
    expect(text).toContain('modelship_traffic_ratio{model="plus",version="2"} 0\n');
  });

  test('is shown for each version', async () => {
    await using server = await serve(`${split}, sticky: {header: X-User}`);
    const { json } = await request(`${server.url}/models/plus`);
    expect(json.traffic).toEqual({
      source: 'model.yaml',
      since: null,
      labels: { stable: '1', canary: '2' },
      traffic: { stable: 70, canary: 30 },
      shadow: null,
      sticky: { header: 'X-User' },
    });
    expect(json.versions).toMatchObject([
      { version: '1', state: 'READY', labels: ['stable'], trafficPercent: 70 },
      { version: '2', state: 'READY', labels: ['canary'], trafficPercent: 30 },
    ]);
    for (const { diskBytes, load, memoryBytes, since } of json.versions) {
      expect(diskBytes).toBeGreaterThan(100);
      expect(load).toMatchObject({ loadMs: expect.any(Number), fromCache: expect.any(Boolean) });
      expect(memoryBytes).toBeGreaterThan(10_000_000);
      expect(Number.isNaN(Date.parse(since))).toBe(false);
    }
  });
});

describe('changes at run time', { timeout: 180_000 }, () => {
  const explicit = ['--model-control', 'explicit'];

  test.each([
    [[], '--model-control none'],
    [['--watch'], '--model-control poll'],
  ])('are refused with %j', async (args, mode) => {
    await using server = await serve(split, ...args);
    const answers = [
      await put(server, { traffic: { stable: 100 } }),
      await request(`${server.url}/models/plus/traffic`, { method: 'DELETE' }),
      await post(`${server.url}/models/plus/promote`, {}),
      await post(`${server.url}/models/plus/rollback`, {}),
    ];
    for (const answer of answers)
      expectError(answer, 403, 'MODEL_CONTROL_REFUSED', new RegExp(mode));
    expect(await describeTraffic(server)).toMatchObject({ source: 'model.yaml' });
  });

  test('are refused on one of several replicas, unless asked for', async () => {
    await using server = await serve(split, ...explicit, '--replicas', '2');
    expectError(
      await post(`${server.url}/models/plus/promote`, {}),
      403,
      'RUNTIME_CHANGE_REFUSED',
      /one of 2 replicas/,
    );
    await using other = await serve(
      split,
      ...explicit,
      ...['--replicas', '2', '--runtime-changes', 'allow'],
    );
    expect((await post(`${other.url}/models/plus/promote`, {})).status).toBe(200);
  });

  test('promote and rollback under traffic move it at once, without a failure', async () => {
    await using server = await serve(
      'labels: {stable: 1, canary: 2}, traffic: {stable: 100}',
      ...explicit,
    );
    const traffic = startTraffic(server, 'plus');
    await traffic.more(50);
    expect([...traffic.count.answers.keys()]).toEqual([1]);
    const asked = ['promote', 'plus', '--version', '9', '--url', server.url];
    expect(await runModelship(asked)).toMatchObject({ stderr: expect.stringContaining('9') });
    const promoted = await runModelship(['promote', 'plus', '--url', server.url]);
    expect(promoted).toMatchObject({ code: 0 });
    expect(promoted.stdout).toContain('stable');
    // Requests that were on their way then are in.
    await traffic.more(10);
    const before = traffic.count.answers.get(1);
    await traffic.more(50);
    expect(traffic.count.answers.get(1)).toBe(before);
    const back = await runModelship(['rollback', 'plus', '--url', server.url]);
    expect(back).toMatchObject({ code: 0 });
    await traffic.more(10);
    const two = traffic.count.answers.get(2);
    await traffic.more(50);
    const { answers, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(answers.get(2)).toBe(two);
  });

  test('survive a kill -9 of the server, and are shown as such', async () => {
    const state = ['--state-dir', join(root, 'state')];
    await using server = await serve(split, ...explicit, ...state);
    const answer = await put(server, { labels: { blue: 1, green: 2 }, traffic: { green: 100 } });
    expect(answer).toMatchObject({ status: 200, json: { source: 'run time' } });
    server.signal('SIGKILL');
    await server.ended;
    // Whatever the mode is: what was decided holds.
    await using next = await serve(split, ...state);
    expect(await describeTraffic(next)).toMatchObject({
      source: 'run time',
      labels: { blue: '1', green: '2' },
      traffic: { green: 100 },
    });
    expect(await ask(next)).toBe(2);
    const shown = await runModelship(['inspect', join(root, 'models'), '--no-probe', ...state]);
    expect(shown.stdout).toMatch(/labels +blue → 1, green → 2 .*changed at run time/);
    expect(existsSync(join(root, 'state/plus.json'))).toBe(true);
  });

  test('go back to model.yaml by a reset', async () => {
    await using server = await serve(split, ...explicit);
    await put(server, { traffic: { canary: 100 } });
    expect(await ask(server)).toBe(2);
    const shown = await runModelship(['inspect', server.url]);
    expect(shown.stdout).toMatch(/changed at run time/);
    expect(shown.stdout).toMatch(
      / {2}2 +READY +since \S+ +canary +100% of the traffic +\S+ \w+ on disk/,
    );
    const reset = await request(`${server.url}/models/plus/traffic`, { method: 'DELETE' });
    expect(reset.json).toMatchObject({ source: 'model.yaml', traffic: { stable: 70, canary: 30 } });
  });

  test.each<[string, unknown, number, string, string]>([
    ['no JSON', '{', 400, 'JSON_INVALID', ''],
    ['a list', [], 400, 'CONTROL_REQUEST_INVALID', ''],
    ['an unknown key', { trafic: {} }, 400, 'CONTROL_REQUEST_INVALID', 'trafic'],
    [
      'a share of text',
      { traffic: { stable: '1' } },
      400,
      'CONTROL_REQUEST_INVALID',
      'traffic.stable',
    ],
    [
      'a version of text',
      { labels: { a: 'b' } },
      400,
      'CONTROL_REQUEST_INVALID',
      'labels.a: expected the number',
    ],
    ['too much', { traffic: { stable: 90, canary: 20 } }, 400, 'TRAFFIC_INVALID', 'add up to 110'],
    [
      'a version that is not there',
      { labels: { a: 7 } },
      400,
      'TRAFFIC_INVALID',
      'version 7, which does not serve',
    ],
  ])('with %s are refused', async (_, body, status, code, text) => {
    await using server = await serve(split, ...explicit);
    const answer = await request(`${server.url}/models/plus/traffic`, {
      method: 'PUT',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    expectError(answer, status, code, new RegExp(text));
    expect(await describeTraffic(server)).toMatchObject({ source: 'model.yaml' });
  });

  test('of a model that is not there are refused as such', async () => {
    await using server = await serve(split, ...explicit);
    expectError(
      await post(`${server.url}/models/nope/promote`, {}),
      404,
      'MODEL_NOT_FOUND',
      /nope/,
    );
    const put = await fetch(`${server.url}/models/plus/traffic`, {
      method: 'PUT',
      body: '{"traffic":{"__proto__":100}}',
    });
    expect(put.status).toBe(400);
    const { code, stderr } = await runModelship(['promote', 'nope', '--url', server.url]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('MODEL_NOT_FOUND')]);
  });
});
