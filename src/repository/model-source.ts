/**
 * Where the file of a model comes from when it does not lie in its folder: the `source` of its model.yaml.
 *
 * A source gives a local file. New kinds are one more row; s3: and oci: have a place in the schema only.
 */

import { existsSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceYaml } from '../config/model-yaml.ts';
import { ServingError } from '../errors.ts';
import { shownUrl } from '../fetch/shown-url.ts';

// Not imported: as an ES module node:crypto evaluates Web Crypto too (docs/decisions/start-up.md).
const { createHash } = process.getBuiltinModule('node:crypto');

export interface ModelSource {
  /**
   * Makes the file available and gives its path. Throws MODEL_SOURCE_FAILED, MODEL_SOURCE_UNSUPPORTED,
   * PATH_NOT_FOUND, or why `signal` ended it.
   */
  fetch(source: SourceYaml, signal: AbortSignal): Promise<string>;
}

const fileSource: ModelSource = {
  async fetch({ url }) {
    let path: string;
    try {
      path = fileURLToPath(url);
    } catch {
      throw new ServingError('MODEL_SOURCE_FAILED', {
        url,
        problem: 'it is no path of this machine',
      });
    }
    if (existsSync(path)) return path;
    throw new ServingError('PATH_NOT_FOUND', {
      path,
      expected: 'the model file that source names',
    });
  },
};

/** The extension says what it is, so it is kept; the rest of the name is of no use. */
function fileNameOf(url: string): string {
  const { pathname } = new URL(url);
  const extension = extname(basename(pathname));
  return `model${/^\.\w{1,10}$/.test(extension) ? extension.toLowerCase() : '.onnx'}`;
}

/** Files below `folder`, each in one of its own that its URL and checksum name. */
function createHttpsSource(folder: string): ModelSource {
  return {
    async fetch({ url, sha256, maxSize }, signal) {
      const key = createHash('sha256')
        .update(`${url}\n${sha256 ?? ''}`)
        .digest('hex')
        .slice(0, 32);
      const target = join(folder, key, fileNameOf(url));
      const { downloadFile } = await import('../fetch/download-file.ts');
      await downloadFile({ url, target, sha256, maxBytes: maxSize, signal });
      return target;
    },
  };
}

/** All kinds that there are; downloads are kept below `folder`. */
export function createModelSource(folder: string): ModelSource {
  const kinds: Record<string, ModelSource> = {
    'file:': fileSource,
    'https:': createHttpsSource(folder),
  };
  return {
    async fetch(source, signal) {
      const { url } = source;
      const kind = kinds[url.slice(0, url.indexOf(':') + 1)];
      if (kind) return kind.fetch(source, signal);
      const supported = Object.keys(kinds);
      throw new ServingError('MODEL_SOURCE_UNSUPPORTED', { url: shownUrl(url), supported });
    },
  };
}
