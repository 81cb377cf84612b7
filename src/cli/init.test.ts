import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { temporaryFolder } from '../../test/models/run.ts';
import type { TestModelName } from '../../test/models/test-models.ts';
import { testModels, writeTestModel } from '../../test/models/test-models.ts';
import { parseModelYaml } from '../config/model-yaml.ts';
import { createGraph } from '../onnx/graph-builder.ts';
import { writeOnnxModel } from '../onnx/write-model.ts';
import { planPictures } from '../pipeline/picture-plan.ts';
import { findModels } from '../repository/find-models.ts';
import type { ModelSignature } from '../repository/model-signature.ts';
import { readModel } from '../repository/read-model.ts';
import { init, proposeModelYaml } from './init.ts';

let root: string;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  return () => temporary[Symbol.dispose]();
});

const servable = (Object.keys(testModels) as TestModelName[]).filter(
  (name) => !['sequence-output', 'zip-map-output', 'opset-99'].includes(name),
);

function propose(path: string): { text: string; signature: ModelSignature } {
  const [found] = findModels(path);
  const model = readModel(found as never);
  const signature = model.versions[0]?.signature as ModelSignature;
  return { text: proposeModelYaml(model, signature), signature };
}

/** The alternatives of `input:` that stand in comments, each uncommented. */
function inputProposals(text: string): string[] {
  const lines = text.split('\n');
  const starts = lines.flatMap((line, i) => (line === '#input:' ? [i] : []));
  return starts.map((start) => {
    const end = lines.findIndex((line, i) => i > start && !line.startsWith('#  '));
    return lines
      .slice(start, end)
      .map((line) => line.slice(1))
      .join('\n');
  });
}

test.each(servable)(
  'what is written for %s is valid, and so is each proposal in its comments',
  (name) => {
    const { text, signature } = propose(writeTestModel(root, name));
    expect(() => parseModelYaml(text, 'model.yaml')).not.toThrow();
    for (const proposal of inputProposals(text)) {
      const { input } = parseModelYaml(proposal, 'model.yaml');
      expect(planPictures(input, signature.inputs).problem?.reason).toBeUndefined();
    }
    const others = text
      .split('\n')
      .filter((line) => /^#(instances|threads|batching|queue|versions):/.test(line));
    expect(others).toHaveLength(5);
    for (const line of others)
      expect(() => parseModelYaml(line.slice(1), 'model.yaml')).not.toThrow();
  },
);

test('a colour picture model gets a preset and the single settings to choose from', () => {
  const { text } = propose(writeTestModel(root, 'picture-nchw'));
  const [preset, single, ...more] = inputProposals(text).map((proposal) => parse(proposal).input);
  expect([preset, more]).toEqual([{ preset: 'gluon/cifar10' }, []]);
  expect(single).toMatchObject({ color: 'rgb', resize: { size: 32 } });
});

test.each(['picture-gray', 'pixels'] as const)('no preset is proposed for %s', (name) => {
  expect(inputProposals(propose(writeTestModel(root, name)).text)).toHaveLength(1);
});

test('names in the model cannot leave their comment', () => {
  const graph = createGraph('evil');
  const x = graph.input('x\nqueue: {maxRequests: 1}\n#', 'FP32', ['batch', 4]);
  graph.node({ op: 'Identity', inputs: [x], outputs: ['y\u2028name: evil'] });
  graph.output('y\u2028name: evil', 'FP32', ['batch', 4]);
  const path = join(root, 'm.onnx');
  writeOnnxModel(path, graph);
  const { queue, name } = parseModelYaml(propose(path).text, 'model.yaml');
  expect([queue.maxRequests, name]).toEqual([256, 'm']);
});

test.each(['2024', '1.5', '1e3', 'true', 'null', '0x10'])(
  'a model called %s keeps its name',
  (name) => {
    const path = join(root, `${name}.onnx`);
    writeOnnxModel(path, testModels.mlp.build());
    expect(parseModelYaml(propose(path).text, 'model.yaml').name).toBe(name);
  },
);

describe('the file', () => {
  const lines: string[] = [];
  const output = { print: (line: string) => void lines.push(line), isTerminal: false };
  const run = (path: string, options = {}): void =>
    init(join(root, path), { force: false, print: false, ...options }, output);

  test('is written beside the versions, and not over another', () => {
    writeTestModel(root, 'mlp');
    run('mlp');
    expect(readFileSync(join(root, 'mlp/model.yaml'), 'utf8')).toContain('name: mlp');
    expect(() => run('mlp')).toThrow(expect.objectContaining({ code: 'FILE_EXISTS' }));
    run('mlp', { force: true });
  });

  test('replaces a broken one with --force', () => {
    writeTestModel(root, 'mlp');
    writeFileSync(join(root, 'mlp/model.yaml'), 'nam: x');
    expect(() => run('mlp')).toThrow(expect.objectContaining({ code: 'MODEL_YAML_INVALID' }));
    run('mlp', { force: true });
    expect(readFileSync(join(root, 'mlp/model.yaml'), 'utf8')).toContain('name: mlp');
  });

  test('of each of several models in one folder has the name of its model', () => {
    mkdirSync(join(root, 'both'));
    for (const name of ['a', 'b'])
      writeOnnxModel(join(root, `both/${name}.onnx`), testModels.mlp.build());
    run('both');
    expect(
      ['a.yaml', 'b.yaml', 'model.yaml'].map((name) => existsSync(join(root, 'both', name))),
    ).toEqual([true, true, false]);
    expect(findModels(join(root, 'both')).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test('is only printed with --print', () => {
    writeTestModel(root, 'mlp');
    lines.length = 0;
    run('mlp', { print: true });
    expect([lines.join().includes('name: mlp'), existsSync(join(root, 'mlp/model.yaml'))]).toEqual([
      true,
      false,
    ]);
  });
});
