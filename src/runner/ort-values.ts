/**
 * Between frames and ONNX Runtime's values: which JavaScript array the binding wants for each dtype.
 */

import { Tensor } from 'onnxruntime-node';
import { ServingError } from '../errors.ts';
import type { DType } from '../tensor/dtype.ts';
import { sizeOfDType } from '../tensor/dtype.ts';
import { packBytes, unpackBytes } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { FrameTensor } from './frames.ts';

type OrtType = Tensor.Type;
type NumericView = new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView;

/** Without BF16: the binding has none, and the importer of a model wraps it with Cast or refuses it. */
const bindings: Partial<Record<DType, readonly [OrtType, NumericView]>> = {
  BOOL: ['bool', Uint8Array],
  UINT8: ['uint8', Uint8Array],
  UINT16: ['uint16', Uint16Array],
  UINT32: ['uint32', Uint32Array],
  UINT64: ['uint64', BigUint64Array],
  INT8: ['int8', Int8Array],
  INT16: ['int16', Int16Array],
  INT32: ['int32', Int32Array],
  INT64: ['int64', BigInt64Array],
  FP16: ['float16', Uint16Array],
  FP32: ['float32', Float32Array],
  FP64: ['float64', Float64Array],
};

const dtypeOfOrtType = new Map<string, DType>([
  ...Object.entries(bindings).map(([dtype, [type]]) => [type, dtype as DType] as const),
  ['string', 'BYTES'],
]);

/** A byte order mark is a character of the string like any other. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Copies the chunks together when there are several or when the one is not aligned for its dtype. */
function alignedBytes(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first && first.byteOffset % size === 0) return first;
  const whole = Buffer.allocUnsafeSlow(
    chunks.reduce((total, chunk) => total + chunk.byteLength, 0),
  );
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/** Throws INPUT_DATA_INVALID: what the client sent cannot be a string of the model. */
function toStrings(input: string, chunks: readonly Uint8Array[]): string[] {
  const fail = (problem: string): never => {
    throw new ServingError('INPUT_DATA_INVALID', { input, problem });
  };
  return chunks.flatMap(unpackBytes).map((element) => {
    // The runtime would cut the string there.
    if (element.includes(0)) return fail('an element holds a NUL character');
    try {
      return decoder.decode(element);
    } catch {
      return fail("an element is not valid UTF-8, as the model's strings must be");
    }
  });
}

/** A frame's tensor as a value of the runtime, without a copy when it is one aligned chunk. */
export function toOrtTensor(spec: TensorSpec, tensor: FrameTensor): Tensor {
  const { dtype, shape, chunks } = tensor;
  if (dtype === 'BYTES') return new Tensor('string', toStrings(spec.name, chunks), [...shape]);
  const binding = bindings[dtype];
  if (!binding) throw new Error(`the runtime has no ${dtype} tensors`);
  const size = sizeOfDType(dtype);
  const bytes = alignedBytes(chunks, size);
  const view: unknown = new binding[1](
    bytes.buffer as ArrayBuffer,
    bytes.byteOffset,
    bytes.byteLength / size,
  );
  const value = new Tensor(binding[0], view as never, [...shape]);
  // The constructor makes a Float16Array of the bit patterns, which the binding reads as empty.
  if (dtype === 'FP16') Object.assign(value, { cpuData: view });
  return value;
}

/** A value of the runtime as a frame's tensor; numbers are a view on the runtime's own array. */
export function fromOrtTensor(index: number, value: Tensor): FrameTensor {
  const dtype = dtypeOfOrtType.get(value.type);
  if (!dtype) throw new Error(`output ${index} is a ${value.type}, which has no wire form`);
  if (dtype === 'BYTES') {
    const elements = (value.data as string[]).map((text) => Buffer.from(text));
    return { index, dtype, shape: value.dims, chunks: [packBytes(elements)] };
  }
  const { buffer, byteOffset, byteLength } = value.data as unknown as Uint8Array;
  return {
    index,
    dtype,
    shape: value.dims,
    chunks: [new Uint8Array(buffer, byteOffset, byteLength)],
  };
}
