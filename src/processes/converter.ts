/**
 * Entry point of a process that converts one model and ends. Its argument is the order, its standard
 * output the outcome, both JSON. It is started with Node's --permission: it can read the model and
 * its own code, and write the folder of the result.
 */

import type { ConversionOrder } from '../importers/convert-model.ts';
import { asImportError, convertModel } from '../importers/convert-model.ts';
import type { ChildOutcome } from '../importers/one-shot-process.ts';

const order = JSON.parse(process.argv[2] ?? '{}') as ConversionOrder;
let outcome: ChildOutcome;
try {
  outcome = { ok: true, result: convertModel(order) };
} catch (error) {
  outcome = { ok: false, error: asImportError(order.path, error).toPlain() };
}
process.stdout.write(JSON.stringify(outcome));
