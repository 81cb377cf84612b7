/** Requests that change what is served, on real runners: loads with a configuration, races, reloads, resets. */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status as codes } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { writePlus } from './models/plus.ts';
import type { CallAnswer } from './support/grpc.ts';
import { createGrpcClient, grpcPortOf } from './support/grpc.ts';
import type { Answer } from './support/http.ts';
import { post, request } from './support/http.ts';
import { startTraffic } from './support/live-traffic.ts';
import { writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { runModelship, startModelship, temporaryFolder } from './support/modelship.ts';
import { runnersOf } from './support/processes.ts';
import { waitPatiently as waitUntil } from './support/wait-until.ts';

let root: string;
const at = (...path: string[]): string => join(root, ...path);

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  writePlus(at('models/plus'), 1);
  return () => temporary[Symbol.dispose]();
});

const explicit = ['--model-control', 'explicit'];
const serve = (...args: string[]): Promise<Modelship> =>
  startModelship(at('models'), { args: [...explicit, ...args] });

const ask = ({ url }: Modelship, what: 'load' | 'unload', body: object = {}): Promise<Answer> =>
  post(`${url}/v2/repository/models/plus/${what}`, body);

/** `1:READY`, of each model. */
async function statesOf({ url }: Modelship): Promise<Record<string, string>> {
  const { json } = await request(`${url}/models`);
  const rows = json.models.map(
    ({ name, versions }: { name: string; versions: { version: string; state: string }[] }) => [
      name,
      versions.map(({ version, state }) => `${version}:${state}`).join(' '),
    ],
  );
  return Object.fromEntries(rows);
}

describe('loads and unloads at the same time', { timeout: 180_000 }, () => {
  test('are each answered truly, and the last that is done holds', async () => {
    await using server = await serve();
    const asked: { wants: string; status: number; code: string; place: number }[] = [];
    let place = 0;
    const calls = Array.from({ length: 60 }, async (_, i) => {
      const verb = (i * 7) % 3 === 0 ? 'unload' : 'load';
      const { status, json } = await ask(server, verb);
      place += 1;
      asked.push({ wants: verb, status, code: json.code ?? '', place });
    });
    await Promise.all(calls);
    const others = asked.filter(({ status, code }) =>
      status === 200 ? false : status !== 409 || code !== 'MODEL_CONTROL_OVERTAKEN',
    );
    expect(others).toEqual([]);
    const last = asked.filter(({ status }) => status === 200).at(-1);
    expect(await statesOf(server)).toEqual({ plus: last?.wants === 'load' ? '1:READY' : '' });
    expect(runnersOf(server.pid)).toHaveLength(last?.wants === 'load' ? 1 : 0);
    expect((await ask(server, 'load')).status).toBe(200);
    expect(await statesOf(server)).toEqual({ plus: '1:READY' });
  });
});

describe('a load with a configuration', { timeout: 180_000 }, () => {
  const withConfig = (config: object): object => ({
    parameters: { config: JSON.stringify(config) },
  });

  test('serves as it says until the next load, and is refused with its place', async () => {
    writePlus(at('models/plus'), 2);
    await using server = await serve();
    const config = {
      max_batch_size: 4,
      version_policy: { specific: { versions: [1] } },
      instance_group: [{ kind: 'KIND_CPU', count: 2 }],
    };
    expect((await ask(server, 'load', withConfig(config))).status).toBe(200);
    await waitUntil('version 1 alone serves', async () => {
      return (await statesOf(server)).plus === '1:READY';
    });
    const { json } = await request(`${server.url}/v2/models/plus/config`);
    expect(json).toMatchObject({
      version_policy: { specific: { versions: [1] } },
      instance_group: [{ count: 2 }],
      dynamic_batching: { preferred_batch_size: [4] },
    });
    // What it says of itself can be sent back.
    expect((await ask(server, 'load', withConfig(json))).status).toBe(200);
    const wrong = await ask(server, 'load', withConfig({ max_batch_size: -1 }));
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('max_batch_size')]);
    const missing = await ask(
      server,
      'load',
      withConfig({ version_policy: { specific: { versions: [9] } } }),
    );
    expect([missing.status, missing.text]).toEqual([
      404,
      expect.stringContaining('has no version \\"9\\"; versions here: 1, 2'),
    ]);
    expect(await statesOf(server)).toEqual({ plus: '1:READY' });
    expect((await ask(server, 'load')).status).toBe(200);
    await waitUntil('model.yaml holds', async () => (await statesOf(server)).plus === '2:READY');
  });

  test('comes over gRPC too', async () => {
    writePlus(at('models/plus'), 2);
    await using server = await serve();
    using client = createGrpcClient(await grpcPortOf(server));
    const load = (config: string): Promise<CallAnswer> =>
      client.call('inference.GRPCInferenceService/RepositoryModelLoad', {
        model_name: 'plus',
        parameters: { config: { string_param: config } },
      });
    expect(await load('{"version_policy": {"all": {}}}')).toMatchObject({ code: codes.OK });
    expect(await statesOf(server)).toEqual({ plus: '1:READY 2:READY' });
    expect(await load('{"optimization": {}}')).toMatchObject({
      code: codes.UNIMPLEMENTED,
      details: expect.stringContaining('"optimization"'),
    });
  });
});

