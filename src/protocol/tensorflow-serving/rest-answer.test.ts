import { describe, expect, test } from 'vitest';
import type { NamedTensor } from '../../tensor/tensor.ts';
import { packBytes } from '../../tensor/tensor.ts';
import { runNow } from '../steps.ts';
import { encodeRestAnswer, encodeRestResults } from './rest-answer.ts';
import type { RestForm } from './rest-predict.ts';

describe('an answer', () => {
  const floats = (name: string, shape: number[], ...values: number[]): NamedTensor => ({
    name,
    dtype: 'FP32',
    shape,
    data: new Uint8Array(Float32Array.from(values).buffer),
  });
  const longs: NamedTensor = {
    name: 'n',
    dtype: 'INT64',
    shape: [2],
    data: new Uint8Array(BigInt64Array.of(2n ** 62n, -1n).buffer),
  };
  const texts = (name: string): NamedTensor => ({
    name,
    dtype: 'BYTES',
    shape: [2],
    data: packBytes([Buffer.from('"é'), Buffer.from([0xff])]),
  });
  const write = (form: RestForm, ...outputs: NamedTensor[]): string =>
    runNow(encodeRestAnswer(outputs, form)).toString();

  test.each<[string, RestForm, NamedTensor[], string]>([
    [
      'of one output is its rows',
      'row',
      [floats('y', [3], 3, 3.5, 4)],
      '{"predictions":[3.0,3.5,4.0]}',
    ],
    [
      'of one output is the output',
      'columnar',
      [floats('y', [3], 3, 3.5, 4)],
      '{"outputs":[3.0,3.5,4.0]}',
    ],
    [
      'has words for what is no number',
      'row',
      [floats('y', [2, 2], Number.NaN, -Infinity, -0, 0.1)],
      '{"predictions":[[NaN,-Infinity],[-0.0,0.1]]}',
    ],
    [
      'of several outputs has an object a row',
      'row',
      [floats('y', [2, 1, 1], 1, 2), longs],
      '{"predictions":[{"y":[[1.0]],"n":4611686018427387904},{"y":[[2.0]],"n":-1}]}',
    ],
    [
      'of several outputs has all of each',
      'columnar',
      [floats('"', [], 1), longs],
      '{"outputs":{"\\"":1.0,"n":[4611686018427387904,-1]}}',
    ],
    ['has texts as they are', 'row', [texts('t')], '{"predictions":["\\"é","\ufffd"]}'],
    [
      'has bytes as base64',
      'row',
      [texts('t_bytes')],
      '{"predictions":[{"b64":"IsOp"},{"b64":"/w=="}]}',
    ],
    ['of no rows', 'row', [floats('y', [0, 3])], '{"predictions":[]}'],
    ['of no rows of several', 'row', [floats('y', [0, 3]), floats('z', [0])], '{"predictions":[]}'],
    [
      'of rows without values',
      'row',
      [floats('y', [2, 0]), longs],
      '{"predictions":[{"y":[],"n":4611686018427387904},{"y":[],"n":-1}]}',
    ],
  ])('%s', (_, form, outputs, text) => {
    expect(write(form, ...outputs)).toBe(text);
  });

  test.each<[string, RestForm, NamedTensor[]]>([
    ['Tensor name: y has no shape information ', 'row', [floats('y', [], 1)]],
    [
      'Tensor name: y has inconsistent batch size: 3 expecting: 2',
      'row',
      [longs, floats('y', [3], 1, 2, 3)],
    ],
    [
      'Failed to write JSON value for tensor type: half',
      'columnar',
      [{ ...floats('y', []), dtype: 'FP16' }],
    ],
  ])('is refused: %s', (message, form, outputs) => {
    expect(() => write(form, ...outputs)).toThrow(
      expect.objectContaining({ code: 'TENSORFLOW_REQUEST_INVALID', message }),
    );
  });

  test('of classes and values', () => {
    const classes = [
      [{ label: '', score: 3 }],
      [
        { label: 'a"', score: 0.5 },
        { label: 'b', score: 0 },
      ],
    ];
    expect(runNow(encodeRestResults({ method: 'classify', classes })).toString()).toBe(
      '{"results":[[["",3.0]],[["a\\"",0.5],["b",0.0]]]}',
    );
    expect(
      runNow(encodeRestResults({ method: 'regress', values: [3, Number.NaN] })).toString(),
    ).toBe('{"results":[3.0,NaN]}');
  });
});
