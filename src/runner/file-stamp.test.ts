import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkUnchanged, stampOf } from './file-stamp.ts';

const folder = mkdtempSync(join(tmpdir(), 'modelship-stamp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a file that was written again, also with as many bytes, has changed', () => {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, 'one');
  const stamps = { [path]: stampOf(path) };
  expect(() => checkUnchanged(stamps)).not.toThrow();
  writeFileSync(path, 'two');
  expect(() => checkUnchanged(stamps)).toThrow(/model\.onnx has changed .* restart/);
  rmSync(path);
  expect(() => checkUnchanged(stamps)).toThrow(/ENOENT/);
});