describe('HandleReloadConfigRequest', { timeout: 180_000 }, () => {
  async function serving() {
    writePlus(at('models/other'), 5);
    const server = await serve();
    const client = createGrpcClient(await grpcPortOf(server));
    const reload = (...config: object[]): Promise<CallAnswer> =>
      client.call('tensorflow.serving.ModelService/HandleReloadConfigRequest', {
        config: { model_config_list: { config } },
      });
    return {
      server,
      reload,
      async [Symbol.asyncDispose]() {
        client[Symbol.dispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }
  const plus = (more: object = {}): object => ({
    name: 'plus',
    base_path: at('models/plus'),
    model_platform: 'tensorflow',
    ...more,
  });

  test('replaces the whole configuration', async () => {
    await using stage = await serving();
    writePlus(at('models/plus'), 2);
    const labels = { version_labels: { stable: 1 } };
    const policy = { model_version_policy: { specific: { versions: [1, 2] } } };
    expect(await stage.reload(plus({ ...policy, ...labels }))).toMatchObject({ code: codes.OK });
    await waitUntil('the other model is gone', async () => {
      return JSON.stringify(await statesOf(stage.server)) === '{"plus":"1:READY 2:READY"}';
    });
    const infer = `${stage.server.url}/v2/models/plus/versions/stable/infer`;
    const input = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }] };
    expect((await post(infer, input)).text).toContain('1001');
  });

  test.each<[string, (root: string) => object[], number, string]>([
    [
      'the root itself',
      (folder) => [{ name: 'plus', base_path: folder }],
      codes.FAILED_PRECONDITION,
      'holds several models (bad, other, plus); expected the folder of one',
    ],
    [
      'a folder that is not there',
      (folder) => [plus(), { name: 'gone', base_path: join(folder, 'gone') }],
      codes.FAILED_PRECONDITION,
      join('models', 'gone'),
    ],
    [
      'a folder elsewhere',
      (folder) => [plus(), { name: 'x', base_path: join(folder, '..', 'secret') }],
      codes.PERMISSION_DENIED,
      'is outside of what this server was started with',
    ],
    [
      'a version that is not there',
      () => [plus({ model_version_policy: { specific: { versions: [1, 8] } } })],
      codes.FAILED_PRECONDITION,
      'model plus: there is no version 8; versions in',
    ],
    [
      'a label for a version that is not there',
      () => [plus({ version_labels: { canary: 3 } })],
      codes.FAILED_PRECONDITION,
      'model plus: label canary is for version 3; versions in',
    ],
    [
      'a file that is no model',
      (folder) => [plus(), { name: 'bad', base_path: join(folder, 'bad') }],
      codes.FAILED_PRECONDITION,
      'is not a usable model',
    ],
  ])('of %s is refused, and what served goes on', async (_, configOf, code, text) => {
    await using stage = await serving();
    mkdirSync(at('models/bad/1'), { recursive: true });
    writeFileSync(at('models/bad/1/model.onnx'), 'nonsense');
    const before = runnersOf(stage.server.pid);
    const traffic = ['plus', 'other'].map((model) => startTraffic(stage.server, model));
    const answer = await stage.reload(...configOf(at('models')));
    expect(answer).toMatchObject({ code, details: expect.stringContaining(text) });
    await Promise.all(traffic.map((one) => one.more(20)));
    for (const one of traffic) expect((await one.stop()).failures).toEqual([]);
    expect(await statesOf(stage.server)).toMatchObject({ other: '5:READY', plus: '1:READY' });
    expect(runnersOf(stage.server.pid)).toEqual(before);
  });
});

