/**
 * Converted copies of models in other formats: made in a process of their own, checked in the runtime,
 * kept in the cache by the content of the model's files. What fails leaves nothing behind.
 *
 * Does not own: how a format is read (the importers), what is done with the copy.
 */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelCache } from '../cache/model-cache.ts';
import { ServingError } from '../errors.ts';
import { conversionPermissions } from './conversion-permissions.ts';
import type { ConversionReport, SignatureReport } from './convert-model.ts';
import { convertedName, reportName } from './convert-model.ts';
import type { ImportOptions, NamedValue } from './importer.ts';
import { importerVersion } from './importer.ts';
import { findImporter } from './importers.ts';
import { runOneShot } from './one-shot-process.ts';
import { withPath } from './problems.ts';
import { createTurns } from './turns.ts';

/** What the check found; the same as the verifier's report, which another folder owns. */
export interface CheckReport {
  readonly problem?: string;
  readonly notes: readonly string[];
  readonly difference: number;
  readonly expectedError?: number;
  readonly milliseconds: number;
}

export interface ConvertedModel {
  /** The ONNX file of the signature that is served. */
  readonly file: string;
  readonly report: ConversionReport;
  /** Undefined for a copy that was checked when it was made. */
  readonly check: CheckReport | undefined;
  readonly fromCache: boolean;
}

export interface ConverterOptions {
  readonly cache: Promise<ModelCache | undefined>;
  /** The whole environment of the processes. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Those who wait for a conversion. */
export interface ConversionWatch {
  readonly signal?: AbortSignal | undefined;
  /** What is being done now, where there is no copy yet: `converting`. */
  readonly onPhase?: ((phase: ConversionPhase) => void) | undefined;
}

export type ConversionPhase =
  | 'waiting for another conversion'
  | 'converting'
  | 'checking the converted copy';

export interface Converter {
  /**
   * The converted copy of a model, held in the cache until it is released. One conversion at a time: each
   * may take much memory. Throws what the importer says of the model, IMPORT_FAILED and
   * IMPORT_CHECK_FAILED.
   */
  convert(path: string, options?: ImportOptions, watch?: ConversionWatch): Promise<ConvertedModel>;
  /** The copy that `convert` gave is not used any more; to be called as often. */
  release(file: string): void;
  /**
   * The same into a folder that the caller owns, which is empty, as `name.onnx` and what lies beside it; `expected`
   * are two .npy files.
   */
  convertInto(
    to: { readonly folder: string; readonly name?: string },
    path: string,
    options?: ImportOptions,
    expected?: { readonly input: string; readonly output: string },
  ): Promise<ConvertedModel>;
  /** Releases all copies, and removes those that no cache holds. */
  [Symbol.dispose](): void;
}

/** Beyond the files themselves: the code, the graph and the largest tensor in two orders. */
const memoryBeyondFiles = 2 ** 30;
const minutes = 60_000;

/** The files that the model is made of. Throws IMPORT_FILE_INVALID for a link out of its folder. */
export function filesOfModel(path: string): readonly string[] {
  return withPath(path, () => findImporter(path)?.files?.(path) ?? [path]);
}

const bytesOf = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(file).size, 0);

interface CopyPlace {
  readonly folder: string;
  /** Where it is made, to be renamed. */
  readonly building: string;
  /** Keeps a copy that is there in the cache. */
  hold?(): Promise<() => void>;
  /** Marks it as used now; the oldest that nobody holds may go. */
  touch?(): void;
}

