/**
 * Starts a server with the models that open-inference-rest.py asks, and runs that with a Python that has
 * `tritonclient[http]` and `kserve`.
 *
 *   tools/node24 scripts/clients/open-inference-rest.ts PYTHON [--record FOLDER]
 *
 * With --record the bytes of some of its requests are kept, as test/fixtures/open-inference/ has them.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstAnswer, startServer } from '../../bench/support/server.ts';
import { identityDTypes } from '../../test/models/identity.ts';
import type { TestModelName } from '../../test/models/test-models.ts';
import { writeTestModel } from '../../test/models/test-models.ts';
import { startRecorder } from './record-proxy.ts';

const [python = 'python3', option, recordFolder] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'modelship-clients-'));
const names = identityDTypes.map((dtype) => `identity-${dtype.toLowerCase()}` as TestModelName);
for (const name of [...names, 'simple', 'half-plus-two', 'mlp'] as const)
  writeTestModel(join(folder, 'models'), name);
const labels = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
writeFileSync(
  join(folder, 'models', 'mlp', 'model.yaml'),
  `output: {labels: [${labels.join(', ')}]}\n`,
);

const root = join(import.meta.dirname, '..', '..');
cpSync(join(root, 'models', 'digits'), join(folder, 'models', 'digits'), { recursive: true });
const options = ['--instances', '1', '--threads', '1', '--strict-ready'];
const server = await startServer([join(folder, 'models'), ...options], join(folder, 'cache'));
await firstAnswer(`${server.url}/readyz`, {}, 0);
const own = Number(new URL(server.url).port);
const port = option === '--record' && recordFolder ? await startRecorder(own, recordFolder) : own;
const client = spawn(
  python,
  [
    join(import.meta.dirname, 'open-inference-rest.py'),
    `127.0.0.1:${port}`,
    join(root, 'examples', 'digits'),
  ],
  { stdio: 'inherit' },
);
const [code] = (await once(client, 'exit')) as [number];
await server.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(code);