describe('traffic that was changed at run time', { timeout: 180_000 }, () => {
  const split = 'versions: {policy: all, labels: {stable: 1, canary: 2}, traffic: {stable: 100}}';
  const sourceOf = async ({ url }: Modelship): Promise<string> =>
    (await request(`${url}/models/plus/traffic`)).json.source;

  test('is reset by modelship reset on a server that allows it', async () => {
    writePlus(at('models/plus'), 2);
    writeYaml(at('models/plus'), split);
    await using server = await serve();
    const url = ['--url', server.url];
    expect((await runModelship(['promote', 'plus', ...url])).code).toBe(0);
    expect(await sourceOf(server)).toBe('run time');
    const { code, stdout } = await runModelship(['reset', 'plus', ...url]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('as its model.yaml says')]);
    expect(await sourceOf(server)).toBe('model.yaml');
  });

  test('is refused by one that watches, and reset in its state folder it hears of at its next look', async () => {
    writePlus(at('models/plus'), 2);
    writeYaml(at('models/plus'), split);
    const state = ['--state-dir', at('state')];
    await using first = await serve(...state);
    expect((await runModelship(['promote', 'plus', '--url', first.url])).code).toBe(0);
    await first.stop();
    await using server = await startModelship(at('models'), {
      args: ['--watch', '--poll-interval-ms', '50', ...state],
    });
    expect(await sourceOf(server)).toBe('run time');
    const refused = await runModelship(['reset', 'plus', '--url', server.url]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('[MODEL_CONTROL_REFUSED]'),
    ]);
    const reset = await runModelship(['reset', 'plus', ...state]);
    expect([reset.code, reset.stdout]).toEqual([0, expect.stringContaining('plus.json')]);
    expect(existsSync(at('state/plus.json'))).toBe(false);
    await waitUntil('it looks', async () => (await sourceOf(server)) === 'model.yaml');
    const again = await runModelship(['reset', 'plus', ...state]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('TRAFFIC_INVALID')]);
  });

  test('names versions that serve after a restart, whatever the policy and the mode', async () => {
    writePlus(at('models/plus'), 2);
    const state = ['--state-dir', at('state')];
    await using first = await serve(...state);
    writeYaml(at('models/plus'), 'versions: {policy: all}');
    expect((await ask(first, 'load')).status).toBe(200);
    expect(
      (await runModelship(['promote', 'plus', '--version', '1', '--url', first.url])).code,
    ).toBe(0);
    await first.stop();
    rmSync(at('models/plus/model.yaml'));
    await using next = await startModelship(at('models'), { args: state });
    expect(await statesOf(next)).toEqual({ plus: '1:READY 2:READY' });
    const traffic = startTraffic(next, 'plus');
    await traffic.more(20);
    const { answers } = await traffic.stop();
    expect([...answers.keys()]).toEqual([1]);
  });
});

describe('what model.yaml says and a models.config does not know', { timeout: 180_000 }, () => {
  test('is a warning in the log, in GET /models and in inspect', async () => {
    writePlus(at('models/plus'), 2);
    writeYaml(
      at('models/plus'),
      'versions: {policy: all, labels: {stable: 1, canary: 2}, traffic: {stable: 90, canary: 10}}',
    );
    writeFileSync(
      at('models.config'),
      `model_config_list { config { name: "plus" base_path: "${at('models/plus')}"
        version_labels { key: "stable" value: 1 } version_labels { key: "next" value: 7 } } }`,
    );
    await using server = await startModelship(at('models.config'), { args: [] });
    const { json } = await request(`${server.url}/models/plus`);
    const expected = [
      expect.stringMatching(
        /model\.yaml: versions\.labels\.next: there is no version 7; versions here: 1, 2/,
      ),
      expect.stringMatching(
        /model\.yaml: versions\.traffic\.canary: there is no label "canary" in the configuration .*labels there: stable, next/,
      ),
    ];
    expect(json.warnings).toEqual(expected);
    expect(server.stderr).toMatch(/versions\.traffic\.canary: there is no label/);
    expect(server.stderr).toMatch(/versions\.labels\.next: there is no version 7/);
    for (const path of [server.url, at('models.config')]) {
      const { stdout } = await runModelship(['inspect', path, '--no-probe']);
      expect(stdout).toMatch(/warning +.*versions\.traffic\.canary/);
    }
  });

  test('is none where the models.config names no labels: those of model.yaml hold', async () => {
    writePlus(at('models/plus'), 2);
    writeYaml(
      at('models/plus'),
      'versions: {policy: all, labels: {stable: 1, canary: 2}, traffic: {stable: 100, canary: 0}}',
    );
    writeFileSync(
      at('models.config'),
      `model_config_list { config { name: "plus" base_path: "${at('models/plus')}" } }`,
    );
    await using server = await startModelship(at('models.config'), { args: [] });
    const { json } = await request(`${server.url}/models/plus`);
    expect(json.warnings).toEqual([]);
    expect(json.traffic.labels).toEqual({ stable: '1', canary: '2' });
  });

  test('a label whose version goes while it serves is told in the log', async () => {
    writePlus(at('models/plus'), 2);
    writeYaml(at('models/plus'), 'versions: {labels: {stable: 1}}');
    const args = ['--watch', '--poll-interval-ms', '50', '--settle-ms', '50'];
    await using server = await startModelship(at('models'), { args });
    renameSync(at('models/plus/1'), at('gone'));
    await server.printed(/versions\.labels\.stable: there is no version 1; versions here: 2/);
  });
});
