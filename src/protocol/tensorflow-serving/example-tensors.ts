/**
 * Examples to the tensors of a signature: the feature of an input's name, one row an example. Features that
 * are not inputs are passed over, as a graph that parses examples passes over them.
 */

import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { sizeOfDType } from '../../tensor/dtype.ts';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { packBytes } from '../../tensor/tensor.ts';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import type { Example, Feature } from './example.ts';

function refuse(problem: string): never {
  throw new ServingError('TENSORFLOW_REQUEST_INVALID', { problem });
}

function featureOf(example: Example, row: number, { name }: TensorSpec): Feature {
  const feature = example.get(name);
  if (feature) return feature;
  refuse(`Example ${row} has no feature "${name}", which the signature takes as an input.`);
}

/**
 * The shape of so many examples with so many values each: what the signature leaves open follows from
 * them.
 */
function shapeOf({ name, shape, anyShape }: TensorSpec, rows: number, perRow: number): number[] {
  if (anyShape) return [rows, perRow];
  if (shape.length === 0) refuse(`Input "${name}" is one value, not one for each example.`);
  const rest = shape.slice(1);
  const known = rest.reduce<number>((product, dim) => product * (dim ?? 1), 1);
  const open = rest.filter((dim) => dim === null).length;
  const fits = open === 0 ? known === perRow : open === 1 && known > 0 && perRow % known === 0;
  if (!fits) {
    const dims = rest.map((dim) => dim ?? -1).join(', ');
    refuse(`Feature "${name}" has ${perRow} values in an example; its input takes [${dims}].`);
  }
  return [rows, ...rest.map((dim) => dim ?? perRow / known)];
}

type Put = (view: DataView, offset: number, value: number) => void;

const floats: Partial<Record<DType, Put>> = {
  FP16: (view, offset, value) => view.setFloat16(offset, value, true),
  FP32: (view, offset, value) => view.setFloat32(offset, value, true),
  FP64: (view, offset, value) => view.setFloat64(offset, value, true),
};

type PutWide = (view: DataView, offset: number, value: bigint) => void;

/** What is out of range is cut off, as in every cast of TensorFlow. */
const integers: Partial<Record<DType, PutWide>> = {
  BOOL: (view, offset, value) => view.setUint8(offset, value === 0n ? 0 : 1),
  INT8: (view, offset, value) => view.setInt8(offset, Number(BigInt.asIntN(8, value))),
  UINT8: (view, offset, value) => view.setUint8(offset, Number(BigInt.asUintN(8, value))),
  INT16: (view, offset, value) => view.setInt16(offset, Number(BigInt.asIntN(16, value)), true),
  UINT16: (view, offset, value) => view.setUint16(offset, Number(BigInt.asUintN(16, value)), true),
  INT32: (view, offset, value) => view.setInt32(offset, Number(BigInt.asIntN(32, value)), true),
  UINT32: (view, offset, value) => view.setUint32(offset, Number(BigInt.asUintN(32, value)), true),
  INT64: (view, offset, value) => view.setBigInt64(offset, value, true),
  UINT64: (view, offset, value) => view.setBigUint64(offset, BigInt.asUintN(64, value), true),
};

function putFeature(view: DataView, offset: number, feature: Feature, spec: TensorSpec): void {
  const { name, dtype } = spec;
  const size = sizeOfDType(dtype);
  const asFloat = floats[dtype];
  const asInteger = integers[dtype];
  if (asFloat && feature.kind !== 'bytes') {
    feature.values.forEach((value: number | bigint, i: number) => {
      asFloat(view, offset + i * size, Number(value));
    });
  } else if (asInteger && feature.kind === 'int64') {
    feature.values.forEach((value, i) => {
      asInteger(view, offset + i * size, value);
    });
  } else refuse(`Feature "${name}" has ${feature.kind} values; its input is ${dtype}.`);
}

function toBytes(features: readonly Feature[], spec: TensorSpec): Uint8Array {
  const elements: Uint8Array[] = [];
  for (const feature of features) {
    if (feature.kind !== 'bytes')
      refuse(`Feature "${spec.name}" has ${feature.kind} values; its input is BYTES.`);
    for (const value of feature.values) elements.push(value);
  }
  return packBytes(elements);
}

function toTensor(examples: readonly Example[], spec: TensorSpec): NamedTensor {
  const features = examples.map((example, row) => featureOf(example, row, spec));
  const perRow = features[0]?.values.length ?? 0;
  const other = features.findIndex(({ values }) => values.length !== perRow);
  if (other >= 0)
    refuse(
      `Feature "${spec.name}" has ${features[other]?.values.length} values in example ${other} and ${perRow} in the first.`,
    );
  const { name, dtype } = spec;
  const shape = shapeOf(spec, examples.length, perRow);
  if (dtype === 'BYTES') return { name, dtype, shape, data: toBytes(features, spec) };
  const rowBytes = perRow * sizeOfDType(dtype);
  const data = new Uint8Array(examples.length * rowBytes);
  const view = new DataView(data.buffer);
  features.forEach((feature, row) => {
    putFeature(view, row * rowBytes, feature, spec);
  });
  return { name, dtype, shape, data };
}

/** Throws TENSORFLOW_REQUEST_INVALID. */
export function examplesToTensors(
  examples: readonly Example[],
  inputs: readonly TensorSpec[],
): NamedTensor[] {
  if (examples.length === 0) refuse('Input is empty.');
  return inputs.map((spec) => toTensor(examples, spec));
}
