/** Prometheus' conventions (https://prometheus.io/docs/practices/naming/), held against the text itself. */

import { beforeAll, expect, test } from 'vitest';
import { errorCatalogue } from '../errors.ts';
import { metricCatalogue } from './metric-catalogue.ts';
import { newMetrics, reading, serverReading } from './metrics.fixture.ts';

interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly lines: readonly Line[];
}

function readLine(text: string): Line {
  const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(text) ?? [];
  const pairs = [...labels.matchAll(/(\w+)="([^"]*)",?/g)];
  // Nothing is left over: what was not understood would not be tested.
  expect(pairs.map(([pair]) => pair).join('')).toBe(labels);
  return {
    name,
    labels: Object.fromEntries(pairs.map(([, label = '', content = '']) => [label, content])),
    value: Number(value),
  };
}

/** Families of the text; each has to begin with HELP and TYPE. */
function readFamilies(text: string): Family[] {
  return text
    .split(/^(?=# HELP )/m)
    .map((block) => {
      const [head = '', type = '', ...lines] = block.trim().split('\n');
      const [, name = '', help = ''] = /^# HELP (\w+) (.+)$/.exec(head) ?? [];
      expect(type.startsWith(`# TYPE ${name} `), `${name}: ${type}`).toBe(true);
      return { name, help, type: type.slice(`# TYPE ${name} `.length), lines: lines.map(readLine) };
    })
    .filter(({ name }) => name.startsWith('modelship_'));
}

let families: Family[];

beforeAll(async () => {
  const metrics = newMetrics();
  const version = metrics.forVersion('m', '1');
  version.countRun({ rows: 5, waitMs: [1, 2, 3], runMs: 10 });
  version.noteLoad({ loadMs: 1500, warmUpMs: 20, probeMs: 3, tuneMs: 0 });
  version.noteLoad({ loadMs: 700, warmUpMs: 10, probeMs: 0, tuneMs: 0 }, 'embed');
  metrics.countRequest({ model: 'm', version: '1', code: 'QUEUE_FULL', totalMs: 1 });
  metrics.countRequest({ model: 'm', version: '1', code: 'OK', totalMs: 1 });
  version.countLoadFailure('MODEL_FILE_INVALID');
  metrics.countShadow({ model: 'm', version: '1', result: 'same' });
  metrics.countHttp('/predict', 200, 'OK');
  metrics.countGrpc('/grpc.health.v1.Health/Check', 'OK', 'OK');
  const runners = process.platform === 'linux' ? reading.runners : [];
  const { text } = await metrics.render(serverReading({ ...reading, runners }));
  families = readFamilies(text.slice(0, text.indexOf('# HELP process_')));
});

test('what is printed is what the catalogue has, in its order, with something in each', () => {
  const printed = families.map(({ name, type, help }) => [name, type, help]);
  const catalogue = Object.entries(metricCatalogue).map(([name, { type, help }]) => [
    name,
    type,
    help,
  ]);
  expect(printed).toEqual(catalogue);
  const empty = families.filter(({ lines }) => lines.length === 0).map(({ name }) => name);
  const ofRunners = (name: string): boolean => name.startsWith('modelship_runner_');
  expect(process.platform === 'linux' ? empty : empty.filter((name) => !ofRunners(name))).toEqual(
    [],
  );
});

test('names are lower case, say no type and no unit but a base unit, which comes last', () => {
  for (const { name, type } of families) {
    expect(name).toMatch(/^modelship(_[a-z]+)+$/);
    expect(name).not.toMatch(
      /_(counter|gauge|histogram|summary|bucket|sum|count|ms|milliseconds|minutes|kilobytes|megabytes|percent)(_|$)/,
    );
    expect(name, 'a unit comes last').not.toMatch(/_(seconds|bytes)_(?!total$)/);
    expect(name.endsWith('_total'), `${name} is a ${type}`).toBe(type === 'counter');
    expect(name.endsWith('_info')).toBe(name === 'modelship_build_info');
  }
});

test('helps are sentences', () => {
  for (const { name, help } of families) expect(help, name).toMatch(/^[A-Z0-9].+[.)]$/);
});

test('labels are those that are declared, and their values are not to be made up by a client', () => {
  const codes = ['OK', ...Object.keys(errorCatalogue)];
  for (const { name, type, lines } of families) {
    const declared: readonly string[] =
      metricCatalogue[name as keyof typeof metricCatalogue].labels;
    // `le` is the buckets' own; Prometheus itself adds the others.
    expect(['le', 'job', 'instance'].filter((label) => declared.includes(label))).toEqual([]);
    for (const { name: line, labels } of lines) {
      const ofBucket = type === 'histogram' && line === `${name}_bucket`;
      expect(Object.keys(labels)).toEqual(ofBucket ? [...declared, 'le'] : declared);
      if (labels.code !== undefined) expect(codes).toContain(labels.code);
    }
    const bounded = [
      'model',
      'version',
      'runner',
      'code',
      'status',
      'route',
      'method',
      'phase',
      'cause',
      'result',
      'signature',
    ];
    expect(declared.filter((label) => ![...bounded, 'runtime'].includes(label))).toEqual([]);
  }
});

test('no series is there twice', () => {
  const series = families.flatMap(({ lines }) =>
    lines.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`),
  );
  expect(series).toHaveLength(new Set(series).size);
});

test('buckets add up: they rise, end with +Inf, and that is the count', () => {
  for (const { name, type, lines } of families) {
    if (type !== 'histogram') continue;
    const buckets = lines.filter((line) => line.name === `${name}_bucket`);
    const values = buckets.map(({ value }) => value);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    const bounds = buckets.map(({ labels }) => Number(labels.le?.replace('+Inf', 'Infinity')));
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY);
    expect(lines.find((line) => line.name === `${name}_count`)?.value).toBe(values.at(-1));
    expect(lines.find((line) => line.name === `${name}_sum`)?.value).toBeGreaterThan(0);
  }
});
