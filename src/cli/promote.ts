/**
 * `modelship promote`, `rollback` and `reset`: change the traffic of a running server, and say what holds now;
 * or forget what was kept of such changes.
 */

import { existsSync } from 'node:fs';
import { isModelName } from '../config/model-yaml.ts';
import type { ErrorCode } from '../errors.ts';
import { messageOf, ServingError } from '../errors.ts';
import { openStateFolder } from '../serving/state-folder.ts';
import { exitCodeOfCode, exitCodes } from './exit-codes.ts';
import type { Output } from './terminal.ts';
import { table } from './terminal.ts';

export interface TrafficAnswer {
  readonly name: string;
  readonly source: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly traffic: Readonly<Record<string, number>>;
}

export interface AskOptions {
  /** Of the running server. */
  readonly url: string;
  readonly model: string;
}

const verbs = {
  promote: { method: 'POST', path: 'promote' },
  rollback: { method: 'POST', path: 'rollback' },
  reset: { method: 'DELETE', path: 'traffic' },
} as const;

export type TrafficVerb = keyof typeof verbs;

/** The answer's JSON; throws the exit code's error when the server refuses. */
async function ask(
  { url, model }: AskOptions,
  what: TrafficVerb,
  body: object,
): Promise<TrafficAnswer> {
  const { method, path: end } = verbs[what];
  const path = `/models/${encodeURIComponent(model)}/${end}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, url), {
      method,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    throw new ServingError('SERVER_UNREACHABLE', { url, problem: messageOf(cause) });
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as TrafficAnswer;
  throw new RefusedByServer(text, url);
}

/** What a server answered instead of doing it. */
export class RefusedByServer extends Error {
  readonly code: string;

  constructor(text: string, url: string) {
    const { error, code } = parseRefusal(text);
    super(`${url} refuses: ${error}`);
    this.code = code;
  }
}

function parseRefusal(text: string): { error: string; code: string } {
  try {
    const { error, code } = JSON.parse(text) as { error?: unknown; code?: unknown };
    return { error: String(error), code: String(code) };
  } catch {
    return { error: 'it answers as no server of Modelship does', code: 'INTERNAL' };
  }
}

function print({ name, labels, traffic, source }: TrafficAnswer, output: Output): void {
  const rows = Object.entries(labels).map(([label, version]) => [
    `  ${label}`,
    `version ${version}`,
    traffic[label] === undefined ? '' : `${traffic[label]}% of the traffic`,
  ]);
  output.print(source === 'run time' ? `${name}:` : `${name}, as its model.yaml says:`);
  for (const line of table(rows)) output.print(line);
}

/** Returns the exit code. */
export async function changeTraffic(
  options: AskOptions,
  what: TrafficVerb,
  body: object,
  output: Output,
): Promise<number> {
  try {
    print(await ask(options, what, body), output);
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof RefusedByServer)) throw error;
    process.stderr.write(`modelship: ${error.message} [${error.code}]\n`);
    return exitCodeOfCode(error.code as ErrorCode);
  }
}

/** Throws SETTINGS_INVALID and TRAFFIC_INVALID; a file that cannot be read is forgotten too. */
export function forgetChanges(stateDir: string, model: string, output: Output): void {
  const refuse = (problem: string): never => {
    throw new ServingError('TRAFFIC_INVALID', { model, problem });
  };
  if (!isModelName(model)) refuse('that is the name of no model');
  if (!existsSync(stateDir)) refuse(`there is no folder ${stateDir}`);
  const folder = openStateFolder(stateDir, () => {});
  const file = folder.fileOf(model);
  if (!existsSync(file)) refuse(`nothing was changed at run time: there is no ${file}`);
  folder.write(model, undefined);
  output.print(`${model}: what was changed at run time is forgotten (${file}).`);
  output.print('A server that watches hears of it at its next look, another when it starts again.');
}
