/**
 * The metrics of the server's own process: CPU, memory, file descriptors, event loop, garbage
 * collection, as every Node.js dashboard knows them (names and text are prom-client's).
 */

import { collectDefaultMetrics, Registry } from 'prom-client';

/** Gauges whose names say counter, which promtool does not let pass; they are there by type as well. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

export function collectProcessMetrics(): () => Promise<string> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const name of misnamed) register.removeSingleMetric(name);
  return () => register.metrics();
}
