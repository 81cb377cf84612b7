/**
 * Converting a ResNet50 that Keras saved, against copying the same file; and running the result, against
 * the file that tf2onnx makes of the same model. Interleaved pairs, medians. The files come from outside:
 *
 *     MODELSHIP_KERAS=resnet50.keras MODELSHIP_TF2ONNX=resnet50.onnx node bench/import.ts
 *
 * The conversion runs in a process of its own, as it always does; its memory is what that process had at
 * most, and the start of the process is counted apart.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { ConversionReport } from '../src/importers/convert-model.ts';

const model = process.env.MODELSHIP_KERAS;
const reference = process.env.MODELSHIP_TF2ONNX;
const pairs = 11;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const converter = join(import.meta.dirname, '../dist/processes/converter.js');

/** The report of one conversion, and the whole time of its process in milliseconds. */
function convert(path: string, folder: string): { report: ConversionReport; processMs: number } {
  const started = performance.now();
  const order = JSON.stringify({ path, options: {}, folder });
  const { stdout } = spawnSync(process.execPath, [converter, order], { encoding: 'utf8' });
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

function benchConversion(path: string, folder: string): void {
  const size = statSync(path).size;
  convert(path, folder);
  const runs = Array.from({ length: pairs }, () => ({
    ...convert(path, folder),
    copyMs: copy(path, join(folder, 'copy')),
  }));
  const times = median(runs.map(({ report }) => report.milliseconds));
  const whole = median(runs.map(({ processMs }) => processMs));
  const cpu = median(runs.map(({ report }) => report.cpuMilliseconds));
  const ratio = median(runs.map(({ report, copyMs }) => report.milliseconds / copyMs));
  const peak = Math.max(...runs.map(({ report }) => report.peakBytes));
  console.log(`file ${(size / 2 ** 20).toFixed(0)} MB, ${pairs} pairs`);
  console.log(`  conversion ${times.toFixed(0)} ms, ${ratio.toFixed(1)} times a copy of the file`);
  console.log(`  processor ${cpu.toFixed(0)} ms with the start of its process`);
  console.log(
    `  with its process ${whole.toFixed(0)} ms, at most ${(peak / 2 ** 20).toFixed(0)} MB of memory`,
  );
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
  const ratio = median(runs.map(([x, y]) => x / y));
  const [x, y] = [median(runs.map(([own]) => own)), median(runs.map(([, other]) => other))];
  console.log(`  run ${x.toFixed(1)} ms, tf2onnx ${y.toFixed(1)} ms, ratio ${ratio.toFixed(3)}`);
}

if (model === undefined) {
  console.log('skipped: MODELSHIP_KERAS names no file; save one with keras.applications.ResNet50');
} else {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-import-'));
  try {
    benchConversion(model, folder);
    if (reference !== undefined) await benchRun(join(folder, 'model.onnx'), reference);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
