/**
 * Entry point of a runner process. fd 3 is the channel, fd 4 the life line.
 *
 * A thread waits on the life line, which the server holds open: when it closes, however the server
 * ended, the thread kills this process, even in the middle of a run. That is also how a runner is
 * unloaded: `worker.terminate()` and `process.exit()` abort while a run is going on (RUNTIME.md).
 */

import { Socket } from 'node:net';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { startRunnerLoop } from '../runner/runner-loop.ts';

const watchdog = `
  const fs = require('node:fs');
  try { while (fs.readSync(4, Buffer.alloc(1)) > 0); } catch {}
  process.kill(process.pid, 'SIGKILL');
`;

process.title = 'modelship runner';
// The server decides when a runner ends; a Ctrl-C in the terminal reaches the whole process group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

new Worker(watchdog, {
  eval: true,
  env: SHARE_ENV,
  execArgv: [],
  trackUnmanagedFds: false,
});

startRunnerLoop(new Socket({ fd: 3, readable: true, writable: true }));
