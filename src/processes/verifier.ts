/**
 * Entry point of a process that checks one converted model in the runtime and ends. Its arguments are the order and
 * the process that started it, its standard output the outcome; order and outcome are JSON.
 *
 * A thread sees to it that it ends with the process that started it, also in the middle of a run.
 */

import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { messageOf, ServingError } from '../errors.ts';
import type { ChildOutcome } from '../importers/one-shot-process.ts';
import type { VerifyOrder, VerifyReport } from '../runner/verify-model.ts';
import { verifyModel } from '../runner/verify-model.ts';

const watchdog = `setInterval(() => {
  if (process.ppid !== ${Number(process.argv[3])}) process.kill(process.pid, 'SIGKILL');
}, 100);`;
new Worker(watchdog, { eval: true, execArgv: [] }).unref();

const order = JSON.parse(process.argv[2] ?? '{}') as VerifyOrder;
let outcome: ChildOutcome;
try {
  outcome = { ok: true, result: await verifyModel(order) };
} catch (error) {
  const problem = `the runtime refuses it: ${messageOf(error)}`;
  const result: VerifyReport = { problem, notes: [], difference: 0, milliseconds: 0 };
  outcome =
    error instanceof ServingError ? { ok: false, error: error.toPlain() } : { ok: true, result };
}
// Written before the process ends, whatever the runtime's threads do at that.
writeSync(1, JSON.stringify(outcome));
process.exit(0);
