import { expect, test } from 'vitest';
import type { ReadModel } from '../repository/read-model.ts';
import type { RunnerProcess } from '../runner/runner-process.ts';
import { bytesOfChunks } from '../tensor/chunked-tensor.ts';
import type { RequestLife } from './request-life.ts';
import { createVersionQueue } from './version-queue.ts';

test('a request of more runs than a call may have arguments is answered whole', {
  timeout: 60_000,
}, async () => {
  const rows = 150_000;
  const queue = createVersionQueue({
    model: {
      name: 'm',
      config: {
        queue: { maxRequests: 1, maxBytes: 1e9, timeoutMs: 1e9 },
        batching: { maxDelayMs: 0 },
      },
    } as unknown as ReadModel,
    runSize: { maxBatch: 1, source: 'measured', reason: '' },
    run: async (_runner, { inputs }) => ({ outputs: inputs, runMicros: 1000 }) as never,
  });
  queue.addInstance({} as RunnerProcess);
  const bytes = Uint8Array.from({ length: rows }, (_, i) => i);
  const input = { index: 0, dtype: 'UINT8', shape: [rows, 1], chunks: [bytes] } as const;
  const life = { deadline: 1e12, acceptedAt: 0, priority: 'high', attach() {} };
  const request = { inputs: [input], wanted: 1 };
  const { outputs, timings } = await queue.run(request, life as unknown as RequestLife);
  expect(outputs[0]?.shape).toEqual([rows, 1]);
  expect(Buffer.compare(bytesOfChunks(outputs[0]?.chunks ?? []), bytes)).toBe(0);
  expect(timings.runMs).toBeCloseTo(rows, 3);
});
