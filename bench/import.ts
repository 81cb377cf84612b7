/**
 * Converting the ResNet50 that Keras saved as .keras, as .h5 and through export(), against copying the same file;
 * and running the result, against the file that tf2onnx makes of the same model. Interleaved pairs, medians. The
 * files are made once, by Python with the versions that peers/save_resnet50.py names:
 *
 *     MODELSHIP_PYTHON=venv/bin/python npm run bench -- import
 *
 * The conversion runs in a process of its own, as it always does; its memory is what that process had at
 * most, and the start of the process is counted apart.
 */

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { ConversionReport } from '../src/importers/convert-model.ts';
import { filesOfModel } from '../src/importers/converted-models.ts';
import { median } from './support/server.ts';

const pairs = 11;
const models = join(import.meta.dirname, '.models/keras');
const recorder = join(import.meta.dirname, 'peers/save_resnet50.py');
const converter = join(import.meta.dirname, '../dist/processes/converter.js');

/** The report of one conversion, and the whole time of its process in milliseconds. */
function convert(path: string, folder: string): { report: ConversionReport; processMs: number } {
  const started = performance.now();
  const order = JSON.stringify({ path, options: {}, folder });
  const args = [converter, order, String(process.pid)];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const outcome = JSON.parse(stdout) as { ok: boolean; result: ConversionReport };
  if (!outcome.ok) throw new Error(stdout);
  return { report: outcome.result, processMs: performance.now() - started };
}

/** Milliseconds to read a file and write it again, a megabyte at a time. */
function copy(from: string, to: string): number {
  const started = performance.now();
  const [input, output] = [openSync(from, 'r'), openSync(to, 'w')];
  const buffer = new Uint8Array(2 ** 20);
  for (let count = readSync(input, buffer); count > 0; count = readSync(input, buffer)) {
    writeSync(output, buffer, 0, count);
  }
  closeSync(input);
  closeSync(output);
  return performance.now() - started;
}

/** The median and the least: what others do on the machine only adds. */
const both = (values: readonly number[]): string =>
  `${median(values).toFixed(0)} ms (best ${Math.min(...values).toFixed(0)})`;

function benchConversion(path: string, folder: string): void {
  const files = filesOfModel(path);
  const size = files.reduce((sum, file) => sum + statSync(file).size, 0);
  // Of a SavedModel, its weights.
  const largest = files.toSorted((a, b) => statSync(b).size - statSync(a).size)[0] as string;
  convert(path, folder);
  const runs = Array.from({ length: pairs }, () => ({
    ...convert(path, folder),
    copyMs: copy(largest, join(folder, 'copy')),
  }));
  const ratio = median(runs.map(({ report, copyMs }) => report.milliseconds / copyMs));
  const peak = Math.max(...runs.map(({ report }) => report.peakBytes));
  console.log(`${basename(path)}, ${(size / 2 ** 20).toFixed(0)} MB, ${pairs} pairs`);
  const times = both(runs.map(({ report }) => report.milliseconds));
  console.log(`  conversion ${times}, ${ratio.toFixed(1)} times a copy of the file`);
  const cpu = both(runs.map(({ report }) => report.cpuMilliseconds));
  console.log(`  processor ${cpu} with the start of its process`);
  const whole = both(runs.map(({ processMs }) => processMs));
  console.log(`  with its process ${whole}, at most ${(peak / 2 ** 20).toFixed(0)} MB of memory`);
}

async function open(path: string): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(path, {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
}

async function time(session: ort.InferenceSession, shape: readonly number[]): Promise<number> {
  const data = new Float32Array(shape.reduce((count, size) => count * size, 1)).fill(0.5);
  const feeds = { [session.inputNames[0] as string]: new ort.Tensor('float32', data, shape) };
  const started = performance.now();
  await session.run(feeds);
  return performance.now() - started;
}

async function benchRun(ours: string, theirs: string): Promise<void> {
  const [a, b] = [await open(ours), await open(theirs)];
  const shape = [1, 224, 224, 3];
  await time(a, shape);
  await time(b, shape);
  const runs: [number, number][] = [];
  for (let i = 0; i < 2 * pairs; i += 1) {
    // Which of them comes first changes from pair to pair.
    const first = i % 2 === 0;
    const one = await time(first ? a : b, shape);
    const two = await time(first ? b : a, shape);
    runs.push(first ? [one, two] : [two, one]);
  }
  await a.release();
  await b.release();
  const [own, other] = [runs.map(([x]) => x), runs.map(([, y]) => y)];
  const ratio = median(runs.map(([x, y]) => x / y));
  const best = Math.min(...own) / Math.min(...other);
  console.log(
    `  run ${both(own)}, tf2onnx ${both(other)}, ratio ${ratio.toFixed(3)} (of the best ${best.toFixed(3)}), ${runs.length} pairs`,
  );
}

/** Makes the files if they are not there; false where Python is not. */
function findModels(): boolean {
  if (existsSync(join(models, 'resnet50.onnx'))) return true;
  const python = process.env.MODELSHIP_PYTHON;
  if (python === undefined) return false;
  mkdirSync(models, { recursive: true });
  const { status } = spawnSync(python, [recorder, models], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`${recorder} failed`);
  return true;
}

if (!findModels()) {
  console.log('skipped: MODELSHIP_PYTHON names no Python with Keras, which makes the files');
} else {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-import-'));
  try {
    for (const name of ['resnet50.keras', 'resnet50.h5', 'resnet50']) {
      benchConversion(join(models, name), folder);
      await benchRun(join(folder, 'model.onnx'), join(models, 'resnet50.onnx'));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
