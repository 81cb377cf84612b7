/**
 * `modelship predict`: pictures or tensors through a model once, without a server.
 */

import { readFile } from 'node:fs/promises';
import { systemClock } from '../batching/clock.ts';
import type { Settings } from '../config/settings.ts';
import { messageOf, ServingError } from '../errors.ts';
import type { ReadModel } from '../repository/read-model.ts';
import { startModels } from '../serving/build-service.ts';
import type { InferenceService } from '../serving/inference-service.ts';
import type { EncodedPicture, PredictAnswer } from '../serving/inference-types.ts';
import type { RequestLife } from '../serving/request-life.ts';
import { createRequestLives } from '../serving/request-life.ts';
import { createLog } from '../telemetry/log.ts';
import { compose, openBase, readModels } from './compose.ts';
import type { Output } from './terminal.ts';
import { bold, table, tellPerson } from './terminal.ts';

export interface PredictOptions {
  /** Files and URLs of pictures, or files of tensors. */
  readonly inputs: readonly string[];
  /** For tensors; absent: the graph's own. */
  readonly signature?: string | undefined;
  readonly model?: string | undefined;
  readonly json: boolean;
}

const isUrl = (text: string): boolean => /^https?:\/\//i.test(text);

/** As a server follows. */
const mostRedirects = 3;

async function fetchPicture(url: string, settings: Settings): Promise<EncodedPicture> {
  const { createPictureFetcher } = await import('../fetch/picture-fetcher.ts');
  const fetcher = createPictureFetcher({
    timeoutMs: settings.urlTimeoutMs,
    maxBytes: settings.urlMaxBytes,
    maxRedirects: mostRedirects,
    allowPrivateHosts: settings.urlAllowPrivate,
  });
  return { bytes: (await fetcher.fetch(url)).bytes, where: url };
}

async function readPicture(path: string, settings: Settings): Promise<EncodedPicture> {
  if (isUrl(path)) return fetchPicture(path, settings);
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

/** Runs `work` within the time that a request has. */
async function withLife<T>(
  model: string,
  { requestTimeoutMs }: Settings,
  work: (life: RequestLife) => Promise<T>,
): Promise<T> {
  const acceptedAt = systemClock.now();
  const options = { model, acceptedAt, limitMs: requestTimeoutMs };
  const life = createRequestLives(systemClock).open(options);
  try {
    return await work(life);
  } finally {
    life.close();
  }
}

async function predictPictures(
  service: InferenceService,
  { inputs, model: named, json }: PredictOptions,
  settings: Settings,
  output: Output,
): Promise<void> {
  const pictures = await Promise.all(inputs.map((input) => readPicture(input, settings)));
  await startModels(service);
  const model = named ?? service.registry.defaultName();
  const answered = await withLife(model, settings, (life) =>
    service.predict({ model, pictures, life }),
  );
  if (json) printJson(answered, inputs, output);
  else printTable(answered, inputs, output);
}

async function predictTensors(
  service: InferenceService,
  { inputs, signature, model: named, json }: PredictOptions,
  settings: Settings,
  output: Output,
): Promise<void> {
  const { describeTensor, readTensorRequests } = await import('./predict-tensors.ts');
  const requests = await readTensorRequests(inputs, signature);
  await startModels(service);
  const model = named ?? service.registry.defaultName();
  for (const request of requests) {
    const answered = await withLife(model, settings, (life) =>
      service.infer({ ...request.request, model, life }),
    );
    if (json) output.print(request.encode(answered));
    else {
      output.print(bold(request.from, output));
      for (const line of table(answered.outputs.map(describeTensor))) output.print(line);
    }
  }
}

/** `x.npy`, `name=x.npy` or `body.json`. */
const isTensorFile = (input: string): boolean => !isUrl(input) && /\.(npy|json)$/i.test(input);

function refuseMixed(inputs: readonly string[]): void {
  const tensors = inputs.filter(isTensorFile);
  if (tensors.length === 0 || tensors.length === inputs.length) return;
  const problem = `pictures and tensors (${tensors.join(', ')}) cannot be asked about together`;
  throw new ServingError('SETTINGS_INVALID', { problems: [problem] });
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
  refuseMixed(options.inputs);
  const log = createLog(settings.logLevel, process.stderr.isTTY === true);
  const base = openBase(settings, log, tellPerson);
  const all = await base.foreign.importAll(readModels(settings.path));
  const models = options.model ? all.filter(({ name }) => name === options.model) : all;
  refuseBroken(models);
  const { service, pictures } = compose(settings, models.length > 0 ? models : all, {
    log,
    base,
  });
  try {
    const run = options.inputs.some(isTensorFile) ? predictTensors : predictPictures;
    await run(service, options, settings, output);
  } finally {
    await service.stop();
    await pictures.close();
  }
}
