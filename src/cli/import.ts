/**
 * `modelship import`: a model that a framework saved as an ONNX file, with what was found in it.
 */

import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { ServingError, visibleLine } from '../errors.ts';
import { reportName } from '../importers/convert-model.ts';
import type { ConvertedModel } from '../importers/converted-models.ts';
import { createConverter } from '../importers/converted-models.ts';
import type { Architecture, Finding, NamedValue } from '../importers/importer.ts';
import { exitCodes } from './exit-codes.ts';
import { cacheFolder, runnerEnvironment } from './places.ts';
import type { Output } from './terminal.ts';
import { bold, formatBytes, table } from './terminal.ts';

export interface ImportCommand {
  readonly path: string;
  readonly out?: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
  /** Two .npy files: an input, and the output that the framework gives for it. */
  readonly verify?: readonly string[] | undefined;
  readonly signature?: string | undefined;
  /** For files that hold weights only. */
  readonly architecture?: Architecture | undefined;
}

/** Of the expected output's standard deviation: more than this is another model. */
const verifyBound = 1e-4;

function placeOfResult({ path, out }: ImportCommand): string {
  if (out !== undefined) return resolve(out);
  const full = resolve(path);
  const stem = basename(full, extname(full));
  return join(dirname(full), `${stem}.onnx`);
}

const describeShape = (shape: NamedValue['shape']): string =>
  `[${shape.map((dim) => dim ?? '?').join(', ')}]`;

const values = (all: readonly NamedValue[]): string[] =>
  table(
    all.map(({ name, dtype, shape }) => [`    ${visibleLine(name)}`, dtype, describeShape(shape)]),
  );

const describeFinding = ({ kind, place, what }: Finding): string =>
  `  ${kind.padEnd(10)}  ${place === '' ? '' : `${place}: `}${what}`;

interface Places {
  /** The graph of the first signature. */
  readonly place: string;
  /** Graphs of other signatures, and weights in files of their own. */
  readonly beside: readonly string[];
}

function print({ report, check }: ConvertedModel, places: Places, output: Output): void {
  const { place, beside } = places;
  output.print(bold(place, output));
  for (const path of beside) output.print(`  beside it   ${path}`);
  output.print(`  from        ${[report.format, report.producer].filter(Boolean).join(', ')}`);
  if (report.architecture) output.print(`  network     ${report.architecture}`);
  output.print(`  weights     ${formatBytes(report.weightBytes)}`);
  output.print(`  nodes       ${report.nodes}`);
  const first = report.signatures[0]?.file;
  for (const { name, file, inputs, outputs } of report.signatures) {
    output.print(`  signature   ${visibleLine(name)}${file === first ? '' : `, in ${file}`}`);
    for (const line of [...values(inputs), '    →', ...values(outputs)]) output.print(line);
  }
  for (const finding of report.findings) output.print(describeFinding(finding));
  output.print(
    `  converted   in ${report.milliseconds.toFixed(0)} ms, ${formatBytes(report.peakBytes)} of memory`,
  );
  if (!check) return;
  output.print(
    `  checked     in ${check.milliseconds.toFixed(0)} ms on zeros and noise; optimised and not differ by ${check.difference.toExponential(1)} σ`,
  );
  for (const note of check.notes) output.print(`  note        ${note}`);
  if (check.expectedError !== undefined) {
    const distance = `${check.expectedError.toExponential(1)} σ from the expected output`;
    output.print(
      check.expectedError <= verifyBound
        ? `  verified    ${distance}`
        : `  NOT THE SAME  ${distance}, more than ${verifyBound.toExponential(0)}: the file was written, do not use it`,
    );
  }
}

/**
 * Moves the graphs and their data beside the place; the first graph is the place itself. Gives where they are.
 * Throws FILE_EXISTS, and then has moved nothing.
 */
function moveResult(folder: string, first: string, place: string, force: boolean): string[] {
  const moves = readdirSync(folder)
    .filter((name) => name !== reportName)
    .sort((a, b) => Number(b === first) - Number(a === first) || (a < b ? -1 : 1))
    // External data is named inside of the graph.
    .map((name) => ({ name, to: name === first ? place : join(dirname(place), name) }));
  for (const { to } of moves) refuseExisting(to, force);
  for (const { name, to } of moves) renameSync(join(folder, name), to);
  return moves.map(({ to }) => to);
}

function refuseExisting(place: string, force: boolean): void {
  if (!force && existsSync(place)) {
    throw new ServingError('FILE_EXISTS', { path: place, option: '--force' });
  }
}

/** Returns the exit code: 0, or that of a model which `--verify` found to be another. */
export async function importModel(
  command: ImportCommand,
  settings: Pick<Settings, 'cacheDir'>,
  output: Output,
): Promise<number> {
  const place = placeOfResult(command);
  refuseExisting(place, command.force);
  const [input, expected] = command.verify ?? [];
  using converter = createConverter({
    cache: Promise.resolve(undefined),
    environment: runnerEnvironment(cacheFolder(settings.cacheDir)),
  });
  const folder = mkdtempSync(join(dirname(place), '.modelship-import-'));
  try {
    const name = basename(place, '.onnx');
    const converted = await converter.convertInto(
      { folder, name },
      resolve(command.path),
      { signature: command.signature, architecture: command.architecture },
      input !== undefined && expected !== undefined
        ? { input: resolve(input), output: resolve(expected) }
        : undefined,
    );
    const first = basename(converted.file);
    const [, ...beside] = moveResult(folder, first, place, command.force);
    if (command.json) output.print(JSON.stringify({ ...converted, file: place, beside }, null, 2));
    else print(converted, { place, beside }, output);
    const error = converted.check?.expectedError ?? 0;
    return error <= verifyBound ? exitCodes.done : exitCodes.model;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
