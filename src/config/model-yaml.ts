/**
 * model.yaml: parse → validate (all problems at once, with line numbers). What the file leaves out is
 * completed later from the model's own graph (pipeline/), because sizes and layout stand there.
 */

import { z } from 'zod';
import { ServingError } from '../errors.ts';
import { closestNames } from '../validation/closest-names.ts';
import { pictureDecoders } from './picture-spec.ts';
import { presetNames } from './presets.ts';
import { parseYaml } from './yaml-problems.ts';

const side = z.int().positive().max(8192);
const size = z.union([side, z.tuple([side, side])], {
  error: 'expected a whole number from 1 to 8192, or [height, width]',
});

const resize = z
  .strictObject({
    mode: z.enum(['exact', 'shortest-edge']),
    size: size.optional(),
    filter: z.enum(['nearest', 'bilinear', 'bicubic']).optional(),
    antialias: z.boolean().optional(),
  })
  .refine((value) => value.mode === 'exact' || typeof value.size !== 'object', {
    path: ['size'],
    error: 'shortest-edge takes one number, the length of the shorter side',
  });

const channelValues = z.array(z.number()).min(1).max(4);

const input = z.strictObject({
  preset: z
    .string()
    .refine((name) => name === 'none' || presetNames.includes(name), {
      error: (issue) =>
        `unknown preset "${issue.input}"; expected ${suggestPresets(String(issue.input))}`,
    })
    .optional(),
  tensor: z.string().optional(),
  color: z.enum(['rgb', 'bgr', 'gray']).optional(),
  resize: resize.optional(),
  crop: z
    .strictObject({ mode: z.literal('center').default('center'), size: size.optional() })
    .optional(),
  scale: z.number().positive().optional(),
  mean: channelValues.optional(),
  std: z.array(z.number().positive()).min(1).max(4).optional(),
  layout: z.enum(['NCHW', 'NHWC']).optional(),
  fast: z.boolean().optional(),
  decoder: z.enum(pictureDecoders).optional(),
  orientation: z.enum(['ignore', 'apply']).optional(),
});

const output = z.strictObject({
  tensor: z.string().optional(),
  activation: z.enum(['auto', 'softmax', 'sigmoid', 'none']).default('auto'),
  labels: z
    .union([z.string(), z.array(z.string()).min(1)], {
      error: 'expected the name of a file, or a list of texts (numbers in quotes)',
    })
    .optional(),
  top: z.int().positive().max(1000).default(5),
  as: z.enum(['json', 'sentence']).default('json'),
});

const byteUnits: Record<string, number> = { '': 1, B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** "256MB" → 268435456. */
export function parseByteSize(text: string | number): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMG]?B?)$/i.exec(String(text).trim()) ?? [];
  if (digits === undefined) return undefined;
  const factor = byteUnits[unit.toUpperCase()] ?? byteUnits[`${unit.toUpperCase()}B`];
  const bytes = Math.floor(Number(digits) * (factor ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A number of bytes, or a text such as "256MB". */
export function byteSize(example: string) {
  const error = `expected a size such as ${example}`;
  return z.union([z.number(), z.string()], { error }).transform((value, context) => {
    const bytes = parseByteSize(value);
    if (bytes !== undefined && bytes > 0) return bytes;
    context.addIssue({ code: 'custom', message: error, input: value });
    return z.NEVER;
  });
}

/** Not a number: it stands where a version number may stand too. */
const labelName = z
  .string()
  .regex(/^[A-Za-z][\w.-]{0,63}$/, 'expected a label that starts with a letter, such as stable');

/** A label or the number of a version. */
const target = z
  .union([z.string(), z.int().positive()], { error: 'expected a label or the number of a version' })
  .transform(String)
  .pipe(
    z.string().regex(/^(?:[A-Za-z][\w.-]{0,63}|[1-9]\d{0,18})$/, 'expected a label or a version'),
  );

const traffic = z
  .record(target, z.number().min(0).max(100))
  .refine((shares) => sumOf(Object.values(shares)) === 100, {
    error: (issue) =>
      `the shares must add up to 100, got ${sumOf(Object.values(issue.input as Record<string, number>))}`,
  });

/** To the thousandth, so that thirds can be written. */
function sumOf(shares: readonly number[]): number {
  return Math.round(1000 * shares.reduce((total, share) => total + share, 0)) / 1000;
}

const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/, 'expected the name of a header');

const versions = z
  .strictObject({
    policy: z.enum(['latest', 'all', 'specific']).default('latest'),
    count: z.int().positive().optional(),
    list: z.array(z.int().positive()).min(1).optional(),
    preserve: z.enum(['availability', 'resources']).default('availability'),
    labels: z.record(labelName, z.int().positive()).default({}),
    traffic: traffic.optional(),
    shadow: z
      .strictObject({
        to: target,
        percent: z.number().positive().max(100).default(100),
        tolerance: z.number().nonnegative().default(1e-3),
      })
      .optional(),
    sticky: z
      .union([z.strictObject({ header: headerName }), z.strictObject({ cookie: headerName })], {
        error: 'expected {header: name} or {cookie: name}',
      })
      .optional(),
  })
  .refine((value) => (value.policy === 'specific') === (value.list !== undefined), {
    error: 'policy: specific needs list: [1, 3], and only it takes one',
  })
  .superRefine(({ traffic: shares = {}, shadow, labels }, context) => {
    const named = [...Object.keys(shares), ...(shadow ? [shadow.to] : [])];
    for (const name of named) {
      if (/^\d/.test(name) || Object.hasOwn(labels, name)) continue;
      const path = shadow?.to === name ? ['shadow', 'to'] : ['traffic', name];
      const known = Object.keys(labels).join(', ') || 'none';
      context.addIssue({
        code: 'custom',
        path,
        message: `there is no label "${name}"; labels: ${known}`,
      });
    }
  });

const source = z.strictObject({
  url: z
    .string()
    .regex(
      /^(?:file|https|s3|oci):\/\/\S+$/,
      'expected a URL that starts with file:, https:, s3: or oci:',
    ),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'expected 64 hexadecimal digits')
    .optional(),
  maxSize: byteSize('4GB').default(4 * 1024 ** 3),
});

