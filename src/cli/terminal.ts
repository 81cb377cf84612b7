/** What the commands print: tables for people, nothing fancy when no person looks. */

import { styleText } from 'node:util';
import { visibleText } from '../errors.ts';

export interface Output {
  print(line: string): void;
  /** True when a person reads it. */
  readonly isTerminal: boolean;
}

const boldOn = '\u001b[1m';
const boldOff = '\u001b[22m';

/** Bold is ours, and does no harm; whatever else would steer a terminal is shown, not sent. */
export function printable(text: string): string {
  const plain = (part: string): string => part.split(boldOff).map(visibleText).join(boldOff);
  return text.split(boldOn).map(plain).join(boldOn);
}

export const standardOutput: Output = {
  print: (line) => void process.stdout.write(`${printable(line)}\n`),
  isTerminal: process.stdout.isTTY === true,
};

/** What takes long, for a person who waits; beside what a command prints. */
export function tellPerson(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${printable(line)}\n`);
}

/** Bold where a person reads. */
export function bold(text: string, output: Output): string {
  return output.isTerminal ? styleText('bold', text) : text;
}

/** Rows as columns, left-aligned, two spaces apart. */
export function table(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(visibleText));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  return `${(bytes / 1024 ** 3).toFixed(2)} GB`;
}
