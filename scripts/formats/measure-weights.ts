/**
 * Measures files of weights only: networks of keras.applications without a top, with one of ten classes, with
 * pooling and of other widths, each for pictures of another size. Their weights are saved by Keras in both
 * layouts; `modelship import --verify` converts the older one and compares it with Keras' own answer, and the
 * newer one has to become the same graph, byte for byte. By hand, after `npm run build`:
 *
 *     MODELSHIP_PYTHON=venv/bin/python tools/node24 scripts/formats/measure-weights.ts [NAME …]
 *
 * Adds to weights.jsonl, from which make-formats-doc.ts prints the summary. Without names it goes on with the
 * networks that are not there yet. One network is on the disk at a time, for a minute or two.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertedName, convertModel } from '../../src/importers/convert-model.ts';
import type { ConvertedModel } from '../../src/importers/converted-models.ts';
import type { Architecture } from '../../src/importers/importer.ts';
import { networks } from './rows.ts';
import type { WeightsRow } from './weights-rows.ts';
import { appendWeightsRow, readWeightsRows } from './weights-rows.ts';

/** What weights_only.py writes beside the files. */
interface Saved {
  readonly versions: { readonly keras: string; readonly tensorflow: string };
  readonly cases: readonly {
    readonly case: string;
    readonly architecture: Architecture;
    readonly parameters: number;
  }[];
}

const python = process.env.MODELSHIP_PYTHON ?? 'python3';
const root = join(import.meta.dirname, '../..');
const recorder = join(root, 'test/fixtures/keras/weights_only.py');

function run(command: string, ...args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (done.error) throw done.error;
  // An import that is off by more than the bound prints what it found all the same.
  if (done.status !== 0 && !done.stdout.startsWith('{')) {
    throw new Error(done.stderr.trim().split('\n').at(-1) ?? '');
  }
  return done.stdout;
}

function optionsOf({ name, inputShape, pooling, classifierActivation }: Architecture): string[] {
  return [
    ...['--architecture', name, '--input-shape', (inputShape ?? []).join('x')],
    ...(pooling ? ['--pooling', pooling] : []),
    ...(classifierActivation ? ['--classifier-activation', classifierActivation] : []),
  ];
}

function importOlder(base: string, architecture: Architecture): ConvertedModel {
  const files = ['-o', `${base}.onnx`, '--verify', `${base}.x.npy`, `${base}.y.npy`];
  const options = [...optionsOf(architecture), ...files, '--json'];
  return JSON.parse(run(join(root, 'bin/modelship'), 'import', `${base}.h5`, ...options));
}

function isSameGraph(base: string, architecture: Architecture): boolean {
  const folder = `${base}-new`;
  mkdirSync(folder);
  convertModel({ path: `${base}.weights.h5`, options: { architecture }, folder });
  return readFileSync(join(folder, convertedName)).equals(readFileSync(`${base}.onnx`));
}

function measureCase(
  folder: string,
  { versions }: Saved,
  one: Saved['cases'][number],
  name: string,
) {
  const { case: kind, architecture, parameters } = one;
  const base = join(folder, kind);
  const row: WeightsRow = { name, case: kind, versions, parameters, architecture };
  try {
    const { report, check } = importOlder(base, architecture);
    const sameGraph = isSameGraph(base, architecture);
    return { ...row, network: report.architecture, error: check?.expectedError, sameGraph };
  } catch (error) {
    return { ...row, refused: (error as Error).message.slice(0, 300) };
  }
}

function measure(name: string): WeightsRow[] {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-weights-'));
  try {
    run(python, recorder, folder, name);
    const saved = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Saved;
    return saved.cases.map((one) => measureCase(folder, saved, one, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const known = new Set(readWeightsRows().map(({ name }) => name));
const given = process.argv.slice(2);
for (const name of given.length > 0 ? given : networks.filter((one) => !known.has(one))) {
  for (const row of measure(name)) {
    console.log(JSON.stringify(row));
    appendWeightsRow(row);
  }
}
