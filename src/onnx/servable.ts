/**
 * Whether ONNX Runtime's Node binding can serve a model, told before it is loaded: the runtime's own
 * messages name C++ files, and some of what it accepts ends the process.
 *
 * Measured with onnxruntime-node 1.30.0 (test/models/runtime.test.ts holds it to that).
 */

import { ServingError } from '../errors.ts';
import type { DType } from '../tensor/dtype.ts';
import type { ElementType } from './element-type.ts';
import type { OnnxSummary, OnnxValue } from './summary.ts';
import { describeType } from './value-type.ts';

export interface RuntimeLimits {
  /** The newest opset of each domain that the runtime knows; other domains are not limited. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly irVersion: number;
  /** Element types that go in and come out. */
  readonly dtypes: ReadonlySet<ElementType>;
}

const servableDTypes: readonly DType[] = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
];

/**
 * ONNX Runtime 1.30: opset 27 is refused as "under development … till opset 26", ai.onnx.ml 6 as "till
 * opset 5", IR version 14 as "max supported IR version: 13". BF16 and the 8-bit floats are refused by
 * the binding; a run that gives INT4 or UINT4 ends the process.
 */
export const onnxRuntimeLimits: RuntimeLimits = {
  opsets: {
    'ai.onnx': 26,
    'ai.onnx.ml': 5,
    'ai.onnx.preview': 1,
    'ai.onnx.preview.training': 1,
    'ai.onnx.training': 1,
    'com.microsoft': 1,
    'com.microsoft.experimental': 1,
    'com.microsoft.nchwc': 1,
    'org.pytorch.aten': 1,
  },
  irVersion: 13,
  dtypes: new Set(servableDTypes),
};

/**
 * Throws OPSET_TOO_NEW, VALUE_TYPE_UNSUPPORTED (an input or output that is no tensor, or one of an
 * element type without a counterpart), and MODEL_FILE_INVALID for a newer IR version.
 */
export function checkServable(
  summary: OnnxSummary,
  path: string,
  limits: RuntimeLimits = onnxRuntimeLimits,
): void {
  checkOpsets(summary, path, limits);
  checkIrVersion(summary, path, limits);
  for (const input of summary.inputs) checkValue(input, 'input', path, limits);
  for (const output of summary.outputs) checkValue(output, 'output', path, limits);
}

function checkOpsets({ opsets }: OnnxSummary, path: string, limits: RuntimeLimits): void {
  for (const { domain, version } of opsets) {
    const supported = limits.opsets[domain] ?? version;
    if (version > supported) {
      throw new ServingError('OPSET_TOO_NEW', { path, domain, opset: version, supported });
    }
  }
}

function checkIrVersion({ irVersion }: OnnxSummary, path: string, limits: RuntimeLimits): void {
  if (irVersion <= limits.irVersion) return;
  throw new ServingError('MODEL_FILE_INVALID', {
    path,
    problem: `its IR version is ${irVersion} and this runtime reads up to ${limits.irVersion}; export it with an older onnx package, or set model.ir_version = ${limits.irVersion}`,
  });
}

function checkValue(
  { name, type, producer }: OnnxValue,
  role: 'input' | 'output',
  path: string,
  limits: RuntimeLimits,
): void {
  // Of a value without a declared type the runtime infers it, or refuses the model.
  if (type.kind === 'untyped') return;
  if (type.kind === 'tensor' && (limits.dtypes.has(type.dtype) || type.dtype === 'UNDEFINED')) {
    return;
  }
  const maker = producer ? ` (of ${producer.op}${nodeName(producer.node, name)})` : '';
  throw new ServingError('VALUE_TYPE_UNSUPPORTED', {
    path,
    place: `${role} '${name}'${maker}`,
    type: describeType(type),
    advice: adviceFor(type.kind, role, producer?.op),
  });
}

const nodeName = (node: string, output: string): string =>
  node === '' || node === output ? '' : ` '${node}'`;

function adviceFor(kind: OnnxValue['type']['kind'], role: string, op: string | undefined): string {
  if (op === 'ZipMap') {
    return "Export it again with skl2onnx's options={'zipmap': False}, which gives the probabilities as a tensor.";
  }
  if (kind === 'tensor') {
    return `Put a Cast to float (FP32) ${role === 'input' ? 'after this input' : 'before this output'} when exporting.`;
  }
  if (kind === 'sequence') {
    return 'Export its tensors as separate values, or join them with ConcatFromSequence.';
  }
  return 'Export the model with plain tensors there.';
}
