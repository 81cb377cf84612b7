import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/models/run.ts';
import type { Repository, SeenModel } from './repository.ts';
import { createRepository } from './repository.ts';

let root: string;
let now: number;

beforeEach(() => {
  const temporary = temporaryFolder();
  root = temporary.path;
  now = Date.now();
  return () => temporary[Symbol.dispose]();
});

function write(path: string, content = 'x'): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
}

const open = (path = '.', settleMs = 1000): Repository =>
  createRepository({ path: join(root, path), settleMs, now: () => now });

const stamps = (seen: readonly SeenModel[]): string[] =>
  seen.flatMap(({ name, onDisk }) =>
    onDisk.map(({ version, stamp }) => `${name} ${version} ${stamp}`),
  );

const settled = (repository: Repository): string[] =>
  repository
    .lookAtOnce()
    .flatMap(({ name, onDisk }) => onDisk.map((one) => `${name} ${one.version} ${one.settled}`));

describe('the stamp of a version', () => {
  test.each<[string, () => void]>([
    ['a file that is written to', () => appendFileSync(join(root, 'm/1/model.onnx'), 'y')],
    [
      'a file that is replaced by one of the same size and time',
      () => {
        write('new', 'y');
        utimesSync(join(root, 'new'), 0, 0);
        renameSync(join(root, 'new'), join(root, 'm/1/model.onnx'));
      },
    ],
    ['a file that comes beside it', () => write('m/1/weights.bin')],
    ['a file in a folder of it', () => write('m/1/variables/variables.index')],
    ['a file that goes', () => rmSync(join(root, 'm/1/model.onnx'))],
    ['a label in the file that model.yaml names', () => write('m/labels.txt', 'cat\ndog\n')],
    ['a model.yaml that says something else of it', () => write('m/model.yaml', 'instances: 2')],
  ])('changes with %s', (_, change) => {
    write('m/1/model.onnx');
    write('m/model.yaml', 'output: {labels: labels.txt}');
    write('m/labels.txt', 'cat\nfox\n');
    const repository = open();
    const before = stamps(repository.lookAtOnce());
    expect(stamps(repository.lookAtOnce())).toEqual(before);
    change();
    expect(stamps(repository.lookAtOnce())).not.toEqual(before);
  });

  test.each<[string, () => void]>([
    ['another version', () => write('m/2/model.onnx')],
    ['what model.yaml says of versions', () => write('m/model.yaml', 'versions: {labels: {a: 1}}')],
    ['a comment in model.yaml', () => write('m/model.yaml', '# nothing\n')],
    ['a file beside the versions', () => write('m/README.md')],
  ])('does not change with %s', (_, change) => {
    write('m/1/model.onnx');
    write('m/model.yaml', '');
    const repository = open();
    const [before] = stamps(repository.lookAtOnce());
    change();
    expect(stamps(repository.lookAtOnce())[0]).toBe(before);
  });

  test('of a file among others changes with it and its own data only', () => {
    write('a.onnx');
    write('a.onnx.data');
    write('b.onnx');
    const repository = open();
    const [a, b] = stamps(repository.lookAtOnce());
    write('a.onnx.data', 'changed');
    const next = stamps(repository.lookAtOnce());
    expect(next[0]).not.toBe(a);
    expect(next[1]).toBe(b);
  });

  test('of a file among others has the names that the look saw, which lists their folder once', () => {
    write('a.onnx');
    write('a.b.onnx');
    write('c.onnx');
    write('a.onnx.data');
    write('a.txt');
    const repository = open();
    const [first] = repository.lookAtOnce();
    write('a.onnx.more');
    const before = stamps(first ? [first] : []);
    expect(stamps(repository.lookAtOnce())[0]).not.toBe(before[0]);
    expect(repository.lookAtOnce().map(({ found }) => found.versions[0]?.ownNames)).toEqual([
      ['a.b.onnx', 'a.onnx', 'a.onnx.data', 'a.onnx.more'],
      ['a.b.onnx'],
      ['c.onnx'],
    ]);
  });

  test('of a version behind a link changes with what the link leads to', () => {
    write('store/1/model.onnx');
    mkdirSync(join(root, 'served'));
    symlinkSync('../store', join(root, 'served/m'));
    const repository = open('served');
    const before = stamps(repository.lookAtOnce());
    appendFileSync(join(root, 'store/1/model.onnx'), 'y');
    expect(stamps(repository.lookAtOnce())).not.toEqual(before);
  });
});

