/** What may happen in the middle of a swap: the server is killed, a runner is killed, the disk goes away. */

import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { writePlus } from './models/plus.ts';
import { post, request } from './support/http.ts';
import { startTraffic } from './support/live-traffic.ts';
import { writeYaml } from './support/model-folder.ts';
import type { Modelship } from './support/modelship.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { dataOf } from './support/open-inference.ts';
import {
  childrenOf,
  nicenessOf,
  runnersOf,
  signalAll,
  waitUntilGone,
} from './support/processes.ts';
import { waitPatiently as waitUntil } from './support/wait-until.ts';

let root: string;
const at = (...path: string[]): string => join(root, ...path);

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  return () => temporary[Symbol.dispose]();
});

const quick = ['--watch', '--poll-interval-ms', '50', '--settle-ms', '50'];
const input = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }] };

const answerOf = async ({ url }: Modelship): Promise<number> =>
  Number((dataOf(await post(`${url}/v2/models/plus/infer`, input)).y as number[])[0]) - 1000;

const stateOf = async ({ url }: Modelship, version: string): Promise<string | undefined> => {
  const { json } = await request(`${url}/models/plus`);
  return json.versions.find((one: { version: string }) => one.version === version)?.state;
};

describe('in the middle of a swap', { timeout: 180_000 }, () => {
  test.each(['while the new version is prepared', 'while the old one waits for its requests'])(
    'kill -9 of the server %s leaves no process, and the next start is clean',
    async (when) => {
      writePlus(at('models/plus'), 1);
      const env = { MODELSHIP_CACHE_DIR: at('cache'), TMPDIR: at('tmp') };
      mkdirSync(at('tmp'));
      await using server = await startModelship(at('models'), { args: quick, env });
      const traffic = startTraffic(server, 'plus');
      await traffic.more(10);
      writePlus(at('models/plus'), 2);
      if (when.startsWith('while the new'))
        await waitUntil('it is prepared', () => childrenOf(server.pid).length > 1);
      else await waitUntil('it takes over', () => traffic.count.answers.has(2));
      const children = childrenOf(server.pid);
      server.signal('SIGKILL');
      await server.ended;
      await waitUntilGone(children, 60_000);
      await traffic.stop();
      await using next = await startModelship(at('models'), { args: quick, env });
      await waitUntil('version 2 serves', async () => (await answerOf(next)) === 2);
      expect(await stateOf(next, '2')).toBe('READY');
      const left = readdirSync(at('cache'), { recursive: true, encoding: 'utf8' });
      // What was half-written is not taken for a copy: a name of its own, and swept up later.
      for (const name of left.filter((one) => /^models\/[^.][^/]*$/.test(one)))
        expect(readdirSync(at('cache', name))).toContain('model.onnx');
    },
  );

  test('kill -9 of the children that prepare and load costs no request, and the swap comes to its end', async () => {
    writePlus(at('models/plus'), 1);
    await using server = await startModelship(at('models'), { args: quick });
    const [serving] = runnersOf(server.pid);
    const traffic = startTraffic(server, 'plus');
    writePlus(at('models/plus'), 2);
    const [first] = await waitUntil('a child has started', () => {
      const others = childrenOf(server.pid).filter((pid) => pid !== serving);
      return others.length > 0 && others;
    });
    signalAll([first as number], 'SIGKILL');
    // Its files say that it is to be tried again, as the time would.
    await waitUntil('it failed or goes on', async () => {
      const state = await stateOf(server, '2');
      return state === 'FAILED' || state === 'READY';
    });
    writePlus(at('models/plus'), 2);
    await waitUntil('version 2 answers', () => traffic.count.answers.has(2));
    expect((await traffic.stop()).failures).toEqual([]);
  });

  test('what prepares is nicer than what serves, and the runner that serves starts from the cache', async () => {
    writePlus(at('models/plus'), 1);
    const env = { MODELSHIP_CACHE_DIR: at('cache') };
    await using server = await startModelship(at('models'), { args: quick, env });
    const [serving] = runnersOf(server.pid) as [number];
    const seen = new Set<number | undefined>();
    writePlus(at('models/plus'), 2);
    await waitUntil('version 2 serves', async () => {
      for (const pid of childrenOf(server.pid)) if (pid !== serving) seen.add(nicenessOf(pid));
      return (await stateOf(server, '2')) === 'READY';
    });
    expect(nicenessOf(runnersOf(server.pid).at(-1) as number)).toBe(5);
    expect(seen).toContain(12);
    const { json } = await request(`${server.url}/models/plus`);
    const two = json.versions.find(({ version }: { version: string }) => version === '2');
    expect(two.load).toMatchObject({ fromCache: true, prepareMs: expect.any(Number) });
  });

  test('a repository that goes away and comes back changes nothing', async () => {
    writePlus(at('models/plus'), 1);
    await using server = await startModelship(at('models'), { args: quick });
    const traffic = startTraffic(server, 'plus');
    renameSync(at('models'), at('away'));
    await server.printed(/models cannot be looked at; what serves goes on/);
    await traffic.more(100);
    renameSync(at('away'), at('models'));
    await traffic.more(100);
    expect((await traffic.stop()).failures).toEqual([]);
    expect(await stateOf(server, '1')).toBe('READY');
    expect(server.stderr.match(/cannot be looked at/g)).toHaveLength(1);
  });
});

