/**
 * What the page asks the server, and what can come back.
 *
 * Owns: requests, times, and turning every failure into a `Problem` with a sentence for people.
 * Does not own: the document.
 */

/** @typedef {{name: string, datatype: string, shape: number[]}} Tensor */
/** @typedef {'READY' | 'LOADING' | 'UNAVAILABLE' | 'FAILED' | 'UNLOADING'} State */
/** @typedef {{version: string, state: State, reason: string | null, inputs: Tensor[], outputs: Tensor[]}} Version */
/** @typedef {{name: string, url: string}} Sample */
/**
 * @typedef {{name: string, default: boolean, picture: boolean, pictureProblem: string | null, predict: string,
 *   infer: string, samples: Sample[], versions: Version[]}} Model
 */
/** @typedef {{label: string, probability: number}} Prediction */
/**
 * An answer: labelled predictions, or the text as it came where a model is set to answer otherwise.
 * @typedef {{predictions: Prediction[] | null, text: string, roundTripMs: number, serverMs: number | null}} Answer
 */

/** Something a person has to be told. `code` is the server's, empty when there was no answer at all. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {{code?: string, retryable?: boolean}} [more]
   */
  constructor(message, { code = '', retryable = false } = {}) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

/** Long enough for a busy server, short enough to say that a hung one is hung. */
const listTimeoutMs = 10_000;

/** @returns {Promise<Model[]>} */
export async function fetchModels() {
  const response = await reach('/models', { signal: AbortSignal.timeout(listTimeoutMs) });
  const text = await response.text();
  if (!response.ok) throw problemOf(response, text);
  const list = parse(text)?.models;
  if (!Array.isArray(list)) throw new Problem('The server answered /models with something else.');
  return list;
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 */
export async function fetchSample(url, signal) {
  const response = await reach(url, { signal });
  if (!response.ok) throw problemOf(response, await response.text());
  return await response.blob();
}

/**
 * @param {string} path
 * @param {Blob} picture
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function predict(path, picture, signal) {
  await checkReadable(picture);
  // What is no picture by its name is still sent: the server looks at the bytes and says what they are.
  const type = picture.type.startsWith('image/') ? picture.type : 'application/octet-stream';
  const started = performance.now();
  const request = { method: 'POST', body: picture, headers: { 'content-type': type }, signal };
  const response = await reach(path, request).catch((error) => explainLost(error, picture));
  const text = await response.text();
  const roundTripMs = performance.now() - started;
  if (!response.ok) throw problemOf(response, text);
  const predictions = parse(text)?.predictions;
  return {
    predictions: Array.isArray(predictions) ? predictions : null,
    text,
    roundTripMs,
    serverMs: totalOf(response.headers.get('server-timing')),
  };
}

/**
 * @param {string} url
 * @param {RequestInit} init
 */
async function reach(url, init) {
  try {
    return await fetch(url, { cache: 'no-store', ...init });
  } catch (error) {
    if (init.signal?.aborted && init.signal.reason?.name === 'AbortError') throw error;
    throw new Problem('The server does not answer. It may be stopped or restarting.', {
      retryable: true,
    });
  }
}

/** A folder can be dropped like a file, and a file can vanish: both show when the first byte is read. */
async function checkReadable(/** @type {Blob} */ picture) {
  try {
    await picture.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem('This file cannot be read. It may be a folder, or moved since.');
  }
}

/**
 * A server that refuses a large body may close the connection before its answer arrives.
 * @param {unknown} error
 * @param {Blob} picture
 * @returns {Promise<never>}
 */
async function explainLost(error, picture) {
  if (!(error instanceof Problem)) throw error;
  const alive = await fetch('/healthz', { cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!alive) throw error;
  const megabytes = (picture.size / 1e6).toFixed(1);
  throw new Problem(
    `The server closed the connection before it answered. The file has ${megabytes} MB, which may be more than it accepts.`,
    { retryable: true },
  );
}

/**
 * @param {Response} response
 * @param {string} text
 */
function problemOf(response, text) {
  const body = parse(text);
  const retryable = response.status >= 500 || response.status === 429;
  if (typeof body?.error !== 'string')
    return new Problem(`The server answered with status ${response.status}.`, { retryable });
  return new Problem(body.error, { code: String(body.code ?? ''), retryable });
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string | null} header for example `total;dur=3.2, run;dur=0.8` */
function totalOf(header) {
  const duration = /(?:^|,)\s*total\s*;\s*dur=([\d.]+)/.exec(header ?? '')?.[1];
  return duration === undefined ? null : Number(duration);
}
