import { describe, expect, test } from 'vitest';
import type { Steps } from '../steps.ts';
import { runNow } from '../steps.ts';
import type { Example, Feature } from './example.ts';
import { readRestBody } from './rest-body.ts';
import { readRestExamples } from './rest-examples.ts';
import { createTensorRoom } from './tensor-room.ts';

describe('examples', () => {
  function* readExamplesOf(text: string): Steps<readonly Example[]> {
    return yield* readRestExamples(yield* readRestBody(Buffer.from(text)), createTensorRoom(1e6));
  }
  const examples = (text: string) => runNow(readExamplesOf(text));

  test.each<[string, string, unknown]>([
    ['a float', '2.0', { kind: 'float', values: Float64Array.of(2) }],
    ['floats', '[1, 2.5, NaN]', { kind: 'float', values: Float64Array.of(1, 2.5, Number.NaN) }],
    [
      'an integer',
      '9007199254740993',
      { kind: 'int64', values: BigInt64Array.of(9007199254740993n) },
    ],
    ['integers', '[1,-2]', { kind: 'int64', values: BigInt64Array.of(1n, -2n) }],
    ['booleans', '[true,false]', { kind: 'int64', values: BigInt64Array.of(1n, 0n) }],
    ['a text', '"a"', { kind: 'bytes', values: [new Uint8Array([97])] }],
    [
      'base64',
      '[{"b64":"YQ=="},{"b64":""}]',
      { kind: 'bytes', values: [new Uint8Array([97]), new Uint8Array(0)] },
    ],
    ['one base64', '{"b64":"YQ=="}', { kind: 'bytes', values: [new Uint8Array([97])] }],
    ['nothing', '[]', { kind: 'float', values: new Float64Array(0) }],
  ])('have features of %s', (_, value, feature) => {
    const [example] = examples(`{"examples":[{"x":${value}}]}`) as [Example];
    const { kind, values } = example.get('x') as Feature;
    const plain = kind === 'bytes' ? values.map((one) => new Uint8Array(one)) : values;
    expect({ kind, values: plain }).toEqual(feature);
  });

  test('have a context before them', () => {
    const read = examples('{"examples":[{"x":1},{}],"context":{"x":5,"c":"d"}}');
    expect(read.map((one) => [one.get('x')?.values[0], one.has('c')])).toEqual([
      [1n, true],
      [5n, true],
    ]);
  });

  test.each([
    ["key 'examples' is expected and was not found", '{}'],
    ["Expecting 'examples' value to be an list/array", '{"examples":{"x":1}}'],
    ["Expecting 'examples' value to be an list/array", '{"examples":3}'],
    ["'examples' value is an empty array", '{"examples":[]}'],
    ['Example must be JSON object but got JSON 1', '{"examples":[1]}'],
    ['Example must be JSON object but got JSON Array', '{"examples":[{"x":1},[1]]}'],
    ['Example must be JSON object but got JSON', '{"examples":[{"x":1}],"context":[]}'],
    ['Feature: x has element with unexpected JSON type: Null', '{"examples":[{"x":null}]}'],
    ['Feature: x has element with unexpected JSON type: Array', '{"examples":[{"x":[[1]]}]}'],
    ['Feature: x has element with unexpected JSON type: Object', '{"examples":[{"x":{"y":1}}]}'],
    ['Unexpected element type in feature: x', '{"examples":[{"x":[1,"a"]}]}'],
    [
      'Feature: x: 9223372036854775808 does not fit into INT64',
      '{"examples":[{"x":9223372036854775808}]}',
    ],
  ])('are refused: %s', (problem, text) => {
    expect(() => examples(text)).toThrow(
      expect.objectContaining({
        code: 'TENSORFLOW_REQUEST_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });
});
