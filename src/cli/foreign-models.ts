/**
 * Models in other formats than ONNX: converted copies take their place. The code for that is only loaded
 * when there is one.
 */

import { relative } from 'node:path';
import type { ModelCache } from '../cache/model-cache.ts';
import type { ConversionWatch, Converter } from '../importers/converted-models.ts';
import type { ModelHead, ReadModel, ReadVersion } from '../repository/read-model.ts';
import type { Log } from '../telemetry/log.ts';

export interface ForeignModels {
  /** The models with their versions converted, from the cache where they were before. */
  importAll(models: readonly ReadModel[]): Promise<readonly ReadModel[]>;
  /** The models with those versions marked that `importOne` converts when they are prepared. */
  postponeAll(models: readonly ReadModel[]): Promise<readonly ReadModel[]>;
  /** One version. Throws only when the watch's signal ended it. */
  importOne(version: ReadVersion, model: ModelHead, watch: ConversionWatch): Promise<ReadVersion>;
  /** A version that was converted is not served any more. */
  release(version: ReadVersion): void;
}

/** In another format than ONNX, as far as its name tells. */
const isForeign = ({ file, problem }: ReadVersion): boolean =>
  file !== undefined && problem?.code === 'MODEL_FORMAT_UNSUPPORTED';

export interface ForeignOptions {
  readonly cache: Promise<ModelCache | undefined>;
  /** The whole environment of the processes that convert. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Log;
  /** Takes lines for the person who waits. */
  readonly tell?: ((line: string) => void) | undefined;
}

export function createForeignModels(options: ForeignOptions): ForeignModels {
  const { log, tell = () => {} } = options;
  let converter: Promise<Converter> | undefined;

  async function openConverter(): Promise<Converter> {
    const { createConverter } = await import('../importers/converted-models.ts');
    const opened = createConverter(options);
    // Copies that no cache holds are wanted as long as this process lives.
    process.once('exit', () => opened[Symbol.dispose]());
    return opened;
  }

  async function convert(
    version: ReadVersion,
    { name, config }: ModelHead,
    { signal, onPhase }: ConversionWatch,
  ): Promise<ReadVersion> {
    const { importVersion } = await import('./import-models.ts');
    converter ??= openConverter();
    const startedAt = performance.now();
    let worked = false;
    const imported = await importVersion(version, config, await converter, log, {
      signal,
      onPhase(phase) {
        worked = true;
        if (phase === 'converting')
          tell(`  ${name}: converting ${relative('.', version.file ?? '')}`);
        onPhase?.(phase);
      },
    });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    if (worked && !imported.problem) tell(`  ${name}: converted in ${seconds} s`);
    return imported;
  }

  return {
    async importAll(models) {
      const all: ReadModel[] = [];
      for (const model of models) {
        const versions: ReadVersion[] = [];
        for (const version of model.versions)
          versions.push(isForeign(version) ? await convert(version, model, {}) : version);
        all.push({ ...model, versions });
      }
      return all;
    },
    async postponeAll(models) {
      if (!models.some(({ versions }) => versions.some(isForeign))) return models;
      const { postpone } = await import('./import-models.ts');
      return models.map((model) => ({ ...model, versions: model.versions.map(postpone) }));
    },
    async importOne(version, model, watch) {
      return isForeign(version) ? convert(version, model, watch) : version;
    },
    release({ original, file }) {
      if (original === undefined || file === undefined) return;
      void converter?.then((opened) => opened.release(file));
    },
  };
}
