/**
 * Prints docs/formats.md: every network of keras.applications, saved with random weights by Keras itself,
 * converted here and compared with the answers of the reloaded file. By hand, with Python:
 *
 *     MODELSHIP_PYTHON=venv/bin/python tools/node24 scripts/make-formats-doc.ts [NAME …] > docs/formats.md
 *
 * What was measured before is kept in the file that MODELSHIP_FORMATS names, so that a run can go on; files that
 * applications.py wrote before are taken from the folder MODELSHIP_SAVED, and only those then.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertModel } from '../src/importers/convert-model.ts';
import { findImporter } from '../src/importers/importers.ts';
import { layerKinds } from '../src/importers/keras/layers/index.ts';
import { operations } from '../src/importers/keras/operations/index.ts';
import { compareImported, readRecorded } from '../test/importers/recorded.ts';

interface Row {
  readonly name: string;
  readonly format: string;
  readonly megabytes: number;
  /** Largest difference in standard deviations; absent when refused. */
  readonly error?: number;
  readonly milliseconds?: number;
  readonly refused?: string;
}

const python = process.env.MODELSHIP_PYTHON ?? 'python3';
const memory = process.env.MODELSHIP_FORMATS ?? join(tmpdir(), 'modelship-formats.json');
const recorder = join(import.meta.dirname, '../test/fixtures/keras/applications.py');
const formats = ['keras', 'h5'];

const names = /NAMES = \(([^)]*)\)/
  .exec(readFileSync(recorder, 'utf8'))?.[1]
  ?.match(/\w+/g) as string[];

const known: Row[] = existsSync(memory) ? (JSON.parse(readFileSync(memory, 'utf8')) as Row[]) : [];

/** A model that was saved before, with its answers. */
function savedBefore(name: string, format: string): string | undefined {
  const path = join(process.env.MODELSHIP_SAVED ?? '', `${name}.${format}`);
  return existsSync(`${path}.json`) ? path : undefined;
}

