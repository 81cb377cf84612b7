/**
 * Converts one model into a folder: `model.onnx` for the signature that is served, with its weights beside
 * it when they are large, and `import.json` with what was found. Runs in a process of its own.
 */

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { messageOf, ServingError, visibleLine } from '../errors.ts';
import { withFileSource } from '../onnx/byte-source.ts';
import type { GraphData } from '../onnx/graph-data.ts';
import { isStrings } from '../onnx/graph-data.ts';
import { sniff, sniffBytes } from '../onnx/sniff.ts';
import { writeOnnxModel } from '../onnx/write-model.ts';
import type { Finding, ImportedModel, ImportOptions, NamedValue } from './importer.ts';
import { findImporter, importedFormats } from './importers.ts';
import { withPath } from './problems.ts';

export interface ConversionOrder {
  readonly path: string;
  readonly options: ImportOptions;
  /** An empty folder for the result. */
  readonly folder: string;
  /** What its files are called, without an ending; `model` if left out. */
  readonly name?: string | undefined;
}

/** What is known of a signature without its graph. */
export interface SignatureReport {
  readonly name: string;
  readonly inputs: readonly NamedValue[];
  readonly outputs: readonly NamedValue[];
  /** Its graph, in the folder of the conversion. */
  readonly file: string;
}

export interface ConversionReport {
  readonly format: string;
  readonly producer: string;
  /** Which network was taken for a file that has weights only, in words. */
  readonly architecture?: string | undefined;
  readonly findings: readonly Finding[];
  readonly signatures: readonly SignatureReport[];
  readonly weightBytes: number;
  readonly nodes: number;
  readonly milliseconds: number;
  /** Of the processor, by the whole process: less than that on a machine with much to do. */
  readonly cpuMilliseconds: number;
  /** The most memory that the process ever had, in bytes. */
  readonly peakBytes: number;
}

const usualName = 'model';
/** The graph of the first signature. */
export const convertedName = `${usualName}.onnx`;
export const reportName = 'import.json';

/** What Linux knows of this process; the conversion may read it besides the model. */
export const statusFile = '/proc/self/status';

/** A protobuf message may have 2 GiB; well below it the weights go to a file of their own. */
const largeModel = 2 ** 30;

/**
 * `checkWanted` is called before anything that takes long, and ends the conversion by throwing. Throws ServingError:
 * what is wrong with the model, or that it is none.
 */
export function convertModel(
  { path, options, folder, name = usualName }: ConversionOrder,
  checkWanted: () => void = () => {},
): ConversionReport {
  checkWanted();
  const started = performance.now();
  const importer = withPath(path, () => findImporter(path));
  if (!importer) {
    throw new ServingError('IMPORT_FILE_INVALID', {
      path,
      place: '',
      problem: `${whatIs(path)}; these formats are converted: ${importedFormats}`,
    });
  }
  using model = importer.open(path, options);
  const signatures = withPath(path, () => writeSignatures(model, join(folder, name), checkWanted));
  const [first] = model.signatures;
  const report: ConversionReport = {
    format: model.format,
    producer: model.producer,
    architecture: model.architecture,
    findings: model.findings.map(visibleFinding),
    signatures,
    weightBytes: first ? weightBytesOf(first.graph) : 0,
    nodes: first?.graph.nodes.length ?? 0,
    milliseconds: performance.now() - started,
    cpuMilliseconds: cpuMilliseconds(),
    peakBytes: peakBytes(),
  };
  writeFileSync(join(folder, reportName), JSON.stringify(report));
  return report;
}

const visibleFinding = ({ kind, place, what }: Finding): Finding => ({
  kind,
  place: visibleLine(place),
  what: visibleLine(what),
});

/** What a file of no known format looks like. */
function whatIs(path: string): string {
  if (statSync(path).isDirectory()) return 'it is a folder without a model';
  return withFileSource(path, (source) => {
    if (source.length === 0) return 'the file is empty (0 bytes)';
    const head = new Uint8Array(Math.min(sniffBytes, source.length));
    source.read(0, head);
    return `at byte 0 it looks like ${sniff(head) ?? 'nothing that is known'}`;
  });
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Linux counts into `maxRSS` what the parent had when it started this process; it does not into VmHWM, which
 * other platforms do not have.
 */
function peakBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(statusFile, 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // No such file here, or not allowed to be read.
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Each graph once: `base.onnx`, then `base-1.onnx`, `base-2.onnx`, … */
function writeSignatures(
  model: ImportedModel,
  base: string,
  checkWanted: () => void,
): SignatureReport[] {
  const files = new Map<GraphData, string>();
  return model.signatures.map(({ name, graph, inputs, outputs }) => {
    let file = files.get(graph);
    if (file === undefined) {
      file = files.size === 0 ? `${base}.onnx` : `${base}-${files.size}.onnx`;
      files.set(graph, file);
      writeGraph(file, withCheck(graph, checkWanted), model);
    }
    return { name, inputs, outputs, file: basename(file) };
  });
}

/** Most of a conversion are its weights: before each that is read and turned, `check` is called. */
function withCheck(graph: GraphData, check: () => void): GraphData {
  const initialisers = graph.initialisers.map((tensor) => {
    const { data } = tensor;
    if (isStrings(data) || ArrayBuffer.isView(data)) return tensor;
    const pieces = (): Iterable<Uint8Array> => {
      check();
      return data.pieces();
    };
    return { ...tensor, data: { byteLength: data.byteLength, pieces } };
  });
  return { ...graph, initialisers };
}

function writeGraph(
  path: string,
  graph: GraphData,
  { opset, producer, format }: ImportedModel,
): void {
  const metadata = { format, producer };
  const isLarge = weightBytesOf(graph) > largeModel;
  writeOnnxModel(path, graph, {
    opset,
    metadata,
    ...(isLarge ? { externalData: { minBytes: 4096 } } : {}),
  });
}

export function weightBytesOf({ initialisers }: GraphData): number {
  return initialisers.reduce((sum, { data }) => sum + (isStrings(data) ? 0 : data.byteLength), 0);
}

/** Anything that a conversion throws, as an error that users see. */
export function asImportError(path: string, error: unknown): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('IMPORT_FAILED', { path, problem: messageOf(error) });
}
