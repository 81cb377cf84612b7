/**
 * `modelship promote` and `modelship rollback`: change the traffic of a running server, and say what holds
 * now.
 */

import type { ErrorCode } from '../errors.ts';
import { messageOf, ServingError } from '../errors.ts';
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

/** The answer's JSON; throws the exit code's error when the server refuses. */
async function ask({ url, model }: AskOptions, what: string, body: object): Promise<TrafficAnswer> {
  const path = `/models/${encodeURIComponent(model)}/${what}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, url), {
      method: 'POST',
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
  what: 'promote' | 'rollback',
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
