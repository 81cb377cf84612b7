/** What is asked about models and changed, against bytes that TensorFlow's own classes made. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TensorSpec } from '../../tensor/tensor-spec.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { decodeMetadataRequest, describeMetadata, encodeMetadataResponse } from './metadata.ts';
import type { ModelSpec } from './model-spec.ts';
import { decodeReloadRequest, encodeReloadResponse } from './reload-config.ts';
import { decodeStatusRequest, describeStatus, encodeStatusResponse } from './status.ts';

const path = join(import.meta.dirname, '../../../test/fixtures/tensorflow-serving/messages.json');
const recorded = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
const bytes = (name: string): Buffer => Buffer.from(recorded[name] as string, 'hex');

const answered: ModelSpec = { name: 'half_plus_two', version: '123', signature: 'serving_default' };

describe('metadata', () => {
  const x: TensorSpec = { name: 'x', dtype: 'FP32', shape: [null, 4] };
  const y: TensorSpec = { name: 'y', dtype: 'BYTES', shape: [], anyShape: true };
  const signatures = [{ name: 'serving_default', inputs: [x], outputs: [y] }];

  test('is asked for by name of the field', () => {
    expect(decodeMetadataRequest(bytes('metadata request')).name).toBe('half_plus_two');
    const model = new WireWriter().message(1, new WireWriter().string(1, 'm'));
    expect(() => decodeMetadataRequest(model.finish())).toThrow('at least one metadata_field');
    expect(() => decodeMetadataRequest(model.string(2, 'x').finish())).toThrow(
      'Metadata field x is not supported',
    );
  });

  test('is the signatures within an Any', () => {
    const encoded = encodeMetadataResponse({ ...answered, signature: '' }, signatures);
    expect(encoded.toString('hex')).toBe(recorded['metadata response']);
  });

  test('in JSON has its names twice and its sizes as texts', () => {
    expect(describeMetadata(answered, signatures)).toEqual({
      model_spec: { name: 'half_plus_two', signature_name: '', version: '123' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                x: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: {
                    dim: [
                      { size: '-1', name: '' },
                      { size: '4', name: '' },
                    ],
                    unknown_rank: false,
                  },
                  name: 'x:0',
                },
              },
              outputs: {
                y: {
                  dtype: 'DT_STRING',
                  tensor_shape: { dim: [], unknown_rank: true },
                  name: 'y:0',
                },
              },
              method_name: 'tensorflow/serving/predict',
              defaults: {},
            },
          },
        },
      },
    });
  });
});

test('the status of versions', () => {
  const versions = [
    { version: '123', state: 'AVAILABLE' },
    { version: '124', state: 'END', problem: 'no' },
  ] as const;
  expect(decodeStatusRequest(bytes('status request'))).toMatchObject({ version: '7' });
  expect(encodeStatusResponse(versions).toString('hex')).toBe(recorded['status response']);
  expect(describeStatus(versions)).toEqual({
    model_version_status: [
      { version: '123', state: 'AVAILABLE', status: { error_code: 'OK', error_message: '' } },
      { version: '124', state: 'END', status: { error_code: 'UNKNOWN', error_message: 'no' } },
    ],
  });
});

describe('a new configuration', () => {
  test('lists models with their versions and labels', () => {
    const model = { platform: '', labels: new Map() };
    expect(decodeReloadRequest(bytes('reload request'))).toEqual([
      {
        name: 'a',
        path: '/models/a',
        platform: 'tensorflow',
        versions: { policy: 'specific', list: ['1', '3'] },
        labels: new Map([['stable', '3']]),
      },
      { ...model, name: 'b', path: '/models/b', versions: { policy: 'all' } },
      { ...model, name: 'c', path: '/models/c', versions: { policy: 'latest', count: 2 } },
    ]);
    expect(encodeReloadResponse().toString('hex')).toBe(recorded['reload response']);
    expect(encodeReloadResponse({ code: 7, message: 'no' }).toString('hex')).toBe(
      '0a06080712026e6f',
    );
  });

  const config = (...names: string[]): Buffer => {
    const list = new WireWriter();
    for (const name of names) list.message(1, new WireWriter().string(1, name));
    return new WireWriter().message(1, new WireWriter().message(1, list)).finish();
  };

  test.each([
    ['nothing', Buffer.alloc(0), 'no config.model_config_list'],
    ['no name', config(''), 'Expected model name'],
    ['a name twice', config('a', 'a'), 'Duplicate model names'],
  ])('of %s is refused', (_, message, problem) => {
    expect(() => decodeReloadRequest(message)).toThrow(problem);
  });
});
