import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { createConverter } from './converted-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'modelship-convert-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.runIf(process.platform === 'linux')(
  'the memory of a conversion is that of its own process, however large its parent is',
  async () => {
    const fixture = join(import.meta.dirname, '../../test/fixtures/keras/dense.keras.gz');
    const path = join(folder, 'dense.keras');
    writeFileSync(path, gunzipSync(readFileSync(fixture)));
    const parent = 600 * 2 ** 20;
    const held = new Uint8Array(parent).fill(1);
    using converter = createConverter({ cache: Promise.resolve(undefined), environment: {} });
    const { report } = await converter.convert(path);
    expect(held[0]).toBe(1);
    expect(report.peakBytes).toBeGreaterThan(2 ** 20);
    expect(report.peakBytes).toBeLessThan(parent);
  },
);
