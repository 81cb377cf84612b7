/**
 * A copy of a model of whose weights half differ in their last bit: what its answers differ by is what rounding alone
 * may do to them.
 */

import { closeSync, copyFileSync, openSync, readSync, writeSync } from 'node:fs';
import { withFileSource } from '../onnx/byte-source.ts';
import { ProtobufReader } from '../onnx/protobuf-reader.ts';
import type { Random } from './made-up-inputs.ts';
import { createRandom } from './made-up-inputs.ts';

interface Span {
  readonly offset: number;
  readonly length: number;
}

const float32 = 1;
/** Sizes, factors of sizes and thresholds are constants too; those are few numbers each. */
const fewestBytes = 4 * 16;
const chunkBytes = 1 << 20;

/**
 * Where the FP32 weights lie, four bytes each. Source: onnx/onnx.proto, `ModelProto` (graph 7), `GraphProto`
 * (initializer 5), `TensorProto` (data_type 2, raw_data 9).
 */
function weightSpans(path: string): Span[] {
  return withFileSource(path, (source) => {
    const spans: Span[] = [];
    const reader = new ProtobufReader(source);
    const readTensor = (): void => {
      let type = 0;
      let span: Span | undefined;
      reader.message({
        2: (r) => {
          type = r.int();
        },
        9: (r) => {
          span = r.span();
        },
      });
      if (type === float32 && span && span.length >= fewestBytes) spans.push(span);
    };
    reader.readFields({ 7: (r) => r.message({ 5: readTensor }) });
    return spans;
  });
}

const notFinite = 0x7f800000;

/** Half of them, so that equal weights do not stay equal: to the next number, up or down as the bit makes it. */
function flipLastBits(bytes: Uint8Array, random: Random): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.byteLength; at += 4) {
    const bits = view.getUint32(at, true);
    if ((bits & notFinite) !== notFinite && random() < 0.5) view.setUint32(at, bits ^ 1, true);
  }
}

/** Writes the copy; false where the model file has no weights in it, and no copy is made. Throws what `fs` throws. */
export function writeRoundedCopy(path: string, to: string): boolean {
  const spans = weightSpans(path);
  if (spans.length === 0) return false;
  copyFileSync(path, to);
  const fd = openSync(to, 'r+');
  try {
    const random = createRandom(1);
    const chunk = new Uint8Array(chunkBytes);
    for (const { offset, length } of spans) {
      for (let done = 0; done < length; done += chunkBytes) {
        const part = chunk.subarray(0, Math.min(chunkBytes, length - done));
        readSync(fd, part, 0, part.length, offset + done);
        flipLastBits(part, random);
        writeSync(fd, part, 0, part.length, offset + done);
      }
    }
  } finally {
    closeSync(fd);
  }
  return true;
}
