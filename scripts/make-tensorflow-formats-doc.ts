/**
 * Prints docs/formats-tensorflow.md: what is converted of TensorFlow's formats, and the operators.
 *
 *     tools/node24 scripts/make-tensorflow-formats-doc.ts > docs/formats-tensorflow.md
 */

import { supportedOps } from '../src/importers/tensorflow/evaluate/dispatch.ts';

console.log(`# TensorFlow's formats

| format | files | what is converted |
|---|---|---|
| TensorFlow SavedModel | a folder with \`saved_model.pb\` and \`variables/\` | of TensorFlow 2 (\`tf.saved_model.save\`, \`model.export()\` of Keras 3) and of TensorFlow 1, with reference or resource variables, also in several data files |
| TensorFlow frozen graph | \`.pb\` | a GraphDef whose variables were made constants; placeholders go in, what nothing else uses comes out |

Every signature is converted that can be; the others are named with the reason. Signatures that compute the same network
share one graph and its runners; each further graph has one runner of its own. All are served under their own names with their own
tensors: \`signature_name\` of TensorFlow Serving's APIs, the request parameter \`signature_name\` of Open Inference's. Only what a signature's outputs need is looked at, so training operators in the file do no harm.

Known numbers are computed ahead; a normalisation that an export split into a product and a sum is one operator again,
and so is a hard sigmoid (\`clip(x + 3, 0, 6) / 6\`).
Branches must be decided in the file (\`training\` left at its default, options of the export). Loops over rows or steps
(\`map_fn\`, LSTM, GRU) are converted; where the body treats every row alike there is no loop left.

**Pictures.** An input of texts is taken where the graph decodes them: \`decode_jpeg\`, \`decode_png\`, \`decode_bmp\`,
\`decode_image\` (of an animation the first frame; \`decode_gif\` is not taken), alone or in \`map_fn\`, also as a feature
of \`tf.train.Example\` (\`parse_example\`). An input that is a scalar stays one on the wire: it takes one picture and gives that
picture's outputs without rows, in TensorFlow Serving's REST as \`inputs\` (\`instances\` are refused by TensorFlow's decoder,
and here). The server decodes, the graph gets the pixels as bytes; all that comes after
(\`convert_image_dtype\`, resizing, scaling) stays in the graph as TensorFlow has it. JPEGs are decoded as TensorFlow 2.21
does on x86, bit for bit: its fast integer transform, or the accurate one where the graph says
\`dct_method="INTEGER_ACCURATE"\`, with \`fancy_upscaling\` and without. What TensorFlow refuses (cut files) is refused,
also where \`try_recover_truncated\` or \`acceptable_fraction\` would take it (noted on conversion); a \`ratio\` other
than 1 is refused with the graph. \`channels=0\` takes every picture as RGB (noted). Not so exact: the rare JPEGs that
[decisions/pictures.md](decisions/pictures.md#tensorflow) lists.

**Batch statistics.** A graph that was exported in training mode normalises with the statistics of the batch; its requests
never share a run.

half and bfloat16 are computed in single precision.

The networks of keras.applications through \`export()\` are in [formats.md](formats.md#kerasapplications).
Small files for each family of operators, with TensorFlow's answers, are in \`test/fixtures/tensorflow\`.

## Operators

${supportedOps.join(', ')}.`);
