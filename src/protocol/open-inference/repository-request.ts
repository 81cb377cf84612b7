/**
 * The bodies of the model repository extension, which may all be left out.
 * Source: Triton, "Model Repository Extension".
 */

import { z } from 'zod';
import { ServingError } from '../../errors.ts';
import { inOwnWords } from '../../validation/own-words.ts';
import { describeIssues } from '../describe-issues.ts';
import { parseJson } from '../parse-json.ts';
import type { LoadConfig } from './load-config.ts';
import { parseLoadConfig } from './load-config.ts';

export const indexRequestShape = z.object({ ready: z.boolean().default(false) });

export const controlRequestShape = z.object({
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});

function read<T>(shape: z.ZodType<T>, body: Buffer | undefined): T {
  const given = body && body.length > 0 ? parseJson(body) : {};
  const checked = shape.safeParse(given, { error: inOwnWords });
  if (checked.success) return checked.data;
  throw new ServingError('REPOSITORY_REQUEST_INVALID', { problem: describeIssues(checked.error) });
}

/** POST /v2/repository/index. Throws JSON_INVALID or REPOSITORY_REQUEST_INVALID. */
export function parseIndexRequest(body: Buffer | undefined): z.output<typeof indexRequestShape> {
  return read(indexRequestShape, body);
}

/** What comes with a request to load a model; `config`: a model configuration as JSON. */
type Parameters = Readonly<Record<string, unknown>>;

/** Throws FEATURE_UNSUPPORTED for files among the parameters, and what `parseLoadConfig` throws. */
export function readLoadParameters(parameters: Parameters, model: string): LoadConfig | undefined {
  const file = Object.keys(parameters).find((name) => name.startsWith('file:'));
  if (file !== undefined)
    throw new ServingError('FEATURE_UNSUPPORTED', {
      feature: `loading with the parameter "${file.slice(0, 80)}"`,
      advice: 'put the files into the folder of the model, and load it without them',
    });
  const { config } = parameters;
  if (config === undefined) return undefined;
  if (typeof config === 'string') return parseLoadConfig(config, model);
  throw new ServingError('REPOSITORY_REQUEST_INVALID', {
    problem: 'parameters.config: expected a text, the JSON of a model configuration',
  });
}

/**
 * POST /v2/repository/models/{name}/load and /unload. Throws JSON_INVALID or REPOSITORY_REQUEST_INVALID.
 */
export function parseControlRequest(
  body: Buffer | undefined,
): z.output<typeof controlRequestShape> {
  return read(controlRequestShape, body);
}
