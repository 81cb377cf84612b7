/**
 * Writes a built graph to a file, its large weights beside it if asked. Weights are streamed: lazy
 * ones are made, written and dropped one after the other.
 */

import { closeSync, openSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bitsOfElementType } from './element-type.ts';
import type { GraphData, TensorData } from './graph-data.ts';
import { isStrings } from './graph-data.ts';
import type { Bytes } from './protobuf-writer.ts';
import { readPiece } from './protobuf-writer.ts';
import type { ModelOptions, PlaceExternally } from './writer.ts';
import { bytesOf, modelPieces } from './writer.ts';

export interface WriteOptions extends ModelOptions {
  readonly externalData?: {
    /** Initialisers of at least so many bytes go to the data file. */
    readonly minBytes: number;
    /** Its name, beside the model; `<model file>.data` if left out. */
    readonly file?: string;
    /** Each tensor starts at a multiple of this; a page (4096) if left out, so it can be mapped. */
    readonly alignment?: number;
  };
}

/** A protobuf message cannot be larger, and ONNX Runtime refuses one that is. */
const maxModelBytes = 2 ** 31 - 1;

/**
 * Writes `<path>` and, with `externalData`, the data file beside it; both are replaced if they exist.
 * Throws what `fs` throws, and RangeError for a model of 2 GiB or more without external data.
 */
export function writeOnnxModel(path: string, graph: GraphData, options: WriteOptions = {}): void {
  const external = planExternalData(path, options.externalData);
  const pieces = modelPieces(graph, options, external.place);
  const total = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  if (total > maxModelBytes) {
    throw new RangeError(`${path} would have ${total} bytes; write it with external data`);
  }
  const dataFile = external.file;
  if (dataFile !== undefined && external.pieces.length > 0) {
    writePieces(join(dirname(path), dataFile), external.pieces);
  }
  writePieces(path, pieces);
}

interface ExternalPlan {
  readonly file: string | undefined;
  readonly pieces: Bytes[];
  readonly place: PlaceExternally;
}

/** Gives each large tensor its place in the data file, in the order in which they are met. */
function planExternalData(path: string, options: WriteOptions['externalData']): ExternalPlan {
  const pieces: Bytes[] = [];
  if (!options) return { file: undefined, pieces, place: () => undefined };
  const { minBytes, file = `${basename(path)}.data`, alignment = 4096 } = options;
  let end = 0;
  const place = (tensor: TensorData) => {
    if (isStrings(tensor.data) || bitsOfElementType(tensor.dtype) === 0) return undefined;
    const bytes = bytesOf(tensor.data);
    if (bytes.byteLength < minBytes) return undefined;
    const offset = Math.ceil(end / alignment) * alignment;
    if (offset > end) pieces.push(new Uint8Array(offset - end));
    pieces.push(bytes);
    end = offset + bytes.byteLength;
    return new Map([
      ['location', file],
      ['offset', String(offset)],
      ['length', String(bytes.byteLength)],
    ]);
  };
  return { file, pieces, place };
}

function writePieces(path: string, pieces: readonly Bytes[]): void {
  const fd = openSync(path, 'w');
  try {
    for (const piece of pieces) for (const part of readPiece(piece)) writeAll(fd, part);
  } finally {
    closeSync(fd);
  }
}

/** `write(2)` may take less than it is given. */
function writeAll(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.byteLength) {
    done += writeSync(fd, bytes, done, Math.min(bytes.byteLength - done, 2 ** 26));
  }
}
