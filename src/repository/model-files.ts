/**
 * Which files are models, by extension. Only cheap looks: no file is opened here.
 */

import { basename, extname } from 'node:path';

export type ModelFormat =
  | 'ONNX'
  | 'Keras'
  | 'Keras HDF5'
  | 'TensorFlow SavedModel'
  | 'TensorFlow frozen graph'
  | 'PyTorch'
  | 'MXNet'
  | 'ORT format';

const formats: Record<string, ModelFormat> = {
  '.onnx': 'ONNX',
  '.ort': 'ORT format',
  '.keras': 'Keras',
  '.h5': 'Keras HDF5',
  '.hdf5': 'Keras HDF5',
  '.pb': 'TensorFlow frozen graph',
  '.pt': 'PyTorch',
  '.pth': 'PyTorch',
  '.pt2': 'PyTorch',
  '.params': 'MXNet',
};

/** What TensorFlow writes beside a `saved_model.pb`. */
const beside: ReadonlySet<string> = new Set(['fingerprint.pb', 'keras_metadata.pb']);

/** What can be served without a conversion. */
export const servedFormat: ModelFormat = 'ONNX';
export const servedFormats =
  'an ONNX file (.onnx), a Keras model (.keras, .h5) or a TensorFlow one (saved_model.pb, a frozen .pb)';

/** The format that a file name stands for, or undefined when it is no model file. */
export function formatOfFile(name: string): ModelFormat | undefined {
  if (name === 'saved_model.pb') return 'TensorFlow SavedModel';
  if (name.startsWith('.') || beside.has(name)) return undefined;
  return formats[extname(name).toLowerCase()];
}

/** Whether a file can be served without a conversion, as far as its name tells. */
export function isServed(file: string): boolean {
  return formatOfFile(basename(file)) === servedFormat;
}
