/** Entry point of a picture thread: answers each `ReadJob` with one `ReadReply`, in any order. */

import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { ServingError } from '../errors.ts';
import type { Raster } from './raster.ts';
import { readPicture } from './read-picture.ts';
import type { Picture, ReadJob, ReadReply } from './thread-messages.ts';

parentPort?.on('message', async (job: ReadJob) => {
  const reply = await answer(job);
  const transfer = 'picture' in reply ? [reply.picture.data.buffer as ArrayBuffer] : [];
  parentPort?.postMessage(reply, transfer);
});

async function answer({ id, bytes, header, geometry, where }: ReadJob): Promise<ReadReply> {
  try {
    return { id, picture: toPicture(await readPicture(bytes, header, geometry, where)) };
  } catch (error) {
    if (error instanceof ServingError) return { id, error: error.toPlain() };
    return { id, bug: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

/** After the last step there are one or three channels, and the data own their buffer. */
function toPicture({ width, height, channels, data }: Raster): Picture {
  return { width, height, channels: channels === 1 ? 1 : 3, data };
}

// A thread is ended from outside and would never write what it compiled.
flushCompileCache();