describe('a new version with another signature', { timeout: 180_000 }, () => {
  test('loads, with a warning that names the difference', async () => {
    writePlus(at('models/plus'), 1);
    await using server = await startModelship(at('models'), { args: quick });
    writePlus(at('models/plus'), 2, 2, 'z');
    await waitUntil('it serves', async () => (await stateOf(server, '2')) === 'READY');
    const { json } = await request(`${server.url}/models/plus`);
    expect(json.versions.at(-1).warning).toBe(
      "its signature differs from that of version 1: output 'y' FP32 [-1] is gone; output 'z' FP32 [-1] is new",
    );
    expect(server.stderr).toContain('signature differs');
  });

  test('is refused by strictSignature, and what serves goes on', async () => {
    writePlus(at('models/plus'), 1);
    writeYaml(at('models/plus'), 'strictSignature: true');
    await using server = await startModelship(at('models'), { args: quick });
    writePlus(at('models/plus'), 2, 2, 'z');
    await waitUntil('it is refused', async () => (await stateOf(server, '2')) === 'FAILED');
    const { json } = await request(`${server.url}/models/plus`);
    expect(json.versions.at(-1).reason).toContain("output 'y' FP32 [-1] is gone");
    expect(await answerOf(server)).toBe(1);
  });
});

describe('with little memory', { timeout: 180_000 }, () => {
  test('the old version goes before the new one loads, but not for one that cannot be read', async () => {
    writePlus(at('models/plus'), 1);
    writeYaml(at('models/plus'), 'versions: {preserve: resources}');
    await using server = await startModelship(at('models'), { args: quick });
    mkdirSync(at('models/plus/2'));
    writeFileSync(at('models/plus/2/model.onnx'), 'nonsense');
    await waitUntil('it is refused', async () => (await stateOf(server, '2')) === 'FAILED');
    expect(await answerOf(server)).toBe(1);
    rmSync(at('models/plus/2'), { recursive: true });
    const most: number[] = [];
    writePlus(at('models/plus'), 3);
    await waitUntil('version 3 serves', async () => {
      most.push(runnersOf(server.pid).length);
      return (await stateOf(server, '3')) === 'READY';
    });
    expect(Math.max(...most)).toBeLessThanOrEqual(1);
    expect(await answerOf(server)).toBe(3);
  });
});

describe('who says when to look', { timeout: 180_000 }, () => {
  test('SIGHUP does, at once', async () => {
    writePlus(at('models/plus'), 1);
    const args = ['--watch', '--poll-interval-ms', '3600000', '--settle-ms', '0'];
    await using server = await startModelship(at('models'), { args });
    writePlus(at('models/plus'), 2);
    server.signal('SIGHUP');
    await waitUntil('version 2 serves', async () => (await answerOf(server)) === 2);
  });

  test('a models.config is read as it is, and again when it changes', async () => {
    writePlus(at('store/one'), 1);
    writePlus(at('store/two'), 2);
    const config = (name: string, folder: string): string =>
      `model_config_list { config { name: "${name}" base_path: "${at('store', folder)}" model_platform: "tensorflow" } }`;
    writeFileSync(at('models.config'), config('plus', 'one'));
    await using server = await startModelship(at('models.config'), { args: quick });
    expect(await answerOf(server)).toBe(1);
    writeFileSync(at('models.config'), 'model_config_list {');
    await server.printed(/models\.config has 1 problem/);
    expect(await answerOf(server)).toBe(1);
    writeFileSync(at('models.config'), config('other', 'two'));
    await waitUntil('the other serves', async () => {
      const { status } = await post(`${server.url}/v2/models/other/infer`, input);
      return status === 200;
    });
    await waitUntil('the first is gone', async () => {
      return (await request(`${server.url}/models/plus`)).status === 404;
    });
  });
});
