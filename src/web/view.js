/**
 * Puts the state of the page into the document.
 *
 * Names, labels and messages come from files and servers: they only ever become text nodes.
 */

/** @typedef {import('./api.js').Model} Model */
/** @typedef {import('./api.js').Version} Version */
/** @typedef {import('./api.js').Tensor} Tensor */

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no #${id}.`);
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children strings become text
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {string} text */
export function announce(text) {
  // The same text twice is silence to a screen reader; an invisible difference makes it news.
  const region = byId('announce');
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
}

const stateWords = {
  READY: 'ready',
  LOADING: 'loading',
  UNAVAILABLE: 'restarting',
  FAILED: 'failed',
  UNLOADING: 'unloading',
};

/** The version that answers: the newest that is ready. @param {Model} model */
export function servingVersion({ versions }) {
  const ready = versions.filter(({ state }) => state === 'READY');
  return ready.sort((a, b) => Number(b.version) - Number(a.version))[0];
}

/** @type {import('./api.js').State[]} */
const byPromise = ['READY', 'UNAVAILABLE', 'LOADING', 'FAILED'];

/** One word for all versions of a model: the best of them counts. @param {Model} model */
export function stateOf({ versions }) {
  const best = byPromise.find((state) => versions.some((version) => version.state === state));
  return best ?? 'UNLOADING';
}

/** @param {Model[]} models */
export function showSummary(models) {
  const ready = models.filter((model) => stateOf(model) === 'READY').length;
  const loading = models.some((model) => stateOf(model) === 'LOADING');
  const plural = models.length === 1 ? 'model serves' : 'models serve';
  const summary = byId('summary');
  summary.textContent =
    models.length === 0
      ? 'No model'
      : ready === models.length
        ? `${ready} ${plural}`
        : `${ready} of ${models.length} ${plural}`;
  const failed = models.length > 0 ? 'FAILED' : 'UNLOADING';
  summary.dataset.state = ready > 0 ? 'READY' : loading ? 'LOADING' : failed;
}

/** Where a model is on this page, for links and bookmarks. @param {string} name */
export const hashOf = (name) => `#/${encodeURIComponent(name)}`;

/**
 * @param {Model[]} models
 * @param {string} chosen
 */
export function showModels(models, chosen) {
  const nav = byId('models');
  nav.hidden = models.length < 2;
  const links = models.map((model) => {
    const state = stateOf(model);
    const link = make('a', { href: hashOf(model.name) }, model.name);
    if (model.name === chosen) link.setAttribute('aria-current', 'page');
    if (state !== 'READY') {
      link.append(' ', make('span', { class: 'state', 'data-state': state }, stateWords[state]));
    }
    return make('li', {}, link);
  });
  keepFocus(nav, () => nav.replaceChildren(make('ul', {}, ...links)));
}

/**
 * Redrawing must not throw a keyboard user back to the top of the page.
 * @param {HTMLElement} parent
 * @param {() => void} redraw
 */
function keepFocus(parent, redraw) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const keyOf = (/** @type {Element} */ at) => at.getAttribute('href') ?? at.getAttribute('title');
  redraw();
  if (!focused) return;
  const same = [...parent.querySelectorAll('a, button')].find((at) => keyOf(at) === keyOf(focused));
  /** @type {HTMLElement | undefined} */ (same)?.focus();
}

/** @param {Model} model */
export function showTitle(model) {
  const title = [make('h2', {}, model.name)];
  if (model.default) {
    title.push(make('span', { class: 'tag', title: 'Answers on /predict too' }, 'default'));
  }
  const versions = model.versions.map(({ version, state, reason }) => {
    const name = `version ${version} ${stateWords[state] ?? state}`;
    const item = make('li', {}, make('span', { class: 'state', 'data-state': state }, name));
    if (reason) item.append(...paragraphs(reason, 'reason'));
    return item;
  });
  byId('title').replaceChildren(...title, make('ul', { 'aria-label': 'Versions' }, ...versions));
}

/**
 * The messages of the catalogue are a sentence, and sometimes lines to copy below it.
 * @param {string} message
 * @param {string} [className]
 */
export function paragraphs(message, className = '') {
  const [sentence = '', ...lines] = message.split('\n');
  const shown = [make('p', { class: className }, sentence)];
  if (lines.length > 0) {
    shown.push(make('pre', {}, lines.join('\n')));
  }
  return shown;
}

const whyNot = {
  UNAVAILABLE: 'What runs it has ended and is being replaced.',
  FAILED: 'No version of it could be loaded.',
  UNLOADING: 'It is being unloaded.',
};

/** Why no picture can be tried on this model now; null when one can. @param {Model} model */
export function obstacleOf(model) {
  const state = stateOf(model);
  if (state === 'LOADING') {
    return [
      make('h3', {}, `${model.name} is loading`),
      make('progress', { 'aria-label': `Loading ${model.name}` }),
      make('p', { class: 'quiet' }, 'This page notices by itself when it is ready.'),
    ];
  }
  if (state !== 'READY') {
    return [make('h3', {}, `${model.name} does not serve`), make('p', {}, whyNot[state])];
  }
  if (model.picture) return null;
  return model.pictureProblem === null
    ? [
        make('h3', {}, 'This model takes tensors'),
        make('p', {}, 'Send its inputs to the tensor API; the line below is a start.'),
      ]
    : [make('h3', {}, 'This model takes no pictures yet'), ...paragraphs(model.pictureProblem)];
}

/**
 * @param {Model} model
 * @param {(sample: import('./api.js').Sample) => void} choose
 */
export function showSamples(model, choose) {
  byId('samples-block').hidden = model.samples.length === 0;
  const buttons = model.samples.map((sample) => {
    const picture = make('img', { src: sample.url, alt: `Sample ${sample.name}` });
    const button = make('button', { type: 'button', title: sample.name }, picture);
    button.addEventListener('click', () => choose(sample));
    return make('li', {}, button);
  });
  const list = byId('samples');
  keepFocus(list, () => list.replaceChildren(...buttons));
}

/** Shows which sample, if any, the answer is about. @param {string | undefined} name */
export function markSample(name) {
  for (const button of byId('samples').querySelectorAll('button')) {
    if (button.title === name) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}

/** @param {Version | undefined} version */
export function showTensors(version) {
  byId('tensors').hidden = version === undefined;
  if (!version) return;
  byId('tensor-tables').replaceChildren(
    tensorTable('Inputs', version.inputs),
    tensorTable('Outputs', version.outputs),
  );
}

/** @param {string} caption @param {Tensor[]} tensors */
function tensorTable(caption, tensors) {
  const head = ['Name', 'Type', 'Shape'].map((text) => make('th', { scope: 'col' }, text));
  const rows = tensors.map(({ name, datatype, shape }) => {
    const dims = shape.map((dim) => (dim < 0 ? 'any' : String(dim))).join(' × ');
    const cells = [datatype, dims || 'scalar'].map((text) => make('td', {}, text));
    return make('tr', {}, make('th', { scope: 'row' }, name), ...cells);
  });
  const body = [make('thead', {}, make('tr', {}, ...head)), make('tbody', {}, ...rows)];
  return make('table', {}, make('caption', {}, caption), ...body);
}
