/** docs/metrics.md, the alerts and the dashboard speak of the metrics that there are, and of all of them. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { MetricDefinition } from '../src/telemetry/metric-catalogue.ts';
import { metricCatalogue } from '../src/telemetry/metric-catalogue.ts';
import { newMetrics, serverReading } from '../src/telemetry/metrics.fixture.ts';
import { root } from './support/modelship.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly Target[];
}

interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: Panel['datasource'];
}

const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');
const catalogue: Readonly<Record<string, MetricDefinition>> = metricCatalogue;
const dashboard = JSON.parse(read('docs', 'grafana', 'modelship.json'));
const panels: readonly Panel[] = dashboard.panels;
const targets = panels.flatMap(({ targets: own = [] }) => own);
const alerts: readonly { alert: string; expr: string }[] = parse(
  read('docs', 'prometheus', 'alerts.yaml'),
).groups.flatMap(({ rules }: { rules: object[] }) => rules);

/** Every series that a server gives, our own by the catalogue, the process's as they are printed. */
let series: Set<string>;

beforeAll(async () => {
  const { text } = await newMetrics().render(serverReading());
  const ofProcess = [...text.matchAll(/^((?:process|nodejs)_\w+)[ {]/gm)].map(([, name]) => name);
  const own = Object.entries(catalogue).flatMap(([name, { type }]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : name,
  );
  series = new Set([...own, ...ofProcess] as string[]);
});

const seriesIn = (text: string): string[] =>
  [...text.matchAll(/\b(?:modelship|process|nodejs)_\w+/g)].map(([name]) => name);

const unknownIn = (text: string): string[] => seriesIn(text).filter((name) => !series.has(name));

describe('docs/metrics.md', () => {
  const text = read('docs', 'metrics.md');

  test('lists every metric with its type, labels and help, and no other', () => {
    const listed = [...text.matchAll(/^\| `(modelship_\w+)` \| (\w+) \| (.*?) \| (.+) \|$/gm)].map(
      ([, name, type, labels = '', help]) => [name, type, labels.replaceAll('`', ''), help],
    );
    const expected = Object.entries(catalogue).map(([name, { type, labels, help }]) => [
      name,
      type,
      labels.join(' '),
      help,
    ]);
    expect(listed).toEqual(expected);
  });

  test('asks Prometheus only for what there is', () => {
    const below = text.slice(text.indexOf('## What counts when'));
    expect(seriesIn(below).length).toBeGreaterThan(10);
    const names = new Set(Object.keys(catalogue));
    expect(unknownIn(below).filter((name) => !names.has(name))).toEqual([]);
  });
});

describe('the alerts', () => {
  test('ask only for what there is, and say what is wrong', () => {
    expect(alerts.length).toBeGreaterThan(4);
    for (const alert of alerts) {
      expect(seriesIn(alert.expr).length, alert.alert).toBeGreaterThan(0);
      expect(unknownIn(alert.expr), alert.alert).toEqual([]);
      expect(alert).toMatchObject({
        alert: expect.stringMatching(/^Modelship\w+$/),
        labels: { severity: expect.stringMatching(/^(warning|critical)$/) },
        annotations: { summary: expect.any(String) },
      });
    }
  });
});

describe('the dashboard', () => {
  test('is what its script makes', () => {
    const script = join(root, 'scripts', 'make-dashboard.ts');
    expect(dashboard).toEqual(
      JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' })),
    );
  });

  test('asks only for what there is, and for every metric of our own but the build', () => {
    for (const { expr } of targets) expect(unknownIn(expr), expr).toEqual([]);
    const asked = targets.flatMap(({ expr }) => seriesIn(expr));
    const missing = Object.keys(catalogue).filter(
      (name) => !asked.some((one) => one === name || one.startsWith(`${name}_`)),
    );
    expect(missing).toEqual([]);
  });

  test('has a schema version, panels with ids and letters of their own, none over another', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { targets: own = [] } of panels)
      expect(new Set(own.map(({ refId }) => refId)).size).toBe(own.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  });

  test('is bound to no data source but the one that is chosen, and to no model', () => {
    const variables: { name: string; type: string; datasource?: Panel['datasource'] }[] =
      dashboard.templating.list;
    expect(variables.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['model', 'query'],
    ]);
    const sources = [
      ...variables.slice(1),
      ...panels.filter(({ type }) => type !== 'row'),
      ...targets,
    ].map(({ datasource }) => datasource);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: how Grafana names a variable
    expect(sources.every((one) => one?.uid === '${datasource}')).toBe(true);
    expect(JSON.stringify(dashboard).match(/"uid":"(?!\$\{datasource\}|modelship")/)).toBeNull();
  });

  test('has the rows that a first look needs', () => {
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      'Traffic',
      'Latency',
      'Queue and batching',
      'Refusals and errors',
      'Versions',
      'Runners',
    ]);
  });
});
