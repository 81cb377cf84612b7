/**
 * Prometheus' text format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */

import type { Distribution } from './distribution.ts';

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  /** A distribution for a histogram, a number for everything else. */
  readonly value: number | Distribution;
}

export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

const escapeHelp = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replace(/"/g, '\\"');

function writeLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(',');
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);

function* writeDistribution(
  name: string,
  labels: string,
  { bounds, counts, sum }: Distribution,
): Generator<string> {
  const before = labels === '' ? '' : `${labels},`;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    below += count;
    yield `${name}_bucket{${before}le="${bounds[i] ?? '+Inf'}"} ${below}`;
  }
  yield `${name}_sum${braced(labels)} ${sum}`;
  yield `${name}_count${braced(labels)} ${below}`;
}

function* writeFamily({ name, type, help, samples }: Family): Generator<string> {
  yield `# HELP ${name} ${escapeHelp(help)}`;
  yield `# TYPE ${name} ${type}`;
  for (const { labels, value } of samples) {
    const text = writeLabels(labels);
    if (typeof value === 'number') yield `${name}${braced(text)} ${value}`;
    else yield* writeDistribution(name, text, value);
  }
}

/** The lines of all families, each ended. */
export function writeExposition(families: readonly Family[]): string {
  let text = '';
  for (const family of families) for (const line of writeFamily(family)) text += `${line}\n`;
  return text;
}
