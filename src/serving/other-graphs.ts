/**
 * The further graphs of a version: signatures that share nothing were converted into graphs of their own,
 * and each of those is served like a version, by runners of its own, for as long as its version is.
 */

import type { ImportedGraph } from '../repository/read-model.ts';
import type { RunnerSeat } from '../telemetry/version-readings.ts';
import type { ServedVersion } from './served-version.ts';
import { signatureNamesOf } from './signatures.ts';

export interface OtherGraphs {
  /** Loads them; settles when each is READY or FAILED. Never rejects. */
  start(graphs: readonly ImportedGraph[]): Promise<void>;
  /** Undefined for a graph that is not there, or not yet. */
  find(file: string): ServedVersion | undefined;
  readonly all: readonly ServedVersion[];
  /** What is not served and why; undefined: nothing. */
  readonly warning: string | undefined;
  readonly runners: readonly RunnerSeat[];
  /** Ends their processes at once. */
  stop(): Promise<void>;
}

export function createOtherGraphs(build: (graph: ImportedGraph) => ServedVersion): OtherGraphs {
  const byFile = new Map<string, ServedVersion>();
  let stopped = false;

  return {
    async start(graphs) {
      if (stopped) return;
      for (const graph of graphs) byFile.set(graph.file, build(graph));
      await Promise.all([...byFile.values()].map((served) => served.start()));
    },
    find: (file) => byFile.get(file),
    get all() {
      return [...byFile.values()];
    },
    get warning() {
      const failed = [...byFile.values()].filter(({ state }) => state === 'FAILED');
      if (failed.length === 0) return undefined;
      return failed
        .map((served) => {
          const names = signatureNamesOf(served).join(', ');
          return `the signatures ${names} are not served: ${served.reason}`;
        })
        .join('; ');
    },
    get runners() {
      return [...byFile.values()].flatMap(({ runners }) => runners);
    },
    async stop() {
      stopped = true;
      await Promise.all([...byFile.values()].map((served) => served.stop()));
    },
  };
}
