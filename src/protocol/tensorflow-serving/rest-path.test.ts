import { describe, expect, test } from 'vitest';
import { ServingError } from '../../errors.ts';
import { describeRestError } from './error-text.ts';
import { parseRestPath, requireRestTarget } from './rest-path.ts';

describe('a path', () => {
  test.each<[string, string, object]>([
    ['POST', '/v1/models/m:predict', { kind: 'predict', model: 'm' }],
    [
      'POST',
      '/V1/Models/a%20b/Versions/007:CLASSIFY',
      { kind: 'classify', model: 'a b', version: '7' },
    ],
    [
      'POST',
      '/v1/models/m/labels/canary:regress',
      { kind: 'regress', model: 'm', label: 'canary' },
    ],
    ['GET', '/v1/models/m', { kind: 'status', model: 'm' }],
    ['GET', '/v1/models/m/versions/12/metadata', { kind: 'metadata', model: 'm', version: '12' }],
    ['GET', '/v1/models/m/labels/stable', { kind: 'status', model: 'm', label: 'stable' }],
    ['GET', '/v1/models/metadata', { kind: 'status', model: 'metadata' }],
  ])('%s %s', (method, path, target) => {
    expect(requireRestTarget(method, path)).toMatchObject(target);
  });

  test.each([
    ['POST', '/v1/models/m'],
    ['POST', '/v1/models/m:explain'],
    ['POST', '/v1/models/m/versions/x:predict'],
    ['POST', '/v1/models/a/b:predict'],
    ['GET', '/v1/models/m:predict'],
    ['GET', '/v1/models/m/versions/1/labels/a'],
    ['GET', '/v1/models/'],
    ['GET', '/v1/model'],
    ['PUT', '/v1/models/m:predict'],
    ['DELETE', '/v1/models/m'],
  ])('that means nothing: %s %s', (method, path) => {
    expect(() => requireRestTarget(method, path)).toThrow(
      expect.objectContaining({ message: `Malformed request: ${method} ${path}` }),
    );
  });

  test('without a model', () => {
    expect(() => requireRestTarget('GET', '/v1/models')).toThrow('Missing model name in request.');
  });
});

describe('errors have the words that clients compare:', () => {
  const available: string[] = [];
  const unknown = new ServingError('MODEL_NOT_FOUND', { model: 'm', available });
  const version = new ServingError('VERSION_NOT_FOUND', { model: 'm', version: '3', available });
  const signature = new ServingError('SIGNATURE_NOT_FOUND', {
    model: 'm',
    signature: 's',
    available,
  });

  test.each<[ServingError, string, string]>([
    [unknown, '/v1/models/m:predict', 'Servable not found for request: Latest(m)'],
    [version, '/v1/models/m/versions/3:predict', 'Servable not found for request: Specific(m, 3)'],
    [unknown, '/v1/models/m/metadata', 'Servable not found for request: Latest(m)'],
    [unknown, '/v1/models/m', 'Could not find any versions of model m'],
    [version, '/v1/models/m/versions/3', 'Could not find version 3 of model m'],
    [signature, '/v1/models/m:predict', 'Serving signature name: "s" not found in signature def'],
    [
      new ServingError('SHUTTING_DOWN', {}),
      '/v1/%ff',
      new ServingError('SHUTTING_DOWN', {}).message,
    ],
  ])('%s on %s', (error, path, text) => {
    expect(describeRestError(error, path)).toEqual({ error: text });
    expect(parseRestPath('PUT', path)).toBeUndefined();
  });
});

test('long names are shown short', () => {
  const signature = 'x'.repeat(5000);
  const error = new ServingError('SIGNATURE_NOT_FOUND', { model: 'm', signature, available: [] });
  const { error: text } = describeRestError(error, '/v1/models/m:predict') as { error: string };
  expect(text.length).toBeLessThan(300);
});
