/** The first page: keeps the list of models fresh, takes a picture, asks, and shows what came back. */

import { showAnswer, showIdle, showPicture, showProblem, showWaiting } from './answer.js';
import { fetchModels, fetchSample, Problem, predict } from './api.js';
import { curlForFile, curlForSample, curlForTensors } from './curl.js';
import * as view from './view.js';

const { announce, byId } = view;

/**
 * A picture to ask about; a sample is fetched when it is its turn.
 * @typedef {{name: string, blob?: Blob, sample?: string, note?: string}} Picture
 */

/** While something is about to change, and while nothing is. */
const watchMs = { busy: 2000, calm: 10_000 };

/** @type {{models: import('./api.js').Model[], seen: string, name: string, picture: Picture | null}} */
const state = { models: [], seen: '', name: '', picture: null };
/** @type {AbortController | null} */
let asking = null;

const chosen = () => state.models.find(({ name }) => name === state.name);
const stateSeen = () => JSON.stringify([state.models, state.name]);

// --- The list of models -----------------------------------------------------------------------------------

async function refresh() {
  try {
    state.models = await fetchModels();
    showNotice('');
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    byId('summary').dataset.state = 'FAILED';
    byId('summary').textContent = 'Not reachable';
    showNotice(`${error.message} This page keeps trying.`);
    return watchMs.busy;
  }
  view.showSummary(state.models);
  choose();
  const changing = state.models.some((model) =>
    model.versions.some((version) => version.state === 'LOADING' || version.state === 'UNLOADING'),
  );
  return changing || state.models.length === 0 ? watchMs.busy : watchMs.calm;
}

async function watch() {
  // A page nobody looks at asks nothing; it catches up when it is seen again.
  const wait = document.hidden ? watchMs.calm : await refresh();
  clearTimeout(timer);
  timer = setTimeout(watch, wait);
}
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {string} text */
function showNotice(text) {
  const notice = byId('notice');
  if (notice.textContent === text) return;
  if (text !== '' || notice.textContent !== '') announce(text || 'The server answers again.');
  notice.textContent = text;
  notice.hidden = text === '';
  document.body.classList.toggle('stale', text !== '');
}

/** Takes the model of the address, else the default one, and draws it if anything about it is new. */
function choose() {
  const { models } = state;
  const model =
    models.find(({ name }) => location.hash === view.hashOf(name)) ??
    chosen() ??
    models.find((candidate) => candidate.default) ??
    models.find((candidate) => view.stateOf(candidate) === 'READY') ??
    models[0];
  const isOther = state.name !== (model?.name ?? '');
  state.name = model?.name ?? '';
  byId('empty').hidden = model !== undefined;
  byId('model').hidden = model === undefined;
  if (isOther) forgetPicture();
  if (state.seen === stateSeen()) return;
  state.seen = stateSeen();
  view.showModels(models, state.name);
  document.title = model ? `${model.name} · Modelship` : 'Modelship';
  if (model) showModel(model);
}

/** @param {import('./api.js').Model} model */
function showModel(model) {
  const serving = view.servingVersion(model);
  const obstacle = view.obstacleOf(model);
  view.showTitle(model);
  byId('blocked').hidden = obstacle === null;
  byId('blocked').replaceChildren(...(obstacle ?? []));
  const wasBlocked = byId('work').hidden;
  byId('work').hidden = obstacle !== null;
  if (wasBlocked && !obstacle && state.picture === null) announce(`${model.name} is ready.`);
  view.showSamples(model, ({ name, url }) => ask({ name, sample: url }));
  view.markSample(state.picture?.sample && state.picture.name);
  view.showTensors(serving);
  /** @type {HTMLDetailsElement} */ (byId('tensors')).open = !model.picture;
  byId('terminal').hidden = serving === undefined;
  if (serving) showCurl(model, serving.inputs);
}

/**
 * @param {import('./api.js').Model} model
 * @param {import('./api.js').Tensor[]} inputs
 */
