import { expect, test } from 'vitest';
import { shareCores } from './core-budget.ts';

test('all models together take at most the cores, and at least one each', () => {
  for (let cores = 1; cores <= 64; cores += 1) {
    for (let versions = 1; versions <= 70; versions += 1) {
      const { instances, threads } = shareCores(cores, versions, {});
      expect(instances * threads * versions).toBeLessThanOrEqual(Math.max(cores, versions));
      expect(Math.min(instances, threads)).toBeGreaterThanOrEqual(1);
    }
  }
});

test.each<[number, number, { instances?: number; threads?: number }, [number, number]]>([
  [1, 1, {}, [1, 1]],
  [2, 1, {}, [2, 1]],
  [4, 1, {}, [4, 1]],
  [8, 1, {}, [4, 2]],
  [64, 1, {}, [4, 16]],
  [8, 3, {}, [2, 1]],
  [2, 9, {}, [1, 1]],
  [8, 1, { instances: 2 }, [2, 4]],
  [8, 1, { threads: 4 }, [2, 4]],
  [2, 1, { instances: 8 }, [8, 1]],
  [2, 1, { threads: 8 }, [1, 8]],
  [2, 1, { instances: 3, threads: 5 }, [3, 5]],
  [4, 0, {}, [4, 1]],
])('%d cores, %d versions, asked for %j: %j', (cores, versions, request, [instances, threads]) => {
  expect(shareCores(cores, versions, request)).toEqual({ instances, threads });
});
