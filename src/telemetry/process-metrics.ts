/**
 * The metrics of the server's own process: CPU, memory, file descriptors, event loop, garbage
 * collection, as every Node.js dashboard knows them (names and text are prom-client's).
 */

import { collectDefaultMetrics, Registry } from 'prom-client';

export function collectProcessMetrics(): () => Promise<string> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return () => register.metrics();
}
