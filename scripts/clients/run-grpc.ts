/**
 * Starts a server with the test models and lets the real gRPC clients at it:
 *
 *   tools/node24 scripts/clients/run-grpc.ts PYTHON triton|tensorflow|descriptors
 */

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDTypes } from '../../test/models/identity.ts';
import { writeTestModel } from '../../test/models/test-models.ts';

const [python = 'python3', which = 'triton'] = process.argv.slice(2);
const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'modelship-clients-'));
for (const dtype of identityDTypes) {
  writeTestModel(folder, `identity-${dtype.toLowerCase()}` as 'identity-fp32');
}
for (const name of ['simple', 'half-plus-two', 'slow'] as const) writeTestModel(folder, name);
const yaml = join(folder, 'digits', 'model.yaml');
cpSync(join(root, 'models', 'digits'), join(folder, 'digits'), { recursive: true });
writeFileSync(yaml, readFileSync(yaml, 'utf8').replace(/^samples:.*$/m, ''));

const args = ['serve', folder, '--port', '0', '--grpc-port', '0', '--instances', '1'];
const server = spawn(join(root, 'bin', 'modelship'), [...args, '--log-level', 'warn'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const address = await new Promise<string>((resolve, reject) => {
  let text = '';
  server.once('exit', () => reject(new Error(text)));
  server.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    const [, found] = /gRPC on (\S+)\n/.exec(text) ?? [];
    if (found && /in a browser/.test(text)) resolve(found);
  });
});
const script = join(import.meta.dirname, 'grpc_clients.py');
const { status } = spawnSync(python, [script, which, address], { stdio: 'inherit', cwd: root });
server.removeAllListeners('exit');
server.kill('SIGTERM');
server.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(status ?? 1);
});
