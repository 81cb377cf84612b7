/** The README is true: its blocks run, its answers are what comes, its links lead somewhere. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseModelYaml } from '../src/config/model-yaml.ts';
import { errorCatalogue } from '../src/errors.ts';
import { type RunningCommand, startCommand } from './support/command.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

interface Block {
  readonly language: string;
  readonly text: string;
}

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
}

const blocks = blocksOf(readme);
const shellBlocks = blocks
  .filter(({ language }) => language === 'sh')
  .map(({ text }) => text.trim());
/** Run by test/install.test.ts in a clone of its own. */
const install = 'npm ci && npm start';

describe('the README', () => {
  let server: RunningCommand;

  beforeAll(async () => {
    server = await startCommand(join(root, 'bin', 'modelship'), ['serve'], { cwd: root });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function shell(text: string): Promise<string> {
    const { host } = new URL(server.url);
    const { stdout } = await run('sh', ['-ec', text.replaceAll('localhost:8080', host)], {
      cwd: root,
    });
    return stdout;
  }

  test('begins with the two commands', () => {
    expect(shellBlocks[0]).toBe(install);
    expect(readme).toContain('`npm ci && npm test`');
  });

  test.each(shellBlocks.filter((text) => text !== install))('%s', async (text) => {
    const answer = await shell(text);
    expect(answer).not.toBe('');
    expect(answer).not.toContain('"success":false');
  });

  test('prints the answer that its first request gets', async () => {
    const { text = '' } = blocks.find(({ language }) => language === 'json') ?? {};
    const printed = JSON.parse(text) as { predictions: { label: string }[] };
    const answered = JSON.parse(await shell(shellBlocks[1] ?? '')) as typeof printed;
    expect(Object.keys(answered)).toEqual(Object.keys(printed));
    expect(answered.predictions.length).toBe(printed.predictions.length);
    expect(answered.predictions[0]?.label).toBe(printed.predictions[0]?.label);
  });
});

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/model-yaml.md',
  'docs/errors.md',
  'docs/metrics.md',
  'docs/protocols.md',
  'docs/tensors.md',
  'docs/architecture/README.md',
  'examples/keras-resnet50/README.md',
];

test.each(documents)('the links of %s lead somewhere', (file) => {
  const text = readFileSync(join(root, file), 'utf8');
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => target);
  expect(targets.filter((target) => !existsSync(join(root, file, '..', target)))).toEqual([]);
});

test.each(['README.md', 'docs/model-yaml.md'])('the model.yaml of %s is valid', (file) => {
  const yaml = blocksOf(readFileSync(join(root, file), 'utf8')).filter(
    ({ language }) => language === 'yaml',
  );
  expect(yaml.length).toBeGreaterThan(0);
  for (const { text } of yaml) expect(() => parseModelYaml(text, file)).not.toThrow();
});

test('docs/errors.md lists every code with its kind, and no other', () => {
  const text = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `([A-Z0-9_]+)` \| ([a-z-]+) \|/gm)].map(
    ([, code = '', kind = '']) => [code, kind],
  );
  const catalogue = Object.entries(errorCatalogue).map(([code, { kind }]) => [code, kind]);
  expect(new Map(listed as [string, string][])).toEqual(new Map(catalogue as [string, string][]));
});
