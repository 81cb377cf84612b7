/**
 * A process that speaks as a runner does until it is asked to run, and then misbehaves.
 * Starts itself: the same file is the process.
 */

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { createFrameReader, writeFrame } from './frame-stream.ts';
import type { Frame, FrameTensor } from './frames.ts';
import { controlFrame, frameKinds, tensorFrame } from './protocol.ts';

const output: FrameTensor = {
  index: 0,
  dtype: 'FP32',
  shape: [1],
  chunks: [new Uint8Array(4)],
};

/** What it does instead of running. */
const misdeeds = {
  'writes text': (channel: Socket) => channel.write('Traceback (most recent call last):\n'),
  'claims a huge frame': (channel: Socket, { requestId }: Frame) => {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(2 ** 32 - 8, 0);
    header.writeUInt16LE(frameKinds.result, 4);
    header.writeUInt32LE(requestId, 8);
    channel.write(header);
  },
  'answers another request': (channel: Socket, { requestId }: Frame) =>
    writeFrame(channel, tensorFrame(frameKinds.result, 0, requestId + 1, [output])),
  'answers with another kind': (channel: Socket, { requestId }: Frame) =>
    writeFrame(channel, controlFrame(frameKinds.pong, 0, requestId, {})),
  'gives no output': (channel: Socket, { requestId }: Frame) =>
    writeFrame(channel, tensorFrame(frameKinds.result, 0, requestId, [])),
  'gives too many outputs': (channel: Socket, { requestId }: Frame) => {
    const outputs = [output, { ...output, index: 1 }];
    writeFrame(channel, tensorFrame(frameKinds.result, 0, requestId, outputs));
  },
  'closes its channel': (channel: Socket) => channel.destroy(),
} as const;

export type Misdeed = keyof typeof misdeeds;

export const allMisdeeds = Object.keys(misdeeds) as readonly Misdeed[];

export function spawnStubRunner(misdeed: Misdeed): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', import.meta.filename, misdeed], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: {},
  });
}

function live(misdeed: Misdeed): void {
  const channel = new Socket({ fd: 3, readable: true, writable: true });
  // Without it, a process whose channel is closed would end by itself.
  setInterval(() => {}, 60_000);
  const batching = { acrossRequests: true, reason: 'stub' };
  const report = { loadMs: 1, warmUpMs: 1, probeMs: 1, fromCache: false, batching };
  const reader = createFrameReader((frame) => {
    if (frame.kind === frameKinds.load) {
      const loaded = { ok: true, ...report };
      writeFrame(channel, controlFrame(frameKinds.loaded, 0, frame.requestId, loaded));
    } else misdeeds[misdeed](channel, frame);
  });
  channel.on('data', (chunk: Uint8Array) => reader.push(chunk));
  // Without a watchdog: the end of the server is the end of the channel.
  channel.on('end', () => process.exit());
}

if (process.argv[1] === import.meta.filename) live(process.argv[2] as Misdeed);