async function measure(name: string, format: string): Promise<Row> {
  const before = savedBefore(name, format);
  if (before !== undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'modelship-formats-'));
    const row = await compare(before, folder);
    rmSync(folder, { recursive: true, force: true });
    return { name, format, megabytes: statSync(before).size / 2 ** 20, ...row };
  }
  const folder = mkdtempSync(join(tmpdir(), 'modelship-formats-'));
  try {
    const saved = spawnSync(python, [recorder, folder, format, name], { encoding: 'utf8' });
    const path = join(folder, `${name}.${format}`);
    const base = { name, format, megabytes: existsSync(path) ? statSync(path).size / 2 ** 20 : 0 };
    if (saved.status !== 0) {
      const why = saved.stderr.trim().split('\n').at(-1) ?? '';
      return { ...base, refused: `Keras itself: ${why.slice(0, 120)}` };
    }
    return { ...base, ...(await compare(path, folder)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(path: string, folder: string): Promise<Partial<Row>> {
  const importer = findImporter(path);
  if (!importer) return { refused: 'not known' };
  try {
    // The first conversion loads code; the second is what a warm process takes.
    const times = [1, 2].map(() => convertModel({ path, options: {}, folder }).milliseconds);
    using model = importer.open(path, {});
    const differences = await compareImported(model, readRecorded(`${path}.json`));
    return {
      error: Math.max(...differences.map(({ error }) => error)),
      milliseconds: Math.min(...times),
    };
  } catch (error) {
    return { refused: (error as Error).message.slice(0, 160) };
  }
}

async function fill(wanted: readonly string[]): Promise<void> {
  for (const name of wanted) {
    for (const format of formats) {
      if (known.some((row) => row.name === name && row.format === format)) continue;
      if (process.env.MODELSHIP_SAVED !== undefined && !savedBefore(name, format)) continue;
      const row = await measure(name, format);
      console.error(JSON.stringify(row));
      known.push(row);
      writeFileSync(memory, JSON.stringify(known));
    }
  }
}

function cell(name: string, format: string): string[] {
  const row = known.find((one) => one.name === name && one.format === format);
  if (!row) return ['not run', ''];
  if (row.error === undefined) return [`refused: ${row.refused}`, ''];
  return [row.error.toExponential(1), `${row.milliseconds?.toFixed(0)} ms`];
}

function table(): string {
  return names
    .map((name) => {
      const size = known.find((row) => row.name === name)?.megabytes;
      const cells = formats.flatMap((format) => cell(name, format));
      return `| ${[name, size === undefined ? '' : size.toFixed(0), ...cells].join(' | ')} |`;
    })
    .join('\n');
}

const wanted = process.argv.slice(2);
await fill(wanted.length > 0 ? wanted : names);
const list = (all: readonly string[]): string => [...all].sort().join(', ');

console.log(`# Formats

| format | files | what is converted |
|---|---|---|
| ONNX | \`.onnx\`, with external data | served as it is |
| Keras 3 | \`.keras\` | functional, Sequential and nested models; shared layers; several inputs and outputs; Keras operations |
| Keras HDF5 | \`.h5\`, \`.hdf5\` of Keras 3, Keras 2 and tf.keras, with the configuration inside | the same, and TensorFlow functions that tf.keras kept as layers |
| TensorFlow SavedModel | a folder with \`saved_model.pb\` | of TensorFlow 2, TensorFlow 1 and Keras' \`export()\`: [formats-tensorflow.md](formats-tensorflow.md) |
| TensorFlow frozen graph | \`.pb\` | a GraphDef with its variables as constants |

\`modelship import MODEL -o OUT.onnx\` converts once; \`serve\`, \`predict\` and \`inspect\` take the files as they are and keep
the converted copy in the cache. The conversion runs in a process of its own, which can read the model's files and nothing
else; nothing of a model is executed. After it the result runs on zeros and on noise, with the runtime's optimisations on
and off: finite, of the declared shape, and the same both times.

Everything is computed in FP32: a model with a float16 or bfloat16 policy answers within that policy's rounding.
Refused by name, with the place in the model: Lambda layers and custom layers (Python code), subclassed models, weights
without a network, stateful and quantised layers, links and data outside of the file.

## Names of inputs and outputs

Clients send tensors under the names that the model's author gave; \`modelship inspect\` shows them.

- **Keras**: an input has the name of its input layer (\`Input(shape, name="picture")\`; unnamed ones are \`input_layer\`,
  \`input_layer_1\`, …; a Sequential model without an input layer: the first layer's name and \`_input\`). An output has the name of
  the layer or operation that makes it (\`Dense(5, name="scores")\`; \`dense_2\`, \`add\`), or its key where the outputs are a
  dictionary. A name that is taken already gets \`_1\`.
- **TensorFlow**: the names of the signature's inputs and outputs. In what \`model.export()\` writes, outputs are \`output_0\`,
  \`output_1\`, …, and inputs have the names of their input layers. In a frozen graph: the names of the nodes.

Other names for the same tensors: \`signatures\` in [model.yaml](model-yaml.md).

## Pictures

A model says how pictures become its input in a [model.yaml](model-yaml.md) beside it, \`cnn.yaml\` for a \`cnn.keras\` that stands
among others. A model with its own \`Rescaling\` or \`Normalization\` layer takes the pixels as they are:
[an example](model-yaml.md#a-model-that-scales-the-pixels-itself).

## keras.applications

Each network with random weights and statistics, saved by Keras 3.15.1 at the smallest input that its constructor takes,
reloaded by Keras, and asked for two pictures. *error*: the largest difference from the reloaded file's answer, in standard
deviations of the answer, optimised and not; the bound is 1e-4. *time*: the conversion in a warm process.

| network | MB | .keras: error | time | .h5: error | time |
|---|---|---|---|---|---|
${table()}

Random weights amplify rounding in deep networks. ResNet101: Keras' own FP32 answer is 3.2e-4 σ from its float64 answer, ours
1.5e-4. EfficientNetB3 and ResNet101V2 are over the bound too and were not compared with float64 yet; shallower members of
the same families, which have the same layers, are within it. *not run*: not measured yet. Conversion times come from a busy
machine.

The layers of one small file each, with recorded answers, are in \`test/fixtures/keras\`.

## Keras layers

${list(Object.keys(layerKinds).filter((name) => !/Cell$/.test(name) || /^(LSTM|GRU|SimpleRNN)/.test(name)))}.

## Keras operations

${list(Object.keys(operations))}.`);
