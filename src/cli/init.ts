/**
 * `modelship init`: writes a commented model.yaml, with everything that could be derived from the model
 * and proposals for what could not.
 */

import { existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { ServingError } from '../errors.ts';
import { findPictureTensor } from '../pipeline/picture-tensor.ts';
import { planScores } from '../pipeline/scores.ts';
import { findModels } from '../repository/find-models.ts';
import type { ModelSignature } from '../repository/model-signature.ts';
import type { ReadModel } from '../repository/read-model.ts';
import { readModel } from '../repository/read-model.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { Output } from './terminal.ts';

export interface InitOptions {
  readonly force: boolean;
  readonly print: boolean;
}

const describe = ({ name, dtype, shape }: TensorSpec): string =>
  `${name} ${dtype} [${shape.map((dim) => dim ?? '?').join(', ')}]`;

/** Presets that fit the size of the model's input, to choose from. */
function presetsFor(size: number | null): string {
  const known: Record<number, string> = {
    32: 'gluon/cifar10',
    224: 'torchvision/resnet50, keras/caffe (ResNet, VGG), keras/tf (MobileNet), keras/torch (DenseNet)',
    299: 'torchvision/inception_v3, keras/tf (Inception, Xception)',
  };
  return (
    known[size ?? 0] ?? 'torchvision/<model>, keras/caffe, keras/tf, keras/torch, gluon/cifar10'
  );
}

function inputLines({ inputs }: ModelSignature): string[] {
  const { tensor, reason } = findPictureTensor(inputs, undefined, undefined);
  if (!tensor) {
    return [
      '# Pictures: not for this model, as it stands:',
      `#   ${reason}.`,
      '# The tensor APIs serve it without any of this.',
    ];
  }
  const { height, width, layout } = tensor;
  const size =
    height && width ? (height === width ? String(height) : `[${height}, ${width}]`) : '224';
  return [
    `# How a picture becomes the input '${tensor.name}' (${layout}, ${height ?? 'any'}×${width ?? 'any'}, from the model).`,
    '# Colour order, scale, mean and std are those of training: the model does not say them, and nothing',
    '# guesses them. Remove the # and set them, or name a preset that fills in all of it.',
    '#input:',
    `#  preset: ${presetsFor(height).split(/[ ,]/)[0]}        # others: ${presetsFor(height)}`,
    '# or',
    '#input:',
    `#  color: ${tensor.channels === 1 ? 'gray' : 'rgb'}                  # rgb | bgr | gray`,
    `#  resize: {mode: exact, size: ${size}, filter: bilinear, antialias: true}   # or mode: shortest-edge with a crop`,
    `#  # crop: {size: ${size}}`,
    '#  scale: 0.00392156862745098   # 1/255; 1 when the model wants 0 to 255',
    '#  mean: [0.485, 0.456, 0.406]  # leave out when training subtracted none',
    '#  std: [0.229, 0.224, 0.225]',
    '#  fast: false                  # true: faster JPEG resize, a few levels off',
  ];
}

function outputLines(model: ReadModel, signature: ModelSignature): string[] {
  const { plan, problem } = planScores(model.config.output, undefined, signature.outputs);
  if (!plan) return [`# Labelled answers: ${problem}.`];
  const classes = signature.outputs[plan.index]?.shape[1];
  const labels = existsSync(join(model.folder, 'labels.txt'));
  return [
    `# The scores are '${plan.name}'${classes ? `, ${classes} classes` : ''}.`,
    'output:',
    '  activation: auto      # auto | softmax | sigmoid | none',
    labels
      ? '  labels: labels.txt    # one a line, in the order of the classes'
      : `  # labels: labels.txt  # a file with ${classes ?? 'one label for each class,'} lines, in the order of the classes`,
    '  top: 5',
    '  as: json              # sentence: one line of text for each picture',
  ];
}

/** The text of a model.yaml for this model. */
export function proposeModelYaml(model: ReadModel, signature: ModelSignature): string {
  return [
    `# ${model.name}: ${signature.format}${signature.producer ? `, written by ${signature.producer}` : ''}.`,
    `# inputs:  ${signature.inputs.map(describe).join('; ')}`,
    `# outputs: ${signature.outputs.map(describe).join('; ')}`,
    '# Everything here is optional; `modelship inspect` shows what it leads to.',
    `name: ${model.name}`,
    '',
    ...inputLines(signature),
    '',
    ...outputLines(model, signature),
    '',
    '# Left out, these follow from the machine and the model:',
    '#instances: 2          # runner processes',
    '#threads: 1            # threads of one run',
    '#batching: {maxBatch: 8, acrossRequests: true}   # acrossRequests: found by a probe at load',
    '#queue: {maxRequests: 256, maxBytes: 256MB, timeoutMs: 30000}',
    '#versions: {policy: latest, count: 1}            # latest | all | specific with list: [1, 3]',
    '',
  ].join('\n');
}

/** A file that shares its folder with other models gets a yaml of its own name. */
function yamlPathFor(path: string, model: ReadModel): string {
  if (!statSync(path).isFile()) return join(model.folder, 'model.yaml');
  const alone = findModels(model.folder).length === 1;
  return join(model.folder, alone ? 'model.yaml' : `${basename(path, extname(path))}.yaml`);
}

function initModel(path: string, model: ReadModel, options: InitOptions, output: Output): void {
  const version = model.versions.at(-1);
  const problem = version?.problem ?? (version?.signature ? undefined : model.problem);
  if (problem && problem.code !== 'MODEL_YAML_INVALID') throw problem;
  if (!version?.signature)
    throw (
      model.problem ?? new ServingError('NO_MODEL_FOUND', { path, found: 'no version to read' })
    );
  const text = proposeModelYaml(model, version.signature);
  if (options.print) {
    output.print(text);
    return;
  }
  const target = yamlPathFor(path, model);
  if (existsSync(target) && !options.force)
    throw new ServingError('FILE_EXISTS', { path: target, option: '--force' });
  writeFileSync(target, text);
  output.print(
    `Wrote ${relative('.', target)}. Fill in its input section, then: modelship inspect ${relative('.', path) || '.'}`,
  );
}

/** Throws FILE_EXISTS, and what finding and reading the model throws. */
export function init(path: string, options: InitOptions, output: Output): void {
  // An own model.yaml that is broken must not keep init from writing a new one.
  const models = findModels(path).map(({ yamlPath, ...found }) =>
    readModel(yamlPath && !options.force ? { ...found, yamlPath } : found),
  );
  for (const model of models) initModel(path, model, options, output);
}
