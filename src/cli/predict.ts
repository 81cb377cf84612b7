/**
 * `modelship predict`: pictures through a model once, without a server.
 */

import { readFile } from 'node:fs/promises';
import { systemClock } from '../batching/clock.ts';
import type { Settings } from '../config/settings.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { ReadModel } from '../repository/read-model.ts';
import { startModels } from '../serving/build-service.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { EncodedPicture, PredictAnswer } from '../serving/inference-types.ts';
import { createRequestLives } from '../serving/request-life.ts';
import { createLog } from '../telemetry/log.ts';
import { compose, openBase, readModels } from './compose.ts';
import type { Output } from './terminal.ts';
import { bold, table } from './terminal.ts';

export interface PredictOptions {
  readonly pictures: readonly string[];
  readonly model?: string | undefined;
  readonly json: boolean;
}

async function readPicture(path: string): Promise<EncodedPicture> {
  try {
    return { bytes: await readFile(path), where: path };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new ServingError('PICTURE_FILE_UNREADABLE', { path, problem });
  }
}

function printJson(
  { model, version, results }: PredictAnswer,
  pictures: readonly string[],
  output: Output,
): void {
  const rows = results.map((predictions, i) => ({ picture: pictures[i], predictions }));
  output.print(JSON.stringify({ model, version, results: rows }));
}

function printTable({ results }: PredictAnswer, pictures: readonly string[], output: Output): void {
  const rows = results.flatMap((predictions, i) =>
    predictions.map(({ label, probability }, rank) => [
      rank === 0 ? (pictures[i] ?? '') : '',
      label,
      `${(probability * 100).toFixed(1)}%`.padStart(6),
    ]),
  );
  const [header = '', ...lines] = table([['picture', 'label', 'probability'], ...rows]);
  output.print(bold(header, output));
  for (const line of lines) output.print(line);
}

async function answer(
  service: InferenceService,
  options: PredictOptions,
  timeoutMs: number,
): Promise<PredictAnswer> {
  const pictures = await Promise.all(options.pictures.map(readPicture));
  await startModels(service);
  const { model = service.registry.defaultName() } = options;
  const acceptedAt = systemClock.now();
  const life = createRequestLives(systemClock).open({ model, acceptedAt, limitMs: timeoutMs });
  try {
    return await service.predict({ model, pictures, life });
  } finally {
    life.close();
  }
}

/** The one model that is meant has a problem on disk already: that says more than "not ready". */
function refuseBroken(models: readonly ReadModel[]): void {
  const [only] = models;
  if (!only || models.length > 1 || only.versions.some(({ signature }) => signature)) return;
  const problem = only.problem ?? only.versions.at(-1)?.problem;
  if (problem) throw problem;
}

/** Throws what reading, loading or predicting throws. */
export async function predict(
  settings: Settings,
  options: PredictOptions,
  output: Output,
): Promise<void> {
  const log = createLog(settings.logLevel, process.stderr.isTTY === true);
  const base = openBase(settings, log);
  const all = await base.foreign.importAll(readModels(settings.path));
  const models = options.model ? all.filter(({ name }) => name === options.model) : all;
  refuseBroken(models);
  const { service, pictures } = compose(settings, models.length > 0 ? models : all, {
    log,
    base,
  });
  try {
    const answered = await answer(service, options, settings.requestTimeoutMs);
    if (options.json) printJson(answered, options.pictures, output);
    else printTable(answered, options.pictures, output);
  } finally {
    await service.stop();
    await pictures.close();
  }
}
