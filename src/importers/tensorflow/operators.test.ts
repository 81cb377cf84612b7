/**
 * Operators against TensorFlow: each case is a model that TensorFlow saved, with the outputs it computed
 * from the reloaded file (test/fixtures/tensorflow/make_ops.py).
 */

import { expect, test } from 'vitest';
import {
  decode,
  errorInSigmas,
  feedsOf,
  opCases,
  openCase,
  plainNumbers,
  readCase,
  runSignature,
  unpack,
} from '../../../test/models/tensorflow-cases.ts';

test.each(opCases)('%s gives what TensorFlow gives', async (name) => {
  const { files, inputs, outputs } = readCase(`ops/${name}`);
  using folder = unpack(files);
  using model = openCase(folder.path);
  const [signature] = model.signatures;
  if (!signature) throw new Error('no signature');
  for (const level of ['disabled', 'all'] as const) {
    const results = await runSignature(signature, model, feedsOf(signature, inputs), level);
    const problems: string[] = [];
    for (const [key, expected] of Object.entries(outputs)) {
      const actual = results[key];
      const { dtype, shape } = expected;
      const got = plainNumbers(dtype, (actual?.data ?? []) as Float32Array);
      const error = errorInSigmas(got, plainNumbers(dtype, decode(expected)));
      const bound = dtype === 'float16' ? 1e-3 : 1e-4;
      if (!(error <= bound) || actual?.dims.join() !== shape.join() || actual?.type !== dtype) {
        problems.push(
          `${key}@${level}: ${error} [${actual?.dims}] ${actual?.type} for [${shape}] ${dtype}`,
        );
      }
    }
    expect(problems).toEqual([]);
  }
});
