/**
 * Entry point of a process that converts one model and ends. Its arguments are the order and the process that
 * started it, its standard output the outcome; order and outcome are JSON. It is started with Node's
 * --permission: it can read the model and its own code, and write the folder of the result.
 */

import type { ConversionOrder } from '../importers/convert-model.ts';
import { asImportError, convertModel } from '../importers/convert-model.ts';
import type { ChildOutcome } from '../importers/one-shot-process.ts';

/** No thread watches, because its permissions leave it none: it asks between steps. */
function checkWanted(): void {
  if (process.ppid !== Number(process.argv[3])) process.exit(1);
}

const order = JSON.parse(process.argv[2] ?? '{}') as ConversionOrder;
let outcome: ChildOutcome;
try {
  outcome = { ok: true, result: convertModel(order, checkWanted) };
} catch (error) {
  outcome = { ok: false, error: asImportError(order.path, error).toPlain() };
}
process.stdout.write(JSON.stringify(outcome));
