/** What `modelship import` is told of a file that has weights only. */

import { expect, test } from 'vitest';
import { ServingError } from '../errors.ts';
import type { ArchitectureOptions } from './architecture-options.ts';
import { readArchitectureOptions } from './architecture-options.ts';

test('nothing is no architecture', () => {
  expect(readArchitectureOptions({})).toBeUndefined();
});

test('the options are those of model.yaml', () => {
  const network = { architecture: 'mobilenetv2@keras-3.15.1', inputShape: '96x64x3' };
  expect(readArchitectureOptions({ ...network, pooling: 'avg' })).toEqual({
    name: 'mobilenetv2',
    version: 'keras-3.15.1',
    inputShape: [96, 64, 3],
    pooling: 'avg',
  });
  const open = { architecture: 'vgg16', inputShape: '?x?x3', classifierActivation: 'none' };
  expect(readArchitectureOptions(open)).toEqual({
    name: 'vgg16',
    inputShape: [null, null, 3],
    classifierActivation: 'none',
  });
});

test.each<[ArchitectureOptions, readonly string[]]>([
  [
    { pooling: 'avg', inputShape: '96x96x3' },
    [
      '--pooling: expected together with --architecture',
      '--input-shape: expected together with --architecture',
    ],
  ],
  [
    { architecture: 'vgg16', inputShape: '96' },
    ['--input-shape: expected height, width and channels, such as [96, 96, 3] or [null, null, 3]'],
  ],
  [
    { architecture: 'vgg16', pooling: 'sum' },
    ['--pooling: Invalid option: expected one of "avg"|"max"'],
  ],
])('%j is refused, option by option', (options, problems) => {
  let found: unknown;
  try {
    readArchitectureOptions(options);
  } catch (error) {
    found = error;
  }
  expect(found).toBeInstanceOf(ServingError);
  expect((found as ServingError<'SETTINGS_INVALID'>).details.problems).toEqual(problems);
});
