import { expect, test } from 'vitest';
import type { ImportedGraph } from '../repository/read-model.ts';
import { order, refusal, settle } from './runner.fixture.ts';
import type { VersionStage } from './version.fixture.ts';
import { createVersionStage } from './version.fixture.ts';

const graph: ImportedGraph = {
  file: '/models/test/model-1.onnx',
  signature: {
    inputs: order.inputs,
    outputs: order.outputs,
    format: 'ONNX',
    producer: '',
    opsets: [],
    weightBytes: 0,
    operators: [],
    files: [],
  },
  names: {
    signatures: { count: { takes: 'tensors', inputs: namesOf(order.inputs), outputs: {} } },
  },
};

function namesOf(specs: readonly { readonly name: string }[]): Record<string, string> {
  return Object.fromEntries(specs.map(({ name }) => [`my ${name}`, name]));
}

/** A version with one more graph, both over puppet runners. */
function createStages(): { whole: VersionStage; other: VersionStage } {
  const other = createVersionStage({ imported: graph.names });
  const whole = createVersionStage({
    imported: { signatures: {}, otherGraphs: [graph] },
    buildGraph: () => other.served,
  });
  return { whole, other };
}

test('a version is READY when its other graphs are, and gives each signature to its own', async () => {
  const { whole, other } = createStages();
  const signature = whole.served.signatures.byName.get('count');
  if (!signature) throw new Error('the signature is not there');
  expect(signature).toMatchObject({ graph: graph.file, takes: 'tensors' });
  expect(signature.inputs.map(({ name }) => name)).toEqual(Object.keys(namesOf(order.inputs)));
  expect(() => whole.served.graphOf(signature)).toThrow('is not ready (LOADING)');
  const starting = whole.served.start();
  await settle();
  // Its own runner starts after those of the others.
  expect(whole.runners).toHaveLength(0);
  other.runner.loaded();
  await settle();
  whole.runner.loaded();
  await starting;
  expect([whole.served.state, whole.served.warning]).toEqual(['READY', undefined]);
  expect(whole.served.graphOf(signature)).toBe(other.served);
  expect(whole.served.graphOf(whole.served.signatures.graph)).toBe(whole.served);
  await whole.served.stop();
  expect([other.runner.dead, whole.runner.dead]).toEqual([true, true]);
});

test('a graph that does not load is a warning of its version, which serves', async () => {
  const { whole, other } = createStages();
  const starting = whole.served.start();
  await settle();
  other.runner.loadFails(refusal('no such operator'));
  await settle();
  whole.runner.loaded();
  await starting;
  expect(whole.served.state).toBe('READY');
  expect(whole.served.warning).toMatch(/^the signatures count are not served: .*no such operator/);
});
