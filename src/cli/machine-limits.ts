/** Defaults of limits that depend on the machine or the container. */

import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Settings } from '../config/settings.ts';
import { ServingError } from '../errors.ts';
import type { WaitingLimits } from '../image/picture-threads.ts';

const shareOfBodies = 1 / 8;
/** A body of the largest size and others beside it. */
const bodiesAtLeast = 2;
/** For runners, model files, fetches and logs. */
const otherFiles = 256;
const requestsThatWait = 16;

/** Of the container where there is a limit. */
export function usableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Throws SETTINGS_INVALID when one body of the allowed size would not have room. */
export function bodyMemoryOf(
  { maxBody, maxBodyMemory }: Pick<Settings, 'maxBody' | 'maxBodyMemory'>,
  memory = usableMemory(),
): number {
  if (maxBodyMemory === undefined)
    return Math.max(bodiesAtLeast * maxBody, Math.floor(memory * shareOfBodies));
  if (maxBodyMemory >= maxBody) return maxBodyMemory;
  throw new ServingError('SETTINGS_INVALID', {
    problems: [
      `--max-body-memory: ${maxBodyMemory} bytes are less than one body may have (--max-body: ${maxBody})`,
    ],
  });
}

/** The soft limit of open files; Node raises it to the hard one when it starts. */
function openFiles(): number {
  try {
    const [, text] =
      /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return text ? Number(text) : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** What was set, as far as the open files that the process may have allow it. */
export function connectionsOf(
  { maxConnections }: Pick<Settings, 'maxConnections'>,
  files = openFiles(),
): number {
  return Math.min(maxConnections, Math.max(Math.floor(files / 2), files - otherFiles));
}

/** Some full requests; in bytes half of what their bodies may have, so that others find room to come. */
export function waitingPicturesOf(
  settings: Pick<Settings, 'maxBody' | 'maxBodyMemory' | 'maxPictures'>,
): WaitingLimits {
  return {
    pictures: requestsThatWait * settings.maxPictures,
    bytes: Math.max(settings.maxBody, Math.floor(bodyMemoryOf(settings) / 2)),
  };
}
