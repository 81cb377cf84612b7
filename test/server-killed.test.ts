/** kill -9 of the server in the middle of a run: nothing of it is left, and the next one starts. */

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { runnersOf, waitUntilGone } from './support/processes.ts';
import { endless, isAnswerTo, untilRunning, work } from './support/slow-model.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder.path, name);
writeModels(at('models'), 'slow');
for (const name of ['tmp', 'cwd', 'cache']) mkdirSync(at(name), { mode: 0o700 });
afterAll(() => folder[Symbol.dispose]());

const socketsBelow = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSocket() || entry.isFIFO())
    .map(({ name }) => name);

test('no runner after a moment, no socket file, and the same port serves again', async () => {
  const options = {
    cwd: at('cwd'),
    env: { TMPDIR: at('tmp'), MODELSHIP_CACHE_DIR: at('cache') },
    args: ['--instances', '2'],
  };
  await using server = await startModelship(at('models'), options);
  const lost = [1, 2, 3].map(() => work(server, endless).then(String, () => 'lost'));
  await untilRunning(server).catch(() => {});
  const runners = runnersOf(server.pid);
  expect(runners).toHaveLength(2);
  server.signal('SIGKILL');
  await server.ended;
  // Some 10 ms where the cores are free; the watchdog of a niced runner waits for its turn.
  await waitUntilGone(runners, 5000);
  expect(await Promise.all(lost)).toEqual(['lost', 'lost', 'lost']);
  expect(socketsBelow(folder.path)).toEqual([]);
  const { port } = server;
  await using next = await startModelship(at('models'), {
    ...options,
    args: ['--port', String(port)],
  });
  expect(next.port).toBe(port);
  expect(isAnswerTo(5, await work(next, 5))).toBe(true);
});
