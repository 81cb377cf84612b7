/** Two bare loops side by side: what the machine can do with this model at most. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface BarePair {
  /** Runs a second over this many milliseconds, both loops together. */
  measure(milliseconds: number): Promise<number>;
  stop(): void;
}

export async function startBarePair(model: string, shape: readonly number[]): Promise<BarePair> {
  const script = join(import.meta.dirname, 'bare-loop.ts');
  const loops = [0, 1].map(() => fork(script, [model, JSON.stringify(shape)], { execArgv: [] }));
  await Promise.all(loops.map((loop) => once(loop, 'message')));
  return {
    async measure(milliseconds) {
      const counts = loops.map(async (loop) => {
        loop.send(milliseconds);
        const [runs] = (await once(loop, 'message')) as [number];
        return runs;
      });
      const total = (await Promise.all(counts)).reduce((a, b) => a + b, 0);
      return total / (milliseconds / 1000);
    },
    stop() {
      for (const loop of loops) loop.kill('SIGKILL');
    },
  };
}
