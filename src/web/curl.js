/**
 * The lines a person can paste into a terminal. Pure.
 *
 * Names of models and files are not ours: whatever is in them, the line must be one argument to the
 * shell and one file name to curl.
 */

/** @param {string} word */
export function quoteForShell(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * The address as curl needs it: `[`, `]`, `{` and `}` would be ranges and lists to it.
 * @param {string} path
 * @param {string} origin
 */
function address(path, origin) {
  const { href } = new URL(path, origin);
  return quoteForShell(href.replace(/[[\]{}]/g, encodeURIComponent));
}

/** `-F` gives `,` `;` and `"` a meaning of their own (curl's manual, --form): such names go in double quotes. */
function formFile(/** @type {string} */ name) {
  // A control character could leave the quotes when it is pasted into a terminal.
  const usable = name !== '' && name !== '-' && !/\p{Cc}/u.test(name);
  if (!usable) return 'picture.png';
  return /^[^\s",;\\<]+$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * @param {string} origin
 * @param {string} predict path
 * @param {string} file name of the picture
 */
export function curlForFile(origin, predict, file) {
  return `curl -F ${quoteForShell(`image=@${formFile(file)}`)} ${address(predict, origin)}`;
}

/**
 * A sample is on the server and not on the person's disk: fetch it and send it on, so that the line works as it is.
 * @param {string} origin
 * @param {string} predict path
 * @param {string} sample path
 */
export function curlForSample(origin, predict, sample) {
  return `curl -s ${address(sample, origin)} |\n  curl -F image=@- ${address(predict, origin)}`;
}

/** More numbers than this are not written out. */
const longest = 64;

/** @param {import('./api.js').Tensor} input */
function exampleTensor({ name, datatype, shape }) {
  const dims = shape.map((dim) => (dim > 0 ? dim : 1));
  const count = dims.reduce((product, dim) => product * dim, 1);
  const value = { BOOL: 'false', BYTES: '"text"' }[datatype] ?? '0';
  const data =
    count > longest ? `${value}, ${value}, …` : Array.from({ length: count }, () => value).join();
  const note =
    count > longest
      ? `Replace the data of ${name} with its ${count.toLocaleString('en')} values, row by row.`
      : '';
  const head = `"name":${JSON.stringify(name)},"datatype":${JSON.stringify(datatype)}`;
  return { json: `{${head},"shape":[${dims.join()}],"data":[${data}]}`, note };
}

/**
 * A request to the tensor API with zeros in place of a person's data, and what has to be replaced in it.
 * @param {string} origin
 * @param {string} infer path
 * @param {import('./api.js').Tensor[]} inputs
 * @returns {{line: string, note: string}}
 */
export function curlForTensors(origin, infer, inputs) {
  const tensors = inputs.map(exampleTensor);
  const body = `{"inputs":[${tensors.map(({ json }) => json).join(',\n  ')}]}`;
  const notes = tensors.map(({ note }) => note).filter((note) => note !== '');
  return {
    line: `curl -H 'Content-Type: application/json' ${address(infer, origin)} \\
  -d ${quoteForShell(body)}`,
    note: notes.join(' ') || 'Put your own values in place of the examples.',
  };
}
