import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import { exitCodeOf } from './exit-codes.ts';

test.each<[ServingError | unknown, number]>([
  [new ServingError('SETTINGS_INVALID', { problems: [] }), 2],
  [new ServingError('MODEL_YAML_INVALID', { path: '', problems: [] }), 2],
  [new ServingError('NO_MODEL_FOUND', { path: '', found: '' }), 3],
  [new ServingError('MODEL_WARMUP_FAILED', { model: '', version: '', problem: '' }), 3],
  [new ServingError('PICTURE_TRUNCATED', { where: '', format: '' }), 4],
  [new ServingError('PORT_IN_USE', { host: '', port: 1, option: '' }), 5],
  [new ServingError('INTERNAL', {}), 1],
  [new TypeError('a bug'), 1],
  ['a text', 1],
])('%s ends with %d', (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});
