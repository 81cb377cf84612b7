import { describe, expect, test } from 'vitest';
import { parseModelYaml } from '../config/model-yaml.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import type { NamedTensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../tensor/tensor-spec.ts';
import type { PlannedSignatures } from './signatures.ts';
import { chooseSignature, findSignature, planSignatures } from './signatures.ts';

const a: TensorSpec = { name: 'a', dtype: 'FP32', shape: [null, 2] };
const b: TensorSpec = { name: 'b', dtype: 'INT32', shape: [null] };
const y: TensorSpec = { name: 'y', dtype: 'FP32', shape: [null, 3] };
const z: TensorSpec = { name: 'z', dtype: 'FP32', shape: [null] };
const image: TensorSpec = { name: 'image', dtype: 'FP32', shape: [null, 3, 8, 8] };
const color = 'input: {color: rgb, scale: 1}\n';

function plan(
  yaml: string,
  inputs: readonly TensorSpec[] = [a, b],
  outputs: readonly TensorSpec[] = [y, z],
): PlannedSignatures {
  const { signatures, input } = parseModelYaml(yaml, 'model.yaml');
  return planSignatures(signatures, { inputs, outputs }, planPictures(input, inputs));
}

const namesOf = (signatures: PlannedSignatures, name: string) => {
  const { takes, inputs, outputs, wanted } = findSignature('m', signatures, name);
  return {
    takes,
    inputs: inputs.map((spec) => spec.name),
    outputs: outputs.map((spec) => [spec.name, spec.index]),
    wanted,
  };
};

const tensor = (name: string, dtype: NamedTensor['dtype']): NamedTensor => ({
  name,
  dtype,
  shape: [0],
  data: new Uint8Array(0),
});

const own = {
  takes: 'tensors',
  inputs: ['a', 'b'],
  outputs: [
    ['y', 0],
    ['z', 1],
  ],
  wanted: 0,
};

describe('a model of tensors', () => {
  test('has the graph under the name serving_default', () => {
    const signatures = plan('');
    expect([...signatures.byName.keys()]).toEqual(['serving_default']);
    expect(namesOf(signatures, 'serving_default')).toEqual(own);
  });

  test('has other names for its tensors, in the order of the graph', () => {
    const yaml = 'signatures: {s: {inputs: {second: b, first: a}, outputs: {scores: z}}}';
    expect(namesOf(plan(yaml), 's')).toEqual({
      takes: 'tensors',
      inputs: ['first', 'second'],
      outputs: [['scores', 1]],
      wanted: 0b10,
    });
  });

  test('keeps its own names where a signature gives none, and all outputs in another order are all', () => {
    expect(namesOf(plan('signatures: {s: {}}'), 's')).toEqual(own);
    expect(namesOf(plan('signatures: {s: {outputs: {q: z, p: y}}}'), 's').wanted).toBe(0);
  });

  test('is under its own names for who names no signature, whatever serving_default is', () => {
    const signatures = plan('signatures: {serving_default: {inputs: {i: a, j: b}}}');
    expect(namesOf(signatures, 'serving_default').inputs).toEqual(['i', 'j']);
    expect(signatures.graph.inputs).toEqual([a, b]);
  });

  test.each([
    ['inputs: {i: a}', "inputs names 'b' 0 times, not once"],
    ['inputs: {i: a, j: b, k: a}', "inputs names 'a' 2 times, not once"],
    ['inputs: {i: a, j: c}', 'inputs.j is "c", but its inputs are a, b'],
    ['outputs: {o: a}', 'outputs.o is "a", but its outputs are y, z'],
    ['takes: pictures', 'it takes pictures, but the model cannot: it has 2 inputs'],
  ])('refuses %s', (yaml, problem) => {
    const { problems, byName } = plan(`signatures: {s: {${yaml}}}`);
    expect(problems).toEqual([expect.stringContaining(`signatures.s: ${problem}`)]);
    expect(byName.has('s')).toBe(false);
  });
});

describe('a model of pictures', () => {
  const images = {
    takes: 'pictures',
    inputs: ['images'],
    outputs: [
      ['y', 0],
      ['z', 1],
    ],
    wanted: 0,
  };

  test('has a signature of encoded pictures beside the graph', () => {
    const signatures = plan(color, [image]);
    expect(namesOf(signatures, 'predict_images')).toEqual(images);
    expect(findSignature('m', signatures, 'predict_images').inputs).toEqual([
      { name: 'images', dtype: 'BYTES', shape: [null] },
    ]);
    expect(namesOf(signatures, 'serving_default')).toMatchObject({ inputs: ['image'] });
  });

  test('takes pictures in the signatures of model.yaml, as article 003 names them', () => {
    const yaml = `${color}signatures: {predict_images: {inputs: {images: image}, outputs: {scores: y}}}`;
    expect(namesOf(plan(yaml, [image]), 'predict_images')).toEqual({
      ...images,
      outputs: [['scores', 0]],
      wanted: 1,
    });
  });

  test('takes tensors in those that say so', () => {
    const yaml = `${color}signatures: {raw: {takes: tensors, inputs: {pixels: image}}}`;
    expect(namesOf(plan(yaml, [image]), 'raw')).toMatchObject({
      takes: 'tensors',
      inputs: ['pixels'],
    });
  });

  test.each(['{images: other}', '{images: image, more: image}'])('refuses inputs: %s', (inputs) => {
    const { problems } = plan(`${color}signatures: {s: {inputs: ${inputs}}}`, [image]);
    expect(problems).toEqual([expect.stringContaining("inputs must be one name for 'image'")]);
  });
});

describe('a request that names no signature', () => {
  const yaml = `${color}signatures: {jpeg: {inputs: {picture: image}}}`;
  const signatures = plan(yaml, [image]);
  const chosen = (...inputs: NamedTensor[]) => chooseSignature(signatures, inputs).name;

  test('means a picture signature when its only tensor is BYTES of that name', () => {
    expect(chosen(tensor('images', 'BYTES'))).toBe('predict_images');
    expect(chosen(tensor('picture', 'BYTES'))).toBe('jpeg');
  });

  test('otherwise the graph', () => {
    expect([
      chosen(tensor('images', 'FP32')),
      chosen(tensor('image', 'BYTES')),
      chosen(tensor('images', 'BYTES'), tensor('images', 'BYTES')),
      chosen(),
    ]).toEqual(new Array(4).fill('serving_default'));
  });
});

test('a name that no signature has', () => {
  for (const name of ['x', '__proto__', '']) {
    expect(() => findSignature('m', plan(color, [image]), name)).toThrow(
      expect.objectContaining({
        code: 'SIGNATURE_NOT_FOUND',
        message: expect.stringContaining('its signatures: serving_default, predict_images.'),
      }),
    );
  }
});