function showCurl(model, inputs) {
  const { name = 'picture.png', sample } = state.picture ?? {};
  const tensors = model.picture ? null : curlForTensors(location.origin, model.infer, inputs);
  const line = sample
    ? curlForSample(location.origin, model.predict, sample)
    : curlForFile(location.origin, model.predict, name);
  byId('curl').textContent = tensors?.line ?? line;
  byId('curl-note').textContent = tensors?.note ?? '';
  byId('curl-note').hidden = tensors === null;
}

// --- One picture ------------------------------------------------------------------------------------------

function forgetPicture() {
  asking?.abort();
  asking = null;
  state.picture = null;
  showPicture(null, 'Drop a picture anywhere on this page, or paste one.');
  showIdle('The answer appears here.');
}

/** @param {Picture} picture */
async function ask(picture) {
  const model = chosen();
  if (!model) return announce('There is no model to ask.');
  if (view.obstacleOf(model)) return announce(byId('blocked').textContent ?? '');
  asking?.abort();
  const current = new AbortController();
  asking = current;
  state.picture = picture;
  showPicture(
    picture.sample ?? (picture.blob ? URL.createObjectURL(picture.blob) : null),
    `${picture.name}${picture.note ?? ''}`,
  );
  view.markSample(picture.sample && picture.name);
  showCurl(model, view.servingVersion(model)?.inputs ?? []);
  const stopWaiting = showWaiting(model.name, () => current.abort());
  try {
    const blob = picture.blob ?? (await fetchSample(picture.sample ?? '', current.signal));
    const answer = await predict(model.predict, blob, current.signal);
    if (asking === current) showAnswer(answer);
  } catch (error) {
    // Another picture took this one's place: its own answer is what counts.
    if (asking !== current) return;
    if (current.signal.aborted) return showIdle('Cancelled.');
    const problem = error instanceof Problem ? error : new Problem(`The page failed: ${error}`);
    showProblem(problem, problem.retryable ? () => ask(picture) : null);
    // Whoever lost the server here should not read on top that all is well.
    if (problem.retryable) watch();
  } finally {
    stopWaiting();
    if (asking === current) asking = null;
  }
}

/**
 * @param {FileList | null | undefined} files
 * @param {string} otherwise what to say when there is none
 * @param {string} [how]
 */
function askAbout(files, otherwise, how = '') {
  const [file] = files ?? [];
  if (!file) return announce(otherwise);
  const first = files && files.length > 1 ? `, the first of ${files.length}` : '';
  ask({ name: file.name, blob: file, note: `${how}${first}` });
}

// --- Hands on the page ------------------------------------------------------------------------------------

const fileInput = /** @type {HTMLInputElement} */ (byId('file'));
byId('choose').addEventListener('click', () => fileInput.click());
fileInput.addEventListener('change', () => {
  askAbout(fileInput.files, 'No file was chosen.');
  // So that the same file can be chosen again after it was changed on disk.
  fileInput.value = '';
});

document.addEventListener('paste', (event) => {
  askAbout(event.clipboardData?.files, 'The clipboard holds no picture.', ', pasted');
});

document.addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dragging');
});
document.addEventListener('dragleave', (event) => {
  if (event.relatedTarget === null) document.body.classList.remove('dragging');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  askAbout(event.dataTransfer?.files, 'What was dropped is not a file.');
});

byId('copy').addEventListener('click', async () => {
  const copied = await copy(byId('curl'));
  byId('copy').textContent = copied ? 'Copied' : 'Press Ctrl+C';
  announce(copied ? 'The line is copied.' : 'The line is selected; press Control C.');
  setTimeout(() => {
    byId('copy').textContent = 'Copy';
  }, 2000);
});

/** Browsers give the clipboard to https and localhost only; elsewhere the line is selected and the old way tried. */
async function copy(/** @type {HTMLElement} */ element) {
  try {
    await navigator.clipboard.writeText(element.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return document.execCommand('copy');
  }
}

window.addEventListener('hashchange', choose);
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) watch();
});
forgetPicture();
watch();
