import { describe, expect, test } from 'vitest';
import type { Parameters } from './infer-parameters.ts';
import {
  readOutputParameters,
  readRequestParameters,
  refuseSharedMemory,
} from './infer-parameters.ts';

describe('of a request:', () => {
  test.each<[string, Parameters, object]>([
    ['none', {}, { binaryByDefault: false }],
    ['all outputs binary', { binary_data_output: true }, { binaryByDefault: true }],
    ['microseconds', { timeout: 1500 }, { binaryByDefault: false, timeoutMs: 1.5 }],
    ['no time limit of its own', { timeout: 0 }, { binaryByDefault: false }],
    ['the highest priority', { priority: 1 }, { binaryByDefault: false, priority: 'high' }],
    ['a lower priority', { priority: 2 }, { binaryByDefault: false, priority: 'low' }],
    ['the lowest', { priority: 2 ** 53 - 1 }, { binaryByDefault: false, priority: 'low' }],
    ['the usual priority', { priority: 0 }, { binaryByDefault: false }],
    ['a signature', { signature_name: 'count' }, { binaryByDefault: false, signature: 'count' }],
    ['no signature', { signature_name: '' }, { binaryByDefault: false }],
    ['no sequence', { sequence_id: 0, sequence_end: false }, { binaryByDefault: false }],
    ['no sequence by name', { sequence_id: '' }, { binaryByDefault: false }],
    ['what others use', { triton_x: 1, my: 'own', headers: '{}' }, { binaryByDefault: false }],
  ])('%s', (_, parameters, expected) => {
    expect(readRequestParameters(parameters)).toEqual(expected);
  });

  test.each<[string, Parameters]>([
    ['binary_data_output is not true or false', { binary_data_output: 'true' }],
    ['timeout is not a whole number', { timeout: -1 }],
    ['timeout is not a whole number', { timeout: 0.5 }],
    ['timeout is not a whole number', { timeout: '5' }],
    ['priority is not a whole number', { priority: true }],
    ['signature_name is not a text', { signature_name: 1 }],
  ])('%s', (problem, parameters) => {
    expect(() => readRequestParameters(parameters)).toThrow(problem);
  });

  test.each<Parameters>([{ sequence_id: 7 }, { sequence_id: 'a', sequence_start: true }])(
    'a sequence is not offered: %j',
    (parameters) => {
      expect(() => readRequestParameters(parameters)).toThrow(
        expect.objectContaining({ code: 'FEATURE_UNSUPPORTED' }),
      );
    },
  );
});

describe('of an output:', () => {
  test.each<[string, Parameters, boolean, object]>([
    ['its own word counts before that of all', { binary_data: false }, true, { binary: false }],
    ['and the other way round', { binary_data: true }, false, { binary: true }],
    ['without one, that of all', {}, true, { binary: true }],
    ['classes', { classification: 3 }, false, { binary: false, classes: 3 }],
    ['no classes', { classification: 0 }, false, { binary: false }],
  ])('%s', (_, parameters, byDefault, expected) => {
    expect(readOutputParameters(parameters, byDefault)).toEqual(expected);
  });

  test.each<[string, Parameters]>([
    ['binary_data is not true or false', { binary_data: 1 }],
    ['classification is not a whole number', { classification: -1 }],
    ['classification is too large', { classification: 2 ** 40 }],
    ['shared memory', { shared_memory_region: 'a', shared_memory_byte_size: 4 }],
  ])('%s', (problem, parameters) => {
    expect(() => readOutputParameters(parameters, false)).toThrow(problem);
  });
});

test('shared memory is not offered for inputs either', () => {
  expect(() => refuseSharedMemory({ shared_memory_region: '' })).toThrow(
    expect.objectContaining({ code: 'FEATURE_UNSUPPORTED' }),
  );
  expect(refuseSharedMemory({ binary_data_size: 4 })).toBeUndefined();
});