describe('a version is settled', () => {
  test('when nothing in it has changed for the time', () => {
    write('m/1/model.onnx');
    const repository = open();
    expect(settled(repository)).toEqual(['m 1 false']);
    expect(repository.settlesInMs).toBeGreaterThan(0);
    // The files' times are of the real clock, which went on meanwhile.
    now += 60_000;
    expect(settled(repository)).toEqual(['m 1 true']);
    appendFileSync(join(root, 'm/1/model.onnx'), 'y');
    now = Date.now();
    expect(settled(repository)).toEqual(['m 1 false']);
    now += 60_000;
    expect(settled(repository)).toEqual(['m 1 true']);
    expect(repository.settlesInMs).toBeUndefined();
  });

  test('not while the model.yaml around it is being written', () => {
    write('m/1/model.onnx');
    const repository = open();
    now += 60_000;
    expect(settled(repository)).toEqual(['m 1 true']);
    write('m/model.yaml', 'instances: 1');
    now = Date.now();
    expect(settled(repository)).toEqual(['m 1 false']);
  });
});

test('a model.yaml with a mistake is the problem of its model alone', () => {
  write('a/1/model.onnx');
  write('b/1/model.onnx');
  write('a/model.yaml', 'nam: x');
  const [a, b] = open().lookAtOnce();
  expect(a?.head.problem?.code).toBe('MODEL_YAML_INVALID');
  expect(b?.head.problem).toBeUndefined();
});

describe('of models of one name', () => {
  const problems = (repository: Repository): string[] =>
    repository
      .lookAtOnce()
      .map(({ name, found, head }) =>
        [name, found.place.slice(root.length), head.problem?.code, ...(head.warnings ?? [])]
          .filter(Boolean)
          .join(' '),
      );

  test('that are there at once none is served, and both places are told; the others are', () => {
    write('a.onnx');
    write('a/1/model.onnx');
    write('b/1/model.onnx');
    write('c/1/model.onnx');
    write('c/model.yaml', 'name: d');
    write('d/1/model.onnx');
    const repository = open();
    const seen = repository.lookAtOnce();
    expect(seen.map(({ name, head }) => `${name} ${head.problem?.message}`)).toEqual([
      `a two models are called "a": ${root}/a and ${root}/a.onnx; none of them is served. Move the others away, or give them other names (name: … in ${root}/a.yaml).`,
      'b undefined',
      `d two models are called "d": ${root}/c and ${root}/d; none of them is served. Move the others away, or give them other names (name: … in ${root}/d/model.yaml).`,
    ]);
    rmSync(join(root, 'a'), { recursive: true });
    write('c/model.yaml', 'name: c');
    expect(problems(repository)).toEqual(['a /a.onnx', 'b /b', 'c /c', 'd /d']);
    // Its files are as they were, and yet it is to be loaded.
    const [before] = stamps(seen);
    expect(stamps(repository.lookAtOnce())[0]).not.toBe(before);
  });

  test('the one that was there first goes on, whichever comes first in the order of names', () => {
    write('m/1/model.onnx');
    const repository = open();
    const before = stamps(repository.lookAtOnce());
    write('a/1/model.onnx');
    write('a/model.yaml', 'name: m');
    expect(problems(repository)).toEqual([
      `m /m two models are called "m": ${root}/a and ${root}/m; only ${root}/m is served, which was here first. Move the others away, or give them other names (name: … in ${root}/a/model.yaml).`,
    ]);
    expect(stamps(repository.lookAtOnce())).toEqual(before);
    rmSync(join(root, 'm'), { recursive: true });
    expect(problems(repository)).toEqual(['m /a']);
  });
});

