/** What is wrong with a model that serves, for the log: each once, for as long as it is so. */

import type { Log } from '../telemetry/log.ts';

/** Gives what the log has been told of now. */
export function logWarnings(
  log: Log,
  model: string,
  warnings: readonly string[],
  told: readonly string[],
): readonly string[] {
  for (const warning of warnings)
    if (!told.includes(warning)) log.warn({ model, warning }, 'model has a warning');
  return warnings;
}