/** Names of the tensor APIs for the graph's tensors: {images: image} calls its input `image` "images". */
const aliases = z
  .record(z.string().min(1), z.string())
  .refine((names) => Object.keys(names).length > 0, { error: 'expected at least one name' });

const signature = z.strictObject({
  takes: z.enum(['tensors', 'pictures']).optional(),
  inputs: aliases.optional(),
  outputs: aliases.optional(),
});

const modelName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** "resnet50" or "resnet50@keras-3.15.1". */
export function parseArchitecture(text: string): { name: string; version?: string | undefined } {
  const at = text.indexOf('@');
  return at === -1 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + 1) };
}

const openSide = z.int().positive().nullable();

/** What a file of weights only does not hold. */
export const architectureYaml = z.preprocess(
  (value) => (typeof value === 'string' ? parseArchitecture(value) : value),
  z.strictObject(
    {
      name: z.string(),
      version: z.string().optional(),
      inputShape: z
        .tuple([openSide, openSide, z.int().positive()], {
          error: 'expected height, width and channels, such as [96, 96, 3] or [null, null, 3]',
        })
        .optional(),
      pooling: z.enum(['avg', 'max']).optional(),
      classifierActivation: z.string().nullable().optional(),
    },
    { error: 'expected a name such as resnet50, or {name: resnet50, version: keras-3.15.1}' },
  ),
);

const modelYaml = z.strictObject({
  name: z
    .string()
    .regex(modelName, 'expected letters, digits, ".", "_" and "-", starting with a letter or digit')
    .optional(),
  input: input.optional(),
  output: output.prefault({}),
  batching: z
    .strictObject({
      maxBatch: z.int().positive().max(4096).optional(),
      maxDelayMs: z.number().nonnegative().max(10_000).default(0),
      acrossRequests: z.boolean().optional(),
    })
    .prefault({}),
  queue: z
    .strictObject({
      maxRequests: z.int().positive().default(256),
      maxBytes: byteSize('256MB').default(256 * 1024 ** 2),
      timeoutMs: z.int().positive().default(30_000),
    })
    .prefault({}),
  instances: z.int().positive().max(1024).optional(),
  threads: z.int().positive().max(1024).optional(),
  versions: versions.prefault({}),
  strictSignature: z.boolean().default(false),
  source: source.optional(),
  signatures: z.record(z.string().min(1), signature).default({}),
  samples: z.string().optional(),
  architecture: architectureYaml.optional(),
});

export type ModelYaml = z.output<typeof modelYaml>;
export type VersionsYaml = ModelYaml['versions'];
export type SourceYaml = NonNullable<ModelYaml['source']>;
export type PictureInputYaml = NonNullable<ModelYaml['input']>;
export type OutputYaml = ModelYaml['output'];
export type SignatureYaml = ModelYaml['signatures'][string];

/** What a request to load a model may say in the place of its model.yaml. */
export interface ModelOverrides {
  readonly versions?: Pick<VersionsYaml, 'policy' | 'count' | 'list'> | undefined;
  readonly instances?: number | undefined;
  readonly batching?: Partial<ModelYaml['batching']> | undefined;
  readonly queue?: Partial<ModelYaml['queue']> | undefined;
}

/** The settings of a model without a model.yaml. */
export function defaultModelYaml(): ModelYaml {
  return modelYaml.parse({});
}

export function isModelName(name: string): boolean {
  return modelName.test(name);
}

export function isLabelName(name: string): boolean {
  return labelName.safeParse(name).success;
}

/** Parses the text of a model.yaml. Throws MODEL_YAML_INVALID with every problem and its line. */
export function parseModelYaml(text: string, path: string): ModelYaml {
  const { value, problems } = parseYaml(text, modelYaml);
  if (problems.length > 0 || value === undefined) {
    throw new ServingError('MODEL_YAML_INVALID', { path, problems });
  }
  return value;
}

function suggestPresets(wrong: string): string {
  const nearest = closestNames(wrong, presetNames, 3).join(', ');
  return `none or one of ${presetNames.length} names; nearest: ${nearest} (docs/model-yaml.md)`;
}
