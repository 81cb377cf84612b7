/**
 * Structured log lines, JSON, one a line. Warnings and changes of state at info, requests at debug.
 */

import { pino } from 'pino';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** False: what would be told is not worth making. */
  isLevelEnabled(level: string): boolean;
}

/** A line for a person who watches: time, level when it matters, message, fields. */
function humanLine(json: string): string {
  const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
  const severity = level === 'info' ? '' : `${String(level).toUpperCase()} `;
  return `${String(time).slice(11, 19)} ${severity}${msg}  ${details.join(' ')}\n`;
}

/**
 * Writes to standard error, so that standard output stays for what a command prints: JSON lines, or
 * shorter ones where a person watches a terminal.
 */
export function createLog(level: string, forPerson: boolean): Log {
  const target = pino.destination({ fd: 2, sync: true });
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    forPerson ? { write: (line: string) => target.write(humanLine(line)) } : target,
  );
}
