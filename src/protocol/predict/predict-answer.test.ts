import { expect, test } from 'vitest';
import { encodePredictions, encodeSentence } from './predict-answer.ts';

const beagle = { label: 'beagle', probability: 0.987775444984436, index: 162 };
const pot = { label: 'pot', probability: 0.0020967808086425066, index: 738 };

test('one picture answers as article 000 prints it', () => {
  expect(encodePredictions([[beagle, pot]], false)).toMatchInlineSnapshot(
    `"{"predictions":[{"label":"beagle","probability":0.987775444984436},{"label":"pot","probability":0.0020967808086425066}],"success":true}"`,
  );
});

test('a list answers with a list, also of one', () => {
  expect(encodePredictions([[beagle], [pot]], true)).toMatchInlineSnapshot(
    `"{"results":[{"predictions":[{"label":"beagle","probability":0.987775444984436}]},{"predictions":[{"label":"pot","probability":0.0020967808086425066}]}],"success":true}"`,
  );
  expect(encodePredictions([[beagle]], true)).toMatchInlineSnapshot(
    `"{"results":[{"predictions":[{"label":"beagle","probability":0.987775444984436}]}],"success":true}"`,
  );
});

test('a label is escaped as JSON wants it', () => {
  expect(JSON.parse(encodePredictions([[{ label: '"\n€', probability: 1 }]], false))).toEqual({
    predictions: [{ label: '"\n€', probability: 1 }],
    success: true,
  });
});

test("one picture answers with article 001's sentence", () => {
  const text = encodeSentence([[{ label: 'dog', probability: 0.9984 }]]);
  expect(text).toBe('The input picture is classified as [dog], with probability 0.998.');
});

test('several pictures answer with a line each, three decimals always', () => {
  expect(
    encodeSentence([[{ label: 'cat', probability: 1 }], [pot, beagle]]),
  ).toMatchInlineSnapshot(`
    "The input picture is classified as [cat], with probability 1.000.
    The input picture is classified as [pot], with probability 0.002."
  `);
});
