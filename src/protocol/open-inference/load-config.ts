/**
 * The configuration that comes with a request to load a model, Triton's ModelConfig as JSON: the part of it
 * that a model.yaml has too. It takes the place of what model.yaml says, for this load.
 * Source: Triton, "Model Repository Extension" and model_config.proto.
 *
 * What describes the graph (inputs, outputs, platform) is read over: the graph says it itself.
 */

import { z } from 'zod';
import { ServingError } from '../../errors.ts';
import { inOwnWords } from '../../validation/own-words.ts';
import { describeIssues } from '../describe-issues.ts';
import { parseJson } from '../parse-json.ts';

/** As `ModelOverrides`. */
export interface LoadConfig {
  readonly versions?: {
    readonly policy: 'latest' | 'all' | 'specific';
    readonly count: number | undefined;
    readonly list: number[] | undefined;
  };
  readonly instances?: number;
  readonly batching?: { maxBatch?: number; acrossRequests?: boolean; maxDelayMs?: number };
  readonly queue?: { maxRequests?: number; timeoutMs?: number };
}

/** Protobuf's JSON has whole numbers as texts too. */
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  z
    .union([z.int(), z.string().regex(/^\d{1,15}$/)], { error: 'expected a whole number' })
    .transform(Number)
    .pipe(z.int().min(least).max(most));

const empty = z.strictObject({});

const versionPolicy = z.union(
  [
    z.strictObject({ latest: z.strictObject({ num_versions: whole(0).default(1) }) }),
    z.strictObject({ all: empty }),
    z.strictObject({ specific: z.strictObject({ versions: z.array(whole(1)).min(1) }) }),
  ],
  {
    error:
      'expected {"latest": {"num_versions": 1}}, {"all": {}} or {"specific": {"versions": [1, 3]}}',
  },
);

const instanceGroup = z.strictObject({
  name: z.string().optional(),
  kind: z
    .enum(['KIND_AUTO', 'KIND_CPU'], { error: 'expected KIND_CPU: models run on the processor' })
    .optional(),
  count: whole(1, 1024).default(1),
});

const queuePolicy = z.strictObject({
  timeout_action: z.literal('REJECT').optional(),
  max_queue_size: whole(0).default(0),
  default_timeout_microseconds: whole(0).default(0),
});

const dynamicBatching = z.strictObject({
  preferred_batch_size: z.array(whole(1)).optional(),
  max_queue_delay_microseconds: whole(0, 10_000_000).default(0),
  default_queue_policy: queuePolicy.optional(),
});

const shape = z.strictObject({
  name: z.string().optional(),
  platform: z.enum(['', 'onnxruntime_onnx']).optional(),
  backend: z.enum(['', 'onnxruntime']).optional(),
  version_policy: versionPolicy.optional(),
  max_batch_size: whole(0, 4096).optional(),
  instance_group: z.array(instanceGroup).optional(),
  dynamic_batching: dynamicBatching.optional(),
  input: z.array(z.unknown()).optional(),
  output: z.array(z.unknown()).optional(),
  default_model_filename: z.string().optional(),
  model_transaction_policy: z.strictObject({ decoupled: z.literal(false).optional() }).optional(),
});

type Config = z.output<typeof shape>;

function versionsOf(policy: NonNullable<Config['version_policy']>): LoadConfig['versions'] {
  if ('all' in policy) return { policy: 'all', count: undefined, list: undefined };
  if ('specific' in policy)
    return { policy: 'specific', count: undefined, list: policy.specific.versions };
  const count = Math.max(1, policy.latest.num_versions);
  return { policy: 'latest', count, list: undefined };
}

/**
 * Rows of several requests share runs of up to the largest preferred size, else of up to `max_batch_size`; 0: of
 * none. What GET …/config gives means the same when it is sent back.
 */
function batchingOf({ max_batch_size: most, dynamic_batching: dynamic }: Config) {
  const preferred = dynamic?.preferred_batch_size ?? [];
  const sizes = preferred.length > 0 ? [Math.max(...preferred)] : [];
  const maxBatch = most === 0 ? 0 : Math.min(...sizes, most ?? 4096);
  const isGiven = most !== undefined || sizes.length > 0;
  return {
    ...(most === 0 ? { acrossRequests: false } : {}),
    ...(isGiven && maxBatch > 0 ? { maxBatch } : {}),
    ...(dynamic ? { maxDelayMs: dynamic.max_queue_delay_microseconds / 1000 } : {}),
  };
}

/** 0: no limit of the client's. */
function queueOf({ dynamic_batching: dynamic }: Config) {
  const { max_queue_size: most = 0, default_timeout_microseconds: micros = 0 } =
    dynamic?.default_queue_policy ?? {};
  return {
    ...(most > 0 ? { maxRequests: most } : {}),
    ...(micros > 0 ? { timeoutMs: Math.max(1, Math.round(micros / 1000)) } : {}),
  };
}

const isFilled = (value: object): boolean => Object.keys(value).length > 0;

function toLoadConfig(config: Config): LoadConfig {
  const { version_policy: policy, instance_group: groups } = config;
  const [batching, queue] = [batchingOf(config), queueOf(config)];
  const versions = policy && versionsOf(policy);
  const instances = groups?.reduce((total, { count }) => total + count, 0);
  return {
    ...(versions ? { versions } : {}),
    ...(instances ? { instances } : {}),
    ...(isFilled(batching) ? { batching } : {}),
    ...(isFilled(queue) ? { queue } : {}),
  };
}

const refuse = (problem: string): never => {
  throw new ServingError('REPOSITORY_REQUEST_INVALID', {
    problem: `parameters.config: ${problem}`,
  });
};

function parse(text: string): unknown {
  try {
    return parseJson(Buffer.from(text));
  } catch (error) {
    return refuse(`expected the JSON of a model configuration (${(error as Error).message})`);
  }
}

/** Throws FEATURE_UNSUPPORTED for keys that nothing here stands for. */
function refuseOthers(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const other = Object.keys(value).find((key) => !Object.hasOwn(shape.shape, key));
  if (other === undefined) return;
  throw new ServingError('FEATURE_UNSUPPORTED', {
    feature: `"${other.slice(0, 80)}" in the configuration that comes with a load`,
    advice:
      'it takes max_batch_size, dynamic_batching, instance_group and version_policy; all else is said in the model.yaml of the model',
  });
}

/** Throws REPOSITORY_REQUEST_INVALID or FEATURE_UNSUPPORTED, with the place in the configuration. */
export function parseLoadConfig(text: string, model: string): LoadConfig {
  const value = parse(text);
  refuseOthers(value);
  const checked = shape.safeParse(value, { error: inOwnWords });
  if (!checked.success) return refuse(describeIssues(checked.error));
  const { name = '' } = checked.data;
  if (name !== '' && name !== model) refuse(`name: expected "${model}", the model that is loaded`);
  return toLoadConfig(checked.data);
}
