/**
 * The folder with what was changed at run time (`--state-dir`): a JSON file for each model, written whole
 * under another name and renamed, so that a kill at any moment leaves the old one or the new one.
 */

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, ServingError } from '../errors.ts';
import type { KeptState, StateFolder } from './traffic-store.ts';

const trafficState = z.strictObject({
  labels: z.record(z.string(), z.string().regex(/^[1-9]\d{0,18}$/)),
  traffic: z.record(z.string(), z.number().min(0).max(100)),
  shadow: z.strictObject({ to: z.string(), percent: z.number(), tolerance: z.number() }).optional(),
});

const keptState = z.strictObject({
  now: trafficState,
  since: z.iso.datetime(),
  before: z.array(trafficState.nullable()).max(100),
});

export interface OpenStateFolder extends StateFolder {
  /** Where the changes of a model are kept. */
  fileOf(model: string): string;
}

/**
 * `onProblem` is told of a file that cannot be read or is none of ours, once: it is left as it is, and what held
 * before holds (at the start model.yaml). Throws SETTINGS_INVALID when the folder cannot be made.
 */
export function openStateFolder(
  folder: string,
  onProblem: (file: string, problem: string) => void,
): OpenStateFolder {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ServingError('SETTINGS_INVALID', { problems: [`--state-dir: ${messageOf(error)}`] });
  }
  const fileOf = (model: string): string => join(folder, `${model}.json`);
  /** Each problem is told once, however often the file is read. */
  const told = new Map<string, string>();

  function tell(file: string, problem: string): void {
    if (told.get(file) !== problem) onProblem(file, problem);
    told.set(file, problem);
  }

  function read(model: string): KeptState | 'unreadable' | undefined {
    const file = fileOf(model);
    try {
      return keptState.parse(JSON.parse(readFileSync(file, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      tell(file, messageOf(error));
      return 'unreadable';
    }
  }

  function write(model: string, state: KeptState | undefined): void {
    const file = fileOf(model);
    const temporary = `${file}.${process.pid}.tmp`;
    try {
      if (state === undefined) {
        rmSync(file, { force: true });
        return;
      }
      const open = openSync(temporary, 'w', 0o600);
      try {
        writeSync(open, `${JSON.stringify(state, null, 2)}\n`);
        fsyncSync(open);
      } finally {
        closeSync(open);
      }
      renameSync(temporary, file);
    } catch (error) {
      rmSync(temporary, { force: true });
      const problem = `they cannot be kept in ${file} (${messageOf(error)})`;
      throw new ServingError('TRAFFIC_INVALID', { model, problem });
    }
  }

  function list(): ReadonlySet<string> | undefined {
    try {
      const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
      return new Set(names.map((name) => name.slice(0, -'.json'.length)));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Set() : undefined;
    }
  }

  return { list, read, write, fileOf };
}
