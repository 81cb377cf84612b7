/**
 * Weights that an ONNX file keeps in other files beside it: where they are, and whether they are there.
 * Source: onnx/docs/ExternalData.md. A location is a path relative to the model's folder; one that
 * leaves the folder is refused, since it would make the server read any file of the machine.
 */

import { realpathSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { ServingError } from '../errors.ts';
import type { TensorInfo } from './read-tensor.ts';
import type { ExternalTensor } from './summary.ts';

/** Resolves and checks the external tensors of the model at `path`. Throws MODEL_FILE_INVALID. */
export function resolveExternal(
  path: string,
  tensors: readonly TensorInfo[],
): readonly ExternalTensor[] {
  const sizes = new Map<string, number>();
  return tensors.map((tensor) => {
    const external = parseExternal(path, tensor);
    const known = sizes.get(external.location) ?? sizeOfData(path, external);
    sizes.set(external.location, known);
    return checkRange(path, external, known);
  });
}

function parseExternal(path: string, tensor: TensorInfo): ExternalTensor {
  const location = tensor.external?.get('location') ?? '';
  const problem = problemOfLocation(location);
  if (problem) {
    throw invalid(path, `tensor '${tensor.name}' keeps its data in '${location}', ${problem}`);
  }
  const offset = parseCount(path, tensor, 'offset') ?? 0;
  const length = parseCount(path, tensor, 'length') ?? tensor.bytes;
  if (length < tensor.bytes) {
    throw invalid(
      path,
      `tensor '${tensor.name}' has ${length} bytes of external data where its shape [${tensor.shape.join(', ')}] needs ${tensor.bytes}`,
    );
  }
  return { tensor: tensor.name, location, offset, length };
}

function problemOfLocation(location: string): string | undefined {
  if (location === '') return 'which names no file; expected a file beside the model';
  if (/^[/\\]|^[a-z]:/i.test(location)) {
    return 'an absolute path, which is refused; expected a file beside the model';
  }
  if (location.split(/[/\\]/).includes('..')) {
    return 'a path out of its folder, which is refused; expected a file beside the model';
  }
  return location.includes('\0') ? 'which is not a file name' : undefined;
}

function parseCount(path: string, tensor: TensorInfo, key: string): number | undefined {
  const text = tensor.external?.get(key);
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw invalid(path, `tensor '${tensor.name}' has the external data ${key} '${text}'`);
}

function sizeOfData(path: string, { tensor, location }: ExternalTensor): number {
  const file = join(dirname(path), location);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    throw invalid(
      path,
      `the file '${location}' with the data of tensor '${tensor}' is missing; put it beside the model`,
    );
  }
  if (!isBesideModel(path, file)) {
    throw invalid(
      path,
      `the file '${location}' with the data of tensor '${tensor}' is a link to ${realpathSync(file)}, out of the model's folder, which is refused; put the data itself beside the model`,
    );
  }
  return stats.size;
}

/**
 * ONNX Runtime 1.30 follows a link only to the model's folder, or to the folder that the model itself
 * is a link into (as in the Hugging Face cache and in Kubernetes' mounted volumes).
 */
function isBesideModel(path: string, file: string): boolean {
  const data = realpathSync(file);
  const folders = [realpathSync(dirname(path)), dirname(realpathSync(path))];
  return folders.some((folder) => data.startsWith(folder.endsWith(sep) ? folder : folder + sep));
}

function checkRange(path: string, external: ExternalTensor, size: number): ExternalTensor {
  const { tensor, location, offset, length } = external;
  if (offset + length <= size) return external;
  throw invalid(
    path,
    `the file '${location}' is too short: it has ${size} bytes, and tensor '${tensor}' needs bytes ${offset} to ${offset + length}`,
  );
}

const invalid = (path: string, problem: string): ServingError =>
  new ServingError('MODEL_FILE_INVALID', { path, problem });
