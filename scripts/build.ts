/**
 * Compiles src/ to dist/ with tsc and copies the browser page beside it.
 * `--if-needed` does nothing when dist/ is newer than every source (what `npm start` and `npm test` call,
 * so that a checkout installed with --ignore-scripts works too).
 */

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const stamp = join(root, 'dist', '.built');

function newestSource(): number {
  let newest = 0;
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile())
      newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

function isBuilt(): boolean {
  return existsSync(stamp) && statSync(stamp).mtimeMs >= newestSource();
}

function build(): void {
  // Written afresh, so that a file removed from src/ does not live on in dist/.
  const started = new Date();
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const done = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  });
  if (done.status !== 0) process.exit(done.status ?? 1);
  for (const folder of ['web', 'importers/keras/architectures'])
    cpSync(join(root, 'src', folder), join(root, 'dist', folder), { recursive: true });
  writeFileSync(stamp, '');
  utimesSync(stamp, started, started);
}

if (!process.argv.includes('--if-needed') || !isBuilt()) build();