export function createConverter({ cache, environment }: ConverterOptions): Converter {
  const temporary: string[] = [];
  const holds = new Map<string, (() => void)[]>();
  const takeTurn = createTurns();

  async function runConversion(
    folder: string,
    path: string,
    options: ImportOptions,
    { signal, name }: { readonly signal?: AbortSignal | undefined; readonly name?: string } = {},
  ): Promise<ConversionReport> {
    const files = filesOfModel(path);
    const bytes = bytesOf(files);
    const result = await runOneShot({
      entry: 'converter',
      // Its folder cannot be read.
      order: { path: files[0] ?? path, options, folder, name },
      environment,
      nodeOptions: conversionPermissions(files, folder),
      maxBytes: memoryBeyondFiles + 2 * bytes,
      maxMs: Math.round(5 * minutes + (bytes / 2 ** 30) * minutes),
      signal,
      failure: (problem) => new ServingError('IMPORT_FAILED', { path, problem }),
    });
    return result as ConversionReport;
  }

  /** Every graph by the first of its signatures; what is told is of the first graph. */
  async function runCheck(
    folder: string,
    path: string,
    report: ConversionReport,
    signal?: AbortSignal,
    expected?: { readonly input: string; readonly output: string },
  ): Promise<CheckReport> {
    const byFile = Map.groupBy(report.signatures, ({ file }) => file);
    const [first, ...others] = [...byFile.values()].flatMap(([signature]) => signature ?? []);
    if (!first) throw new ServingError('IMPORT_FAILED', { path, problem: 'it has no signature' });
    const found = await checkGraph(folder, path, report, first, signal, expected);
    for (const other of others) await checkGraph(folder, path, report, other, signal);
    return found;
  }

  /** The graph of a signature. */
  async function checkGraph(
    folder: string,
    path: string,
    report: ConversionReport,
    signature: SignatureReport,
    signal?: AbortSignal,
    expected?: { readonly input: string; readonly output: string },
  ): Promise<CheckReport> {
    const fail = (problem: string): ServingError =>
      new ServingError('IMPORT_CHECK_FAILED', { path, problem });
    const specs = (values: typeof signature.inputs) => values.map(specInGraph);
    const result = (await runOneShot({
      entry: 'verifier',
      order: {
        path: join(folder, signature.file),
        inputs: specs(signature.inputs),
        outputs: specs(signature.outputs),
        expected,
      },
      environment,
      maxBytes: 4 * memoryBeyondFiles + 6 * report.weightBytes,
      maxMs: Math.round(10 * minutes),
      signal,
      failure: fail,
    })) as CheckReport;
    if (result.problem !== undefined) throw fail(result.problem);
    return result;
  }

  async function placeFor(path: string, options: ImportOptions): Promise<CopyPlace> {
    const held = await cache;
    if (!held) {
      const building = mkdtempSync(join(tmpdir(), 'modelship-import-'));
      temporary.push(building);
      return { folder: join(building, 'model'), building: join(building, 'new') };
    }
    const key = await held.keyOf(filesOfModel(path), [
      'import',
      importerVersion,
      JSON.stringify(options),
    ]);
    const place = held.placeOf(key);
    return {
      ...place,
      hold: () => held.hold(key),
      touch: () => void held.touch(key),
    };
  }

  /** Converts and checks, unless that was done by the time it is our turn. */
  async function make(
    { folder, building }: CopyPlace,
    path: string,
    options: ImportOptions,
    { signal, onPhase }: ConversionWatch,
  ): Promise<Pick<ConvertedModel, 'report' | 'check' | 'fromCache'>> {
    using _turn = await takeTurn(signal, () => onPhase?.('waiting for another conversion'));
    const known = readReport(folder);
    if (known) return { report: known, check: undefined, fromCache: true };
    mkdirSync(building, { recursive: true, mode: 0o700 });
    try {
      onPhase?.('converting');
      const report = await runConversion(building, path, options, { signal });
      onPhase?.('checking the converted copy');
      const check = await runCheck(building, path, report, signal);
      moveInto(building, folder);
      return { report, check, fromCache: false };
    } finally {
      rmSync(building, { recursive: true, force: true });
    }
  }

  async function hold({ hold, folder }: CopyPlace): Promise<void> {
    if (!hold) return;
    const file = join(folder, convertedName);
    const end = await hold();
    holds.set(file, [...(holds.get(file) ?? []), end]);
  }

  function release(file: string): void {
    const [first, ...rest] = holds.get(file) ?? [];
    if (rest.length > 0) holds.set(file, rest);
    else holds.delete(file);
    first?.();
  }

  return {
    async convert(path, options = {}, watch = {}) {
      const place = await placeFor(path, options);
      const file = join(place.folder, convertedName);
      await hold(place);
      try {
        const known = readReport(place.folder);
        if (known) return { file, report: known, check: undefined, fromCache: true };
        const made = await make(place, path, options, watch);
        // What other processes see of a hold lies in the folder, which is new.
        await hold(place);
        release(file);
        return { file, ...made };
      } catch (error) {
        release(file);
        throw error;
      } finally {
        place.touch?.();
      }
    },
    release,
    async convertInto({ folder, name }, path, options = {}, expected) {
      const named = name === undefined ? {} : { name };
      const report = await runConversion(folder, path, options, named);
      const check = await runCheck(folder, path, report, undefined, expected);
      const file = join(folder, report.signatures[0]?.file ?? convertedName);
      return { file, report, check, fromCache: false };
    },
    [Symbol.dispose]() {
      for (const all of holds.values()) for (const end of all) end();
      holds.clear();
      for (const folder of temporary) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As the graph has it: pixels in the place of encoded pictures. */
function specInGraph({ value, dtype, shape, picture }: NamedValue) {
  if (!picture) return { name: value, dtype, shape };
  const channels = picture.color === 'gray' ? 1 : 3;
  const rows = shape.length === 0 ? 1 : (shape[0] ?? null);
  return { name: value, dtype: 'UINT8', shape: [rows, null, null, channels] };
}

/** The report is written last: a folder with it is whole. */
function readReport(folder: string): ConversionReport | undefined {
  try {
    if (!existsSync(join(folder, convertedName))) return undefined;
    return JSON.parse(readFileSync(join(folder, reportName), 'utf8')) as ConversionReport;
  } catch {
    return undefined;
  }
}

/** Another process may have been first: its copy is as good. */
function moveInto(building: string, folder: string): void {
  if (readReport(folder)) return;
  rmSync(folder, { recursive: true, force: true });
  try {
    renameSync(building, folder);
  } catch (error) {
    if (!readReport(folder)) throw error;
  }
}
