import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

const reading = { model: 'm', version: '1', ready: true, instances: 2, waiting: 3, running: 1 };

async function linesOf(metrics = createMetrics(), readings = [reading]): Promise<string[]> {
  const { text } = await metrics.render(readings);
  return text.split('\n').filter((line) => line.startsWith('modelship_'));
}

test('requests are counted by code, and timed', async () => {
  const metrics = createMetrics();
  const request = { model: 'm', version: '1', totalMs: 20 };
  metrics.countRequest({ ...request, code: 'OK', timings: { runMs: 10, queueMs: 0.5 } });
  metrics.countRequest({ ...request, code: 'QUEUE_FULL' });
  metrics.countRunnerEnd('m', '1');
  const lines = await linesOf(metrics);
  expect(lines).toEqual(
    expect.arrayContaining([
      'modelship_requests_total{model="m",version="1",code="OK"} 1',
      'modelship_requests_total{model="m",version="1",code="QUEUE_FULL"} 1',
      'modelship_runner_ends_total{model="m",version="1"} 1',
      'modelship_request_duration_seconds_sum{model="m",version="1"} 0.04',
      'modelship_run_duration_seconds_sum{model="m",version="1"} 0.01',
      'modelship_run_duration_seconds_count{model="m",version="1"} 1',
      'modelship_queue_duration_seconds_sum{model="m",version="1"} 0.0005',
    ]),
  );
});

test('the gauges are what is read at the moment', async () => {
  const metrics = createMetrics();
  await linesOf(metrics);
  const lines = await linesOf(metrics, [
    { ...reading, ready: false, instances: 0, waiting: 9, running: 0 },
  ]);
  for (const line of [
    'model_ready{model="m",version="1"} 0',
    'instances{model="m",version="1"} 0',
    'queue_requests{model="m",version="1"} 9',
    'running_requests{model="m",version="1"} 0',
  ])
    expect(lines).toContain(`modelship_${line}`);
});

test('names that Prometheus would misread are escaped', async () => {
  const metrics = createMetrics();
  metrics.countRunnerEnd('a"b\\c\nd', '1');
  expect(await linesOf(metrics)).toContain(
    'modelship_runner_ends_total{model="a\\"b\\\\c\\nd",version="1"} 1',
  );
});

test('two servers in one process have their own metrics', async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.countRunnerEnd('m', '1');
  expect((await linesOf(two)).some((line) => line.startsWith('modelship_runner_ends_total{'))).toBe(
    false,
  );
});
