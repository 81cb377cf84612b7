import { expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { ServingError } from '../../errors.ts';
import { parseInferBody } from '../open-inference/infer-request.ts';
import { runNow } from '../steps.ts';
import type { JsonReading } from './json-reader.ts';
import { readJson } from './read-json.ts';

const seeds = [
  '{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP32","data":[1.5, -2e3,3,NaN,0.25,-Infinity]}]}',
  '{"inputs":[{"data":[[1,2],[3,-4]],"datatype":"INT64","shape":[2,2],"name":"é"}],"id":"a\\u00e9"}',
  '{"inputs":[{"name":"x","shape":[3],"datatype":"BYTES","data":["a","\\ud83d\\ude00","é\\n"]}]}',
  '{"inputs":[{"name":"x","shape":[2],"datatype":"BOOL","data":[true,false],"parameters":{"a":1}}]}',
  '{"inputs":[{"name":"x","shape":[1],"datatype":"UINT64","data":[18446744073709551615]}],"outputs":[]}',
  '{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[{"b64":"AA=="},{"a":[1]}]}]}',
];
const pieces = [
  ...[
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    '\\',
    '-',
    '.',
    'e',
    '0',
    '1e999',
    'NaN',
    'null',
    ' ',
    '\n',
  ],
  ...[
    '\u0000',
    '\xff',
    '[[',
    ']]',
    '"data":',
    '99999999999999999999',
    '-Infinity',
    'é',
    '1.',
    'tru',
  ],
];

function mutate(text: string, random: () => number): Buffer {
  let bytes = Buffer.from(text);
  const changes = 1 + Math.floor(random() * 3);
  for (let i = 0; i < changes; i += 1) {
    const at = Math.floor(random() * (bytes.length + 1));
    const piece = Buffer.from(pieces[Math.floor(random() * pieces.length)] as string, 'latin1');
    const cut = random() < 0.5 ? Math.floor(random() * 4) : 0;
    bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + cut)]);
    if (random() < 0.1) bytes = bytes.subarray(0, Math.floor(random() * bytes.length));
  }
  return bytes;
}

test('a damaged request is read or refused with a ServingError, never anything else', () => {
  const random = createRandom(77);
  const codes = new Map<string, number>();
  for (let i = 0; i < 20_000; i += 1) {
    const body = mutate(seeds[i % seeds.length] as string, random);
    let code = 'read';
    try {
      runNow(parseInferBody(body, undefined));
    } catch (error) {
      if (!(error instanceof ServingError)) throw new Error(body.toString(), { cause: error });
      code = error.code;
    }
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  expect([...codes.keys()].sort()).toEqual([
    ...['INFER_REQUEST_INVALID', 'INPUT_DATA_INVALID', 'JSON_INVALID', 'read'],
  ]);
});

test('as JSON it is taken exactly when JSON.parse takes it, but for the words that are numbers', () => {
  const random = createRandom(78);
  const plain: JsonReading = { isData: () => false, after: 'nothing' };
  let taken = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const text = mutate(seeds[i % seeds.length] as string, random).toString();
    const outcome = (read: () => unknown): unknown => {
      try {
        return read();
      } catch {
        return 'refused';
      }
    };
    // In strings they stay as they are, in either form.
    const worded = text.replace(/(?<![\w"])-?(?:NaN|Infinity)(?![\w"])/g, '0');
    const theirs = outcome(() => JSON.parse(worded));
    const ours = outcome(() => runNow(readJson(Buffer.from(worded), plain)));
    if (worded.startsWith('\ufeff')) continue;
    expect(ours, worded).toEqual(theirs);
    if (theirs !== 'refused') taken += 1;
  }
  expect(taken).toBeGreaterThan(1000);
});

test('pauses at any byte change nothing', () => {
  const random = createRandom(79);
  for (const text of seeds.slice(0, 5)) {
    const whole = runNow(parseInferBody(Buffer.from(text), undefined));
    // Behind white space of any length, so that each byte comes to lie on the border of a step.
    for (let i = 0; i < 60; i += 1) {
      const padded = ' '.repeat(32_768 - Math.floor(random() * 110)) + text;
      expect(runNow(parseInferBody(Buffer.from(padded), undefined))).toEqual(whole);
    }
  }
});
