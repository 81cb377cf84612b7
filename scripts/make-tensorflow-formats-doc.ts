/**
 * Prints docs/formats-tensorflow.md: the networks of keras.applications through `model.export()`, with
 * random weights and statistics, converted here and compared with the answers of the reloaded SavedModel;
 * and the operators that are converted. By hand, with Python:
 *
 *     MODELSHIP_PYTHON=venv/bin/python tools/node24 scripts/make-tensorflow-formats-doc.ts [NAME …] > docs/formats-tensorflow.md
 *
 * What was measured before is kept in the file that MODELSHIP_FORMATS names, so that a run can go on;
 * without names only that is printed.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertModel } from '../src/importers/convert-model.ts';
import { supportedOps } from '../src/importers/tensorflow/evaluate/dispatch.ts';
import { savedModelImporter } from '../src/importers/tensorflow/importer.ts';
import { compareImported, readRecorded } from '../test/importers/recorded.ts';

interface Row {
  readonly name: string;
  readonly megabytes: number;
  readonly milliseconds?: number;
  readonly peakMegabytes?: number;
  readonly transposes?: number;
  readonly error?: number;
  readonly refused?: string;
}

const python = process.env.MODELSHIP_PYTHON ?? 'python3';
const memory = process.env.MODELSHIP_FORMATS ?? join(tmpdir(), 'modelship-tensorflow.json');
const exporter = join(import.meta.dirname, '../test/fixtures/tensorflow/export_applications.py');
const known: Row[] = existsSync(memory) ? (JSON.parse(readFileSync(memory, 'utf8')) as Row[]) : [];

async function measure(name: string): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-tensorflow-'));
  try {
    const made = spawnSync(python, [exporter, folder, name], { encoding: 'utf8' });
    const path = join(folder, name);
    if (made.status !== 0) {
      const why = made.stderr.trim().split('\n').at(-1) ?? '';
      return { name, megabytes: 0, refused: `Keras itself: ${why.slice(0, 120)}` };
    }
    const data = join(path, 'variables/variables.data-00000-of-00001');
    return { name, megabytes: statSync(data).size / 2 ** 20, ...(await compare(path, folder)) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(path: string, folder: string): Promise<Partial<Row>> {
  try {
    const { milliseconds, peakBytes } = convertModel({ path, options: {}, folder });
    using model = savedModelImporter.open(path, {});
    const differences = await compareImported(model, readRecorded(`${path}.json`));
    const nodes = model.signatures[0]?.graph.nodes ?? [];
    return {
      milliseconds,
      peakMegabytes: peakBytes / 2 ** 20,
      transposes: nodes.filter(({ op }) => op === 'Transpose').length,
      error: Math.max(...differences.map(({ error }) => error)),
    };
  } catch (error) {
    return { refused: (error as Error).message.slice(0, 160) };
  }
}

for (const name of process.argv.slice(2)) {
  if (known.some((row) => row.name === name)) continue;
  const row = await measure(name);
  console.error(JSON.stringify(row));
  known.push(row);
  writeFileSync(memory, JSON.stringify(known));
}

function line({ name, megabytes, transposes, error, refused }: Row): string {
  const cells =
    error === undefined
      ? [`refused: ${refused}`, '']
      : [error.toExponential(1), String(transposes)];
  return `| ${[name, megabytes.toFixed(0), ...cells].join(' | ')} |`;
}

console.log(`# TensorFlow's formats

| format | files | what is converted |
|---|---|---|
| TensorFlow SavedModel | a folder with \`saved_model.pb\` and \`variables/\` | of TensorFlow 2 (\`tf.saved_model.save\`, \`model.export()\` of Keras 3) and of TensorFlow 1, with reference or resource variables, also in several data files |
| TensorFlow frozen graph | \`.pb\` | a GraphDef whose variables were made constants; placeholders go in, what nothing else uses comes out |

Every signature is converted that can be; the others are named with the reason. Signatures that compute the same network
share one graph and its runners; each further graph has one runner of its own. All are served under their own names with their own
tensors: \`signature_name\` of TensorFlow Serving's APIs, the request parameter \`signature_name\` of Open Inference's. Only what a signature's outputs need is looked at, so training operators in the file do no harm.

Known numbers are computed ahead; a normalisation that an export split into a product and a sum is one operator again.
Branches must be decided in the file (\`training\` left at its default, options of the export). Loops over rows or steps
(\`map_fn\`, LSTM, GRU) are converted; where the body treats every row alike there is no loop left.

**Pictures.** An input of texts is taken where the graph decodes them: \`decode_jpeg\`, \`decode_png\`, \`decode_image\`, alone
or in \`map_fn\`, also as a feature of \`tf.train.Example\` (\`parse_example\`). The server decodes, the graph gets the pixels as
bytes; all that comes after (\`convert_image_dtype\`, resizing, scaling) stays in the graph as TensorFlow has it. JPEGs
are decoded as TensorFlow 2.21 does on x86, bit for bit: its fast integer transform, or the accurate one where the graph
says \`dct_method="INTEGER_ACCURATE"\`. What TensorFlow refuses (cut files) is refused. Not so exact: \`fancy_upscaling=False\`
(noted on conversion), \`try_recover_truncated\` and \`acceptable_fraction\` (cut files are refused all the same), and the rare
JPEGs that [decisions/pictures.md](decisions/pictures.md#tensorflow) lists.

**Batch statistics.** A graph that was exported in training mode normalises with the statistics of the batch; its requests
never share a run.

half and bfloat16 are computed in single precision.

## keras.applications through \`export()\`

Random weights and statistics, at small inputs (64 to 75 pixels a side) (Keras 3.15.1, TensorFlow 2.21.0). *error*:
the largest difference from the reloaded SavedModel's answer, in standard deviations of the answer, with the runtime's
optimisations on and off; the bound is 1e-4. *transposes*: how often the whole graph turns its layout.

| network | MB | error | transposes |
|---|---|---|---|
${known
  .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  .map(line)
  .join('\n')}

Small files for each family of operators, with TensorFlow's answers, are in \`test/fixtures/tensorflow\`.

## Operators

${supportedOps.join(', ')}.`);
