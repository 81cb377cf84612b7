/** What the commands print: tables for people, nothing fancy when no person looks. */

import { styleText } from 'node:util';

export interface Output {
  print(line: string): void;
  /** True when a person reads it. */
  readonly isTerminal: boolean;
}

export const standardOutput: Output = {
  print: (line) => void process.stdout.write(`${line}\n`),
  isTerminal: process.stdout.isTTY === true,
};

/** What takes long, for a person who waits; beside what a command prints. */
export function tellPerson(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${line}\n`);
}

/** Bold where a person reads. */
export function bold(text: string, output: Output): string {
  return output.isTerminal ? styleText('bold', text) : text;
}

/** Names come from model files and pictures: what would steer a terminal is shown, not sent. */
const harmless = (cell: string): string =>
  cell.replace(/[^\P{Cc}\n]/gu, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Rows as columns, left-aligned, two spaces apart. */
export function table(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(harmless));
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
