import { expect, test } from 'vitest';
import { createLateMetrics } from './late-metrics.ts';

test('what was counted before the library was loaded is in the first scrape, once', async () => {
  const metrics = createLateMetrics();
  metrics.countRequest({ model: 'm', version: '1', code: 'OK', totalMs: 5 });
  metrics.countRunnerEnd('m', '1');
  await Promise.all([metrics.load(), metrics.load()]);
  metrics.countRequest({ model: 'm', version: '1', code: 'OK', totalMs: 5 });
  const { text } = await metrics.render([]);
  expect(text).toContain('modelship_requests_total{model="m",version="1",code="OK"} 2');
  expect(text).toContain('modelship_runner_ends_total{model="m",version="1"} 1');
});
