/**
 * `modelship init`: writes a commented model.yaml, with everything that could be derived from the model
 * and proposals for what could not.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { stringify } from 'yaml';
import { ServingError } from '../errors.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import type { PictureTensor } from '../pipeline/picture-tensor.ts';
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

/** Names come from the model file: nothing in them may end a comment's line. */
const inComment = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');

const describe = ({ name, dtype, shape, anyShape }: TensorSpec): string =>
  `${name} ${dtype} ${anyShape ? 'of any shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`}`;

/** Presets that fit the size of the model's input, to choose from; the first is proposed. */
function presetsFor(size: number | null): readonly [string, ...string[]] {
  const keras = ['keras/caffe (ResNet, VGG)', 'keras/tf (MobileNet)', 'keras/torch (DenseNet)'];
  if (size === 32) return ['gluon/cifar10'];
  if (size === 299) return ['torchvision/inception_v3', 'keras/tf (Inception, Xception)'];
  return ['torchvision/resnet50', 'torchvision/<model>', ...keras];
}

function presetLines({ height, channels, dtype }: PictureTensor): string[] {
  if (channels === 1 || dtype === 'UINT8') return [];
  const [first, ...others] = presetsFor(height);
  const more = others.length > 0 ? `        # others: ${others.join(', ')}` : '';
  return ['#input:', `#  preset: ${first}${more}`, '# or'];
}

function inputLines({ inputs }: ModelSignature, scaled: readonly string[]): string[] {
  const { problem } = planPictures(undefined, inputs, scaled);
  const proposal = problem?.yaml ?? '';
  if (proposal === '') {
    return [
      '# Pictures: not for this model, as it stands:',
      `#   ${inComment(problem?.reason ?? '')}.`,
      '# The tensor APIs serve it without any of this.',
    ];
  }
  const { tensor } = findPictureTensor(inputs, undefined, undefined);
  const shape = tensor && `${tensor.layout}, ${tensor.height ?? 'any'}×${tensor.width ?? 'any'}`;
  return [
    `# How a picture becomes the input '${inComment(inputs[0]?.name ?? '')}'${shape ? ` (${shape}, from the model)` : ''}.`,
    ...(tensor && scaled.includes(tensor.name)
      ? [
          '# A layer of the model scales the pixels itself. The colour order is that of training; nothing guesses',
          '# it. Remove the # and set it.',
        ]
      : [
          '# Colour order, scale, mean and std are those of training: the model does not say them, and nothing',
          '# guesses them. Remove the # and set them, or name a preset that fills in all of it.',
          ...(tensor ? presetLines(tensor) : []),
        ]),
    ...proposal.split('\n').map((line) => `#${line}`),
    '#  fast: false                  # true: faster JPEG resize, a few levels off',
    '#  decoder: pillow              # tensorflow: as tf.io.decode_jpeg decodes it',
  ];
}

function outputLines(model: ReadModel, signature: ModelSignature): string[] {
  const { plan, problem } = planScores(model.config.output, undefined, signature.outputs);
  if (!plan) return [`# Labelled answers: ${inComment(problem)}.`];
  const classes = signature.outputs[plan.index]?.shape[1];
  const labels = existsSync(join(model.folder, 'labels.txt'));
  return [
    `# The scores are '${inComment(plan.name)}'${classes ? `, ${classes} classes` : ''}.`,
    'output:',
    '  activation: auto      # auto | softmax | sigmoid | none',
    labels
      ? '  labels: labels.txt    # one a line, in the order of the classes'
      : `  # labels: labels.txt  # a file with ${classes ?? 'one label for each class,'} lines, in the order of the classes`,
    '  top: 5',
    '  as: json              # sentence: one line of text for each picture',
  ];
}

/** The text of a model.yaml for this model; it scales the pixels of the inputs in `scaled` itself. */
export function proposeModelYaml(
  model: ReadModel,
  signature: ModelSignature,
  scaled: readonly string[] = [],
): string {
  return [
    inComment(
      `# ${model.name}: ${signature.format}${signature.producer ? `, written by ${signature.producer}` : ''}.`,
    ),
    inComment(`# inputs:  ${signature.inputs.map(describe).join('; ')}`),
    inComment(`# outputs: ${signature.outputs.map(describe).join('; ')}`),
    '# Everything here is optional; `modelship inspect` shows what it leads to.',
    // Quoted where YAML would read a number or a truth value.
    `name: ${stringify(model.name).trim()}`,
    '',
    ...inputLines(signature, scaled),
    '',
    ...outputLines(model, signature),
    '',
    '# Left out, these follow from the machine and the model:',
    '#instances: 2          # runner processes',
    '#threads: 1            # threads of one run',
    '#batching: {maxBatch: 8, acrossRequests: true}   # both are found out at load',
    '#queue: {maxRequests: 256, maxBytes: 256MB, timeoutMs: 30000}',
    '#versions: {policy: latest, count: 1}            # latest | all | specific with list: [1, 3]',
    '',
  ].join('\n');
}

/** A file that shares its folder with other models gets a yaml of its own name. */
function yamlPathFor({ folder }: ReadModel, file: string): string {
  const shared = dirname(file) === folder && findModels(folder).length > 1;
  return join(folder, shared ? `${basename(file, extname(file))}.yaml` : 'model.yaml');
}

function initModel(
  path: string,
  model: ReadModel,
  file: string,
  options: InitOptions,
  output: Output,
): void {
  const version = model.versions.at(-1);
  const problem = version?.problem ?? (version?.signature ? undefined : model.problem);
  if (problem && problem.code !== 'MODEL_YAML_INVALID') throw problem;
  if (!version?.signature)
    throw (
      model.problem ?? new ServingError('NO_MODEL_FOUND', { path, found: 'no version to read' })
    );
  const text = proposeModelYaml(model, version.signature, version.imported?.scaledInputs);
  if (options.print) {
    output.print(text);
    return;
  }
  const target = yamlPathFor(model, file);
  if (existsSync(target) && !options.force)
    throw new ServingError('FILE_EXISTS', { path: target, option: '--force' });
  writeFileSync(target, text);
  output.print(
    `Wrote ${relative('.', target)}. Look through it, then: modelship inspect ${relative('.', path) || '.'}`,
  );
}

/** The models under a path. Throws what finding a model throws. */
export function readForInit(path: string, { force }: Pick<InitOptions, 'force'>): ReadModel[] {
  // An own model.yaml that is broken must not keep init from writing a new one.
  return findModels(path).map(({ yamlPath, ...found }) =>
    readModel(yamlPath && !force ? { ...found, yamlPath } : found),
  );
}

/**
 * `converted`: the models that were read, with copies in the place of what is in another format. Throws
 * FILE_EXISTS, and what finding and reading the model throws.
 */
export function init(
  path: string,
  options: InitOptions,
  output: Output,
  read: readonly ReadModel[] = readForInit(path, options),
  converted = read,
): void {
  for (const [i, model] of converted.entries())
    initModel(path, model, read[i]?.versions.at(-1)?.file ?? path, options, output);
}
