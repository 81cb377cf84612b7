/** A cache folder on a disk that is really full (ENOSPC), at the start and while the server runs. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { post, request } from './support/http.ts';
import type { Modelship } from './support/modelship.ts';
import { root, startModelship, temporaryFolder } from './support/modelship.ts';
import { skipLoudly } from './support/parts.ts';
import { readDigit } from './support/pictures.ts';
import { runnersOf, signalAll } from './support/processes.ts';
import { waitUntil } from './support/wait-until.ts';

const folder = temporaryFolder();
const disk = join(folder.path, 'disk');
const cache = join(disk, 'cache');
mkdirSync(disk);

/** A disk of 32 MB in memory, for which one has to be root. */
function mountSmallDisk(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return skipLoudly('a small disk cannot be mounted; run as root where mounting is allowed');
  }
}

const mounted = mountSmallDisk();

afterAll(() => {
  if (mounted) execFileSync('umount', ['-l', disk]);
  folder[Symbol.dispose]();
});

/** Takes all the room that is left. */
function fillDisk(): void {
  const filler = join(disk, `filler-${readdirSync(disk).length}`);
  for (let bytes = 1 << 20; bytes >= 1; bytes >>= 1) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: 'a' });
    } catch {
      // No room for so much.
    }
  }
}

const start = () =>
  startModelship(join(root, 'models', 'digits'), { args: ['--cache-dir', cache] });

const fromCache = ({ stderr }: Modelship): string[] =>
  [...stderr.matchAll(/"fromCache":(true|false)/g)].map(([, value = '']) => value);

async function expectAnswer({ url }: Modelship): Promise<void> {
  const { json } = await post(`${url}/predict`, readDigit('8.jpg'));
  expect(json.predictions[0].label).toBe('8');
}

test.runIf(mounted)(
  'it serves without a copy, its runners are replaced, and with room again the next start makes one',
  async () => {
    mkdirSync(cache, { mode: 0o700 });
    fillDisk();
    {
      await using server = await start();
      expect(fromCache(server)).toEqual(['false']);
      await expectAnswer(server);
      signalAll(runnersOf(server.pid), 'SIGKILL');
      await expectAnswer(server);
    }
    for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
    mkdirSync(cache, { mode: 0o700 });
    {
      await using server = await start();
      await expectAnswer(server);
    }
    await using server = await start();
    expect(fromCache(server)).toEqual(['true']);
  },
);

test.runIf(mounted)('a disk that fills up under a server costs it nothing', async () => {
  await using server = await start();
  fillDisk();
  const old = runnersOf(server.pid);
  signalAll(old, 'SIGKILL');
  await expectAnswer(server);
  await waitUntil(
    'it is ready',
    async () => (await request(`${server.url}/readyz`)).status === 200,
  );
  const models = join(cache, 'models');
  expect(readdirSync(models).filter((name) => name.startsWith('.'))).toEqual([]);
});
