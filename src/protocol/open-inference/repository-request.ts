/**
 * The bodies of the model repository extension, which may all be left out.
 * Source: Triton, "Model Repository Extension".
 */

import { z } from 'zod';
import { ServingError } from '../../errors.ts';
import { inOwnWords } from '../../validation/own-words.ts';
import { describeIssues } from '../describe-issues.ts';
import { parseJson } from '../parse-json.ts';

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

/** Throws FEATURE_UNSUPPORTED for a configuration or files among the parameters of these names. */
export function refuseOverrides(names: readonly string[]): void {
  const sent = names.find((name) => name === 'config' || name.startsWith('file:'));
  if (sent === undefined) return;
  throw new ServingError('FEATURE_UNSUPPORTED', {
    feature: `loading with the parameter "${sent.slice(0, 80)}"`,
    advice: 'models are loaded as they are in the folder that it serves',
  });
}

/**
 * POST /v2/repository/models/{name}/load and /unload. Throws JSON_INVALID, REPOSITORY_REQUEST_INVALID,
 * and FEATURE_UNSUPPORTED for a configuration or files that come with the request.
 */
export function checkControlRequest(body: Buffer | undefined): void {
  refuseOverrides(Object.keys(read(controlRequestShape, body).parameters));
}
