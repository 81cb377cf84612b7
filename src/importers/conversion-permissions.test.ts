import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { conversionPermissions } from './conversion-permissions.ts';
import { filesOfModel } from './converted-models.ts';

const root = mkdtempSync(join(tmpdir(), 'modelship-permissions-'));
const at = (...names: readonly string[]): string => join(root, ...names);
afterAll(() => rmSync(root, { recursive: true, force: true }));

function write(...names: readonly string[]): void {
  mkdirSync(at(...names, '..'), { recursive: true });
  writeFileSync(at(...names), 'x');
}

/** Which of these a process with such permissions can do. */
const script = `
  const fs = require('node:fs');
  const can = (work) => { try { work(); return true; } catch (error) { return error.code; } };
  const { read, list, write } = JSON.parse(process.argv[1]);
  process.stdout.write(JSON.stringify({
    read: read.filter((path) => can(() => fs.readFileSync(path)) === true),
    list: list.filter((path) => can(() => fs.readdirSync(path)) === true),
    write: write.filter((path) => can(() => fs.writeFileSync(path, '')) === true),
    others: [
      can(() => require('node:child_process').execFileSync('true')),
      can(() => new (require('node:worker_threads').Worker)('0', { eval: true })),
      can(() => fs.symlinkSync('/etc/passwd', write[0] + '-link')),
    ],
  }));
`;

test.each(['gan', 'gan/saved_model.pb'])(
  'a conversion of %s reads its files beside a cache whose name begins with its folder, and no others',
  (model) => {
    const result = at('gan-cache', 'models', '.new');
    for (const name of ['variables.index', 'variables.data-00000-of-00001', 'secret'])
      write('gan', 'variables', name);
    for (const path of ['gan/saved_model.pb', 'gan/secret', 'gan-secret', 'gan-cache/models/other'])
      write(path);
    mkdirSync(result, { recursive: true });
    const files = filesOfModel(at(model));
    const read = [
      ...files,
      ...['gan/secret', 'gan/variables/secret', 'gan-secret', 'gan-cache/models/other'].map((one) =>
        at(one),
      ),
      '/etc/passwd',
    ];
    const list = ['.', 'gan', 'gan/variables', 'gan-cache', 'gan-cache/models'].map((one) =>
      at(one),
    );
    const written = [
      join(result, 'model.onnx'),
      at('gan-cache', 'new'),
      at('gan', 'saved_model.pb'),
      at('new'),
    ];
    const done = JSON.parse(
      execFileSync(
        process.execPath,
        [
          ...conversionPermissions(files, result),
          '-e',
          script,
          JSON.stringify({ read, list, write: written }),
        ],
        { encoding: 'utf8' },
      ),
    );
    expect(files).toHaveLength(3);
    expect(done).toMatchObject({
      read: files,
      list: [],
      write: [join(result, 'model.onnx')],
      others: ['ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED'],
    });
  },
);
