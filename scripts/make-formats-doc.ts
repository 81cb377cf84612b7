/**
 * Prints docs/formats.md: the formats, and what formats/measure-applications.ts and measure-weights.ts measured of
 * keras.applications.
 *
 *     tools/node24 scripts/make-formats-doc.ts > docs/formats.md
 */

import { layerKinds } from '../src/importers/keras/layers/index.ts';
import { operations } from '../src/importers/keras/operations/index.ts';
import { applicationsCount, applicationsTable } from './formats/applications-tables.ts';
import { readRows } from './formats/rows.ts';
import { readWeightsRows } from './formats/weights-rows.ts';
import { weightsCount, weightsTable } from './formats/weights-table.ts';

const rows = readRows();
const weights = readWeightsRows();
const { keras, tensorflow } = rows.at(-1)?.versions ?? { keras: '?', tensorflow: '?' };
const list = (all: readonly string[]): string => [...all].sort().join(', ');

console.log(`# Formats

| format | files | what is converted |
|---|---|---|
| ONNX | \`.onnx\`, with external data | served as it is |
| Keras 3 | \`.keras\` | functional, Sequential and nested models; shared layers; several inputs and outputs; Keras operations |
| Keras HDF5 | \`.h5\`, \`.hdf5\` of Keras 3, Keras 2 and tf.keras, with the configuration inside | the same, and TensorFlow functions that tf.keras kept as layers |
| Keras HDF5, weights only | \`.h5\`, \`.weights.h5\` of Keras 3, Keras 2 and tf.keras | the 40 networks of keras.applications with a top of any number of classes, without it (\`notop\`) and pooled, at the published widths (alpha) and any size; named in model.yaml by [\`architecture\`](model-yaml.md) |
| TensorFlow SavedModel | a folder with \`saved_model.pb\` | of TensorFlow 2, TensorFlow 1 and Keras' \`export()\`: [formats-tensorflow.md](formats-tensorflow.md) |
| TensorFlow frozen graph | \`.pb\` | a GraphDef with its variables as constants |

\`modelship import MODEL -o OUT.onnx\` converts once; \`serve\`, \`predict\` and \`inspect\` take the files as they are and keep
the converted copy in the cache. The conversion runs in a process of its own, which can read the model's files and nothing
else; nothing of a model is executed. After it the result runs on zeros and on noise, with the runtime's optimisations on
and off: finite, of the declared shape, and the same both times.

Everything is computed in FP32: a model with a float16 or bfloat16 policy answers within that policy's rounding.
Refused by name, with the place in the model: Lambda layers and custom layers (Python code), subclassed models, weights
of a network that is not named, stateful and quantised layers, links and data outside of the file.

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

All 40 networks with random weights, saved by Keras ${keras} (TensorFlow ${tensorflow}) as \`.keras\`, as \`.h5\` and through
\`export()\`, converted, and asked for the two pictures that the reloaded files were asked for, with the runtime's
optimisations on and off. The batch statistics are measured on pictures and then moved a little, so that the signal keeps
its scale through all layers; answers differ between the pictures and between the classes.

- *.keras*, *.h5*, *export()*: the largest difference from the framework's answer, in standard deviations of the answer.
  The bound is 1e-4: ${applicationsCount(rows, 'small')} are within it.
- *to FP64*: the largest difference from Keras' answer in double precision, of ours and of the framework's own FP32.
- *conversion*: of .keras, .h5 and export(), the fastest of three, without the start of its process and the check after it;
  *run*: both pictures in one thread, from .keras and from export(). The machine had other work to do.
- *transposes*: how often the graph from .keras and from export() turns its layout.
- ¹ Keras does not reload this file itself; the answer is that of the model before it was saved.

Pictures are small (64 to 139 pixels a side), answers have ten classes, MobileNet and MobileNetV2 half of their width:

${applicationsTable(rows, 'small')}

Some at full size, with 1000 classes, as the constructors make them when they are told nothing; the others are an opt-in run
([CONTRIBUTING.md](../CONTRIBUTING.md)). No times where the machine was so busy that they would say nothing:

${applicationsTable(rows, 'full')}

## Weights of keras.applications

The same networks made with other arguments, weights alone saved by Keras, both as Keras 3 does it (\`.weights.h5\`) and as
before (\`.h5\`), and converted with \`architecture\`. Each has pictures of another size: a top of ten classes without activation
(96 × 96), no top (128 × 97), average pooling (101 × 103) and maximum pooling (80 × 112). MobileNet has an alpha of 0.25, 0.5,
0.75 and 0.125 there, MobileNetV2 0.35, 1.4, 0.75 and 0.5, MobileNetV3 0.75 with its top; *minimalistic* is its other form,
*imagenet* the network that EfficientNet's published weights belong to.

The numbers are the largest difference from Keras' answer, in its standard deviations, of what \`modelship import --verify\` made
of the older layout. The newer one became the same graph, byte for byte, unless the table says otherwise.
${weightsCount(weights)} are within 1e-4 in both layouts; the other networks were not run.
² by the check after the conversion: on noise, which is no picture to these random weights, what the runtime computes with and
without its optimisations differs by 1.3e-3. On the pictures both are within 1.9e-5 of Keras' answer.

${weightsTable(weights)}

That a network is the one Keras makes is tested for all 40, by sums of the configurations that Keras gave
(\`scripts/architectures.py\`), with and without the top, pooled, at even, odd and open sizes and at every alpha that is known.

The layers of one small file each, with recorded answers, are in \`test/fixtures/keras\`.

## Keras layers

${list(Object.keys(layerKinds).filter((name) => !/Cell$/.test(name) || /^(LSTM|GRU|SimpleRNN)/.test(name)))}.

## Keras operations

${list(Object.keys(operations))}.`);
