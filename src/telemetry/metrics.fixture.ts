/** Metrics with something in each of them, and reading what they print. */

import type { Metrics } from './metrics.ts';
import { createMetrics } from './metrics.ts';
import type { ServerReading, VersionReading } from './version-readings.ts';

export const reading: VersionReading = {
  model: 'm',
  version: '1',
  ready: true,
  instancesWanted: 3,
  instancesServing: 2,
  waiting: 4,
  waitingBytes: 400,
  maxWaiting: 256,
  maxWaitingBytes: 1024,
  trafficRatio: 1,
  running: 1,
  runners: [{ runner: 1, pid: process.pid }],
};

export const serverReading = (...versions: readonly VersionReading[]): ServerReading => ({
  versions,
  bodies: { usedBytes: 1000, limitBytes: 5000 },
});

export const newMetrics = (): Metrics => createMetrics({ version: '1.2.3', runtime: '4.5.6' });

/** The lines of Modelship's own metrics, without comments. */
export async function samplesOf(metrics: Metrics, readings = [reading]): Promise<string[]> {
  const { text } = await metrics.render(serverReading(...readings));
  return text.split('\n').filter((line) => line.startsWith('modelship_'));
}