describe('a look beside requests', () => {
  test('sees what one at once sees, and looks that are asked for meanwhile share the next', async () => {
    write('m/1/model.onnx');
    write('n/3/model.onnx');
    const repository = open();
    const first = repository.look();
    const begun = new Promise((resolve) => setImmediate(resolve));
    await begun;
    write('m/2/model.onnx');
    const [second, third] = [repository.look(), repository.look()];
    expect(second).toBe(third);
    expect((await first).map(({ name }) => name)).toEqual(['m', 'n']);
    expect(stamps(await second)).toEqual(stamps(repository.lookAtOnce()));
    expect((await second)[0]?.head.found).toEqual(['1', '2']);
  });

  test('fails as that does, and the next goes on', async () => {
    const repository = open('later');
    await expect(repository.look()).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' });
    write('later/m/1/model.onnx');
    expect(await repository.look()).toHaveLength(1);
  });
});

test('versions are in the order of their numbers, however large', () => {
  for (const version of ['10', '9', '9007199254740993', '100', '2'])
    write(`m/${version}/model.onnx`);
  expect(open().lookAtOnce()[0]?.head.found).toEqual(['2', '9', '10', '100', '9007199254740993']);
});

test('ten thousand versions are named without a look into each', () => {
  for (let i = 1; i <= 200; i += 1) mkdirSync(join(root, 'm', String(i)), { recursive: true });
  const [model] = open().lookAtOnce();
  expect(model?.head.found).toHaveLength(200);
  expect(model?.onDisk.at(-1)?.version).toBe('200');
});

describe('a models.config', () => {
  const config = (text: string): void => write('conf/models.config', text);

  test('names the models, wherever they are, with its versions and labels', () => {
    write('elsewhere/gan/1/model.onnx');
    write('elsewhere/gan/2/model.onnx');
    config(`model_config_list { config {
      name: "faces" base_path: "${join(root, 'elsewhere/gan')}" model_platform: "tensorflow"
      model_version_policy { specific { versions: 1 versions: 2 } }
      version_labels { key: "stable" value: 1 }
    } }`);
    const [seen] = open('conf/models.config').lookAtOnce();
    expect(seen).toMatchObject({
      name: 'faces',
      configured: true,
      head: { config: { versions: { policy: 'specific', list: [1, 2], labels: { stable: 1 } } } },
    });
    expect(seen?.onDisk.map(({ version }) => version)).toEqual(['1', '2']);
  });

  test('may name a folder that is not there yet', () => {
    config('model_config_list { config { name: "m" base_path: "nope" } }');
    const [seen] = open('conf/models.config').lookAtOnce();
    expect(seen?.found.versions[0]?.problem?.code).toBe('PATH_NOT_FOUND');
  });

  test('that another takes the place of may name folders beside its own', async () => {
    write('conf/a/1/model.onnx');
    write('conf/b/1/model.onnx');
    config('model_config_list { config { name: "a" base_path: "a" } }');
    const repository = open('conf/models.config');
    const next = { models: [{ name: 'b', path: join(root, 'conf/b') }] };
    expect((await repository.lookWith(next)).map(({ name }) => name)).toEqual(['b']);
    expect(repository.lookAtOnce().map(({ name }) => name)).toEqual(['a']);
    expect(repository.configure(next)).toBeUndefined();
    expect(repository.lookAtOnce().map(({ name }) => name)).toEqual(['b']);
    expect(() => repository.configure({ models: [{ name: 'x', path: '/etc' }] })).toThrow(
      expect.objectContaining({ code: 'PATH_OUTSIDE_REPOSITORY' }),
    );
    expect(() =>
      repository.configure({ models: [{ name: 'x', path: join(root, 'conf/../secret') }] }),
    ).toThrow(expect.objectContaining({ code: 'PATH_OUTSIDE_REPOSITORY' }));
  });
});
