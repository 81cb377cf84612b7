/**
 * The package as users get it: packed, installed into an empty folder, serving from there; and the
 * checkout as contributors get it: cloned, `npm ci`, `npm start`.
 */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCommand } from './support/command.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const minutes = 60_000;

/** How the machine reaches its registry, which a shell of its user has set too. */
const access =
  /^(NODE_EXTRA_CA_CERTS|npm_config_(registry|cafile|cache|userconfig|globalconfig))$/i;

/** npm as a user's shell runs it: nothing else of the npm that runs the tests is inherited. */
function userEnvironment(): NodeJS.ProcessEnv {
  const isOfTests = (name: string): boolean => /^(npm_|NODE_|VITEST|MODELSHIP_)/i.test(name);
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => access.test(name) || !isOfTests(name)),
  );
}

async function npm(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: folder,
    env: userEnvironment(),
    maxBuffer: 1 << 26,
  });
  return stdout;
}

async function askForSeven(url: string): Promise<unknown> {
  const body = await readFile(join(root, 'examples', 'digits', '7.png'));
  const response = await fetch(`${url}/predict`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'image/png' },
  });
  const { predictions } = (await response.json()) as { predictions: { label: string }[] };
  return predictions[0]?.label;
}

describe('installed', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'modelship-install-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('the packed package serves from an empty folder and brings no Node of its own', {
    timeout: 5 * minutes,
  }, async () => {
    const user = join(folder, 'user');
    await mkdir(user);
    const packed = JSON.parse(
      await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
    ) as { filename: string; size: number; files: { path: string }[] }[];
    const [{ filename, size, files }] = packed as [(typeof packed)[number]];
    expect(
      files
        .map(({ path }) => path)
        .filter((path) => /\.test\.|\.fixture\.|^src\/|^test\//.test(path)),
    ).toEqual([]);
    expect(size).toBeLessThan(6 * 1024 * 1024);
    await writeFile(join(user, 'package.json'), '{"private": true}');
    // What docs tell users to set: onnxruntime's install script would download GPU files.
    await writeFile(join(user, '.npmrc'), 'onnxruntime-node-install=skip\n');
    await npm(user, 'install', '--ignore-scripts', join(folder, filename));
    const installed = JSON.parse(await npm(user, 'ls', '--all', '--json')) as object;
    expect(JSON.stringify(installed)).not.toContain('node-linux');
    await cp(join(root, 'models'), join(user, 'models'), { recursive: true });
    await using server = await startCommand(
      join(user, 'node_modules', '.bin', 'modelship'),
      ['serve'],
      {
        cwd: user,
        // The package needs Node 24; the one that runs the tests is at hand.
        path: join(process.execPath, '..'),
      },
    );
    expect(await askForSeven(server.url)).toBe('7');
  });

  test('a clone serves after npm ci --ignore-scripts and npm start', {
    timeout: 10 * minutes,
  }, async () => {
    const clone = join(folder, 'clone');
    await run('git', ['clone', '--quiet', root, clone]);
    await npm(clone, 'ci', '--ignore-scripts');
    await using server = await startCommand('npm', ['start', '--'], { cwd: clone });
    expect(await askForSeven(server.url)).toBe('7');
    expect(server.output()).toMatch(/curl -F image=@examples\/digits\/\S+ http:/);
  });
});
