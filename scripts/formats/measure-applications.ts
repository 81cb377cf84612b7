/**
 * Measures keras.applications: each network, saved by Keras in three ways, is converted as `modelship import`
 * does it and compared with the answers of the reloaded files, and with those in double precision. By hand:
 *
 *     MODELSHIP_PYTHON=venv/bin/python tools/node24 scripts/formats/measure-applications.ts [--full] [NAME …]
 *
 * Adds to applications.jsonl, from which make-formats-doc.ts prints the table. Without names it goes on with the
 * networks that are not there yet; networks that are named are measured again. One network is on the disk at a
 * time. Small pictures take a minute a network and 4 GB of memory; `--full` is up to 600 pixels a side.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { median } from '../../bench/support/server.ts';
import type { ConversionReport } from '../../src/importers/convert-model.ts';
import type { ConvertedModel } from '../../src/importers/converted-models.ts';
import { createConverter } from '../../src/importers/converted-models.ts';
import { runOneShot } from '../../src/importers/one-shot-process.ts';
import { readOnnxModel } from '../../src/onnx/read-model.ts';
import type { Recorded } from '../../test/importers/recorded.ts';
import {
  answersOf,
  errorOf,
  feedsFor,
  readRecorded,
  unpack,
} from '../../test/importers/recorded.ts';
import { sessionOptions } from '../../test/models/run.ts';
import type { Format, Row, Size } from './rows.ts';
import { appendRow, formats, networks, readRows } from './rows.ts';

/** What applications.py writes beside a file. */
interface Saved extends Recorded {
  readonly versions: { readonly keras: string; readonly tensorflow: string };
  readonly parameters: number;
  readonly notReloaded?: string;
}

interface Converted {
  readonly row: Row;
  readonly model: ConvertedModel;
  readonly saved: Saved;
}

const python = process.env.MODELSHIP_PYTHON ?? 'python3';
const recorder = join(import.meta.dirname, '../../test/fixtures/keras/applications.py');
const runs = 11;
const conversions = 3;
/** Formats whose graphs differ: .h5 becomes the same one as .keras. */
const timed: readonly Format[] = ['keras', 'export'];

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 200);

/** Bytes of a file, or of all files in a folder. */
function bytesIn(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

const tensorOf = (recorded: Recorded) => unpack(recorded.outputs[0] as Recorded['outputs'][0]);

/** The fastest of some more conversions: what others do on the machine only adds. */
async function fastest(path: string, into: string, first: number): Promise<number> {
  const times = [first];
  for (let run = 1; run < conversions; run += 1) {
    const report = (await runOneShot({
      entry: 'converter',
      order: { path, options: {}, folder: into },
      environment: {},
      maxBytes: Number.POSITIVE_INFINITY,
      maxMs: 600_000,
      failure: (problem) => new Error(problem),
    })) as ConversionReport;
    times.push(report.milliseconds);
  }
  return Math.min(...times);
}

async function measureFormat(base: Row, path: string, folder: string): Promise<Converted | Row> {
  const saved = readRecorded(`${path}.json`) as Saved;
  const double = tensorOf(readRecorded(join(folder, `${base.name}.float64.json`)));
  const { versions, parameters, notReloaded } = saved;
  const known: Row = {
    ...base,
    versions,
    parameters,
    pixels: saved.inputs[0]?.shape[1] as number,
    megabytes: bytesIn(path) / 2 ** 20,
    ...(notReloaded === undefined ? {} : { notReloaded }),
  };
  const into = join(folder, `converted-${base.format}`);
  mkdirSync(into);
  using converter = createConverter({ cache: Promise.resolve(undefined), environment: {} });
  try {
    const model = await converter.convertInto({ folder: into }, path);
    const [signature] = model.report.signatures;
    if (!signature) throw new Error('no signature');
    const answers = await answersOf(model.file, signature, saved);
    const farthest = (from: ReturnType<typeof tensorOf>): number =>
      Math.max(...answers.map(({ outputs }) => errorOf(outputs[0]?.data as Float32Array, from)));
    const transposes = readOnnxModel(model.file).ops.find(({ op }) => op === 'Transpose');
    const row = {
      ...known,
      error: farthest(tensorOf(saved)),
      oursToDouble: farthest(double),
      theirsToDouble: errorOf(tensorOf(saved), double),
      convertMs: await fastest(path, into, model.report.milliseconds),
      peakMegabytes: model.report.peakBytes / 2 ** 20,
      transposes: transposes?.count ?? 0,
    };
    return { row, model, saved };
  } catch (error) {
    return { ...known, refused: messageOf(error) };
  }
}

/** Milliseconds of the same run of each model, taken in turns. */
async function timeRuns(models: readonly Converted[]): Promise<number[]> {
  const opened = await Promise.all(
    models.map(async ({ model, saved }) => ({
      session: await ort.InferenceSession.create(model.file, sessionOptions),
      feeds: feedsFor(model.report.signatures[0] as (typeof model.report.signatures)[0], saved),
      times: [] as number[],
    })),
  );
  for (let run = 0; run <= runs; run += 1) {
    for (const { session, feeds, times } of opened) {
      const started = performance.now();
      await session.run(feeds);
      // The first run makes room.
      if (run > 0) times.push(performance.now() - started);
    }
  }
  for (const { session } of opened) await session.release();
  return opened.map(({ times }) => median(times));
}

async function measure(name: string, size: Size): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-formats-'));
  try {
    const made = spawnSync(python, [recorder, folder, name, size], { encoding: 'utf8' });
    if (made.error) throw made.error;
    if (made.status !== 0) {
      const why = made.stderr.trim().split('\n').at(-1) ?? '';
      const refused = `Keras itself: ${why.slice(0, 160)}`;
      return formats.map((format) => ({ name, size, format, refused }));
    }
    const all: (Converted | Row)[] = [];
    for (const format of formats) {
      const path = join(folder, format === 'export' ? name : `${name}.${format}`);
      all.push(await measureFormat({ name, size, format }, path, folder));
    }
    const ready = all.filter((one) => 'row' in one);
    const raced = ready.filter(({ row }) => timed.includes(row.format));
    const times = await timeRuns(raced);
    return all.map((one) => {
      if (!('row' in one)) return one;
      const place = raced.indexOf(one);
      return place === -1 ? one.row : { ...one.row, runMs: times[place] as number };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values, positionals } = parseArgs({
  options: { full: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const size: Size = values.full ? 'full' : 'small';
const known = readRows();
const isKnown = (name: string): boolean =>
  known.some((row) => row.name === name && row.size === size);
const wanted = positionals.length > 0 ? positionals : networks.filter((name) => !isKnown(name));
for (const name of wanted) {
  for (const row of await measure(name, size)) {
    console.log(JSON.stringify(row));
    appendRow(row);
  }
}
