/** The answer panel and the picture beside it, in each of their states. */

import { announce, byId, make, paragraphs } from './view.js';

/** Below this nobody sees a wait, and a progress bar would only flicker. */
const patienceMs = 200;
/** From here on a screen reader hears that the wait goes on. */
const longWaitSeconds = 5;

/** @param {number} ms */
function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(1)} ms`;
}

/** Never rounds to a certainty that the model did not claim. @param {number} probability */
function percent(probability) {
  if (probability > 0.9995 && probability < 1) return '> 99.9%';
  if (probability < 0.0005 && probability > 0) return '< 0.1%';
  return `${(probability * 100).toFixed(1)}%`;
}

/** @param {string} text */
export function showIdle(text) {
  byId('answer').setAttribute('aria-busy', 'false');
  byId('answer').replaceChildren(make('p', { class: 'quiet idle' }, text));
}

/**
 * @param {string} model
 * @param {() => void} cancel
 * @returns {() => void} ends the wait
 */
export function showWaiting(model, cancel) {
  const panel = byId('answer');
  panel.setAttribute('aria-busy', 'true');
  const seconds = make('span', { 'aria-hidden': 'true', class: 'quiet' });
  const button = make('button', { type: 'button' }, 'Cancel');
  button.addEventListener('click', cancel);
  const patience = setTimeout(() => {
    const asking = make('p', {}, `Asking ${model}… `, seconds);
    const progress = make('progress', { 'aria-label': `Asking ${model}` });
    panel.replaceChildren(make('div', { class: 'waiting' }, asking, progress, button));
    announce(`Asking ${model}.`);
  }, patienceMs);
  let elapsed = 0;
  const ticking = setInterval(() => {
    elapsed += 1;
    seconds.textContent = `${elapsed} s`;
    if (elapsed === longWaitSeconds) announce(`Still waiting for ${model}.`);
  }, 1000);
  return () => {
    clearTimeout(patience);
    clearInterval(ticking);
  };
}

/** @param {import('./api.js').Answer} answer */
export function showAnswer({ predictions, text, roundTripMs, serverMs }) {
  const panel = byId('answer');
  panel.setAttribute('aria-busy', 'false');
  const server = serverMs === null ? '' : `, of which the server took ${duration(serverMs)}`;
  const time = `Answered in ${duration(roundTripMs)}${server}.`;
  const [top] = predictions ?? [];
  const shown = top ? [topOf(top), bars(predictions ?? [])] : [make('pre', {}, text)];
  panel.replaceChildren(...shown, make('p', { class: 'quiet time' }, time));
  announce(`${top ? (predictions ?? []).map(spoken).join('; ') : text}. ${time}`);
}

/** @param {import('./api.js').Prediction} prediction */
const spoken = ({ label, probability }) => `${label}, ${percent(probability)}`;

/** @param {import('./api.js').Prediction} prediction */
function topOf({ label, probability }) {
  return make(
    'p',
    { class: 'top' },
    make('strong', {}, label),
    ' ',
    make('span', {}, percent(probability)),
  );
}

/** @param {import('./api.js').Prediction[]} predictions */
function bars(predictions) {
  const items = predictions.map(({ label, probability }) => {
    const fill = make('span');
    // Through the object model: a style attribute would need 'unsafe-inline' in the policy.
    fill.style.width = `${Math.min(Math.max(probability, 0), 1) * 100}%`;
    return make(
      'li',
      {},
      make('span', { class: 'label' }, label),
      make('span', { class: 'value' }, percent(probability)),
      make('span', { class: 'bar', 'aria-hidden': 'true' }, fill),
    );
  });
  // The role is said because Safari drops it from lists without bullets.
  return make('ol', { class: 'bars', role: 'list', 'aria-label': 'Predictions' }, ...items);
}

/**
 * @param {import('./api.js').Problem} problem
 * @param {(() => void) | null} retry
 */
export function showProblem({ message, code }, retry) {
  const panel = byId('answer');
  panel.setAttribute('aria-busy', 'false');
  const shown = [make('h4', {}, 'No answer'), ...paragraphs(message)];
  if (code !== '') shown.push(make('p', { class: 'quiet' }, 'Code ', make('code', {}, code)));
  if (retry) {
    const button = make('button', { type: 'button' }, 'Try again');
    button.addEventListener('click', retry);
    shown.push(button);
  }
  panel.replaceChildren(make('div', { class: 'problem' }, ...shown));
  announce(`No answer. ${message} ${code && `Code ${code}.`}`);
}

/**
 * Shows the picture that was sent, or takes it away.
 * @param {string | null} url
 * @param {string} text
 */
export function showPicture(url, text) {
  const image = /** @type {HTMLImageElement} */ (byId('preview'));
  if (image.src.startsWith('blob:')) URL.revokeObjectURL(image.src);
  byId('hint').textContent = text;
  image.hidden = true;
  if (url === null) return image.removeAttribute('src');
  image.alt = text;
  image.onload = () => {
    image.hidden = false;
    // A digit of 28 × 28 is to be seen as the model sees it, not as a blur.
    image.classList.toggle('tiny', Math.max(image.naturalWidth, image.naturalHeight) <= 96);
  };
  image.onerror = () => {
    byId('hint').textContent = `${text} (this browser cannot show it)`;
  };
  image.src = url;
}
