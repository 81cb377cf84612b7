import { describe, expect, test } from 'vitest';
import { newMetrics, reading, samplesOf, serverReading } from './metrics.fixture.ts';

const request = { model: 'm', version: '1', totalMs: 20 };

describe('requests', () => {
  test('are counted by code, from zero on', async () => {
    const metrics = newMetrics();
    metrics.forVersion('m', '1');
    metrics.countRequest({ ...request, code: 'OK' });
    metrics.countRequest({ ...request, code: 'OK' });
    metrics.countRequest({ ...request, code: 'QUEUE_FULL' });
    metrics.countRequest({ ...request, code: 'INPUT_MISSING' });
    metrics.countRequest({ model: '', version: '', code: 'MODEL_NOT_FOUND', totalMs: 0 });
    const lines = await samplesOf(metrics);
    expect(lines.filter((line) => line.startsWith('modelship_requests_total'))).toEqual([
      'modelship_requests_total{model="m",version="1",code="OK"} 2',
      'modelship_requests_total{model="m",version="1",code="QUEUE_FULL"} 1',
      'modelship_requests_total{model="m",version="1",code="DEADLINE_UNREACHABLE"} 0',
      'modelship_requests_total{model="m",version="1",code="DEADLINE_EXCEEDED"} 0',
      'modelship_requests_total{model="m",version="1",code="RUN_FAILED"} 0',
      'modelship_requests_total{model="m",version="1",code="RUNNER_DIED"} 0',
      'modelship_requests_total{model="m",version="1",code="INPUT_MISSING"} 1',
      'modelship_requests_total{model="",version="",code="MODEL_NOT_FOUND"} 1',
    ]);
  });

  test.each([
    ['OK', 1],
    ['DEADLINE_EXCEEDED', 1],
    ['RUNNER_DIED', 1],
    ['QUEUE_FULL', 0],
    ['INPUT_MISSING', 0],
    ['REQUEST_CANCELLED', 0],
  ])('that end with %s are timed %i times', async (code, count) => {
    const metrics = newMetrics();
    metrics.forVersion('m', '1');
    metrics.countRequest({ ...request, code });
    const lines = await samplesOf(metrics);
    const name = 'modelship_request_duration_seconds';
    expect(lines).toContain(`${name}_count{model="m",version="1"} ${count}`);
    expect(lines).toContain(`${name}_bucket{model="m",version="1",le="0.025"} ${count}`);
    expect(lines).toContain(`${name}_bucket{model="m",version="1",le="0.01"} 0`);
  });

  test('over HTTP are counted by route, status and code', async () => {
    const metrics = newMetrics();
    metrics.countHttp('/models/:model', 200, 'OK');
    metrics.countHttp('/models/:model', 404, 'MODEL_NOT_FOUND');
    metrics.countHttp('/models/:model', 200, 'OK');
    expect(await samplesOf(metrics)).toEqual(
      expect.arrayContaining([
        'modelship_http_requests_total{route="/models/:model",status="200",code="OK"} 2',
        'modelship_http_requests_total{route="/models/:model",status="404",code="MODEL_NOT_FOUND"} 1',
      ]),
    );
  });
});

test('a run is observed once, and the wait of each of its requests', async () => {
  const metrics = newMetrics();
  metrics.forVersion('m', '1').countRun({ rows: 5, waitMs: [1, 2, 3], runMs: 10 });
  const lines = await samplesOf(metrics);
  for (const line of [
    'run_duration_seconds_count{model="m",version="1"} 1',
    'run_duration_seconds_sum{model="m",version="1"} 0.01',
    'run_rows_sum{model="m",version="1"} 5',
    'run_rows_count{model="m",version="1"} 1',
    'run_rows_bucket{model="m",version="1",le="4"} 0',
    'run_rows_bucket{model="m",version="1",le="8"} 1',
    'run_requests_sum{model="m",version="1"} 3',
    'run_requests_count{model="m",version="1"} 1',
    'queue_wait_seconds_sum{model="m",version="1"} 0.006',
    'queue_wait_seconds_count{model="m",version="1"} 3',
  ])
    expect(lines).toContain(`modelship_${line}`);
});

test('retries, restarts and loads are told from zero on', async () => {
  const metrics = newMetrics();
  const version = metrics.forVersion('m', '1');
  version.countRetry();
  version.countRestart('died');
  version.countRestart('died');
  version.noteLoad({ loadMs: 1500, warmUpMs: 20, probeMs: 3, tuneMs: 0 });
  version.noteLoad({ loadMs: 700, warmUpMs: 10, probeMs: 0, tuneMs: 0 }, 'embed, rows');
  expect(await samplesOf(metrics)).toEqual(
    expect.arrayContaining([
      'modelship_retries_total{model="m",version="1"} 1',
      'modelship_runner_restarts_total{model="m",version="1",cause="died"} 2',
      'modelship_runner_restarts_total{model="m",version="1",cause="load_failed"} 0',
      'modelship_model_load_seconds{model="m",version="1",phase="load"} 1.5',
      'modelship_model_load_seconds{model="m",version="1",phase="warm_up"} 0.02',
      'modelship_signature_load_seconds{model="m",version="1",signature="embed, rows",phase="load"} 0.7',
    ]),
  );
});

test('the gauges are what is read at the moment', async () => {
  const metrics = newMetrics();
  await samplesOf(metrics);
  const lines = await samplesOf(metrics, [{ ...reading, ready: false, waiting: 9 }]);
  for (const line of [
    'model_ready{model="m",version="1"} 0',
    'instances_wanted{model="m",version="1"} 3',
    'instances_serving{model="m",version="1"} 2',
    'queue_requests{model="m",version="1"} 9',
    'queue_bytes{model="m",version="1"} 400',
    'queue_limit_requests{model="m",version="1"} 256',
    'queue_limit_bytes{model="m",version="1"} 1024',
    'running_requests{model="m",version="1"} 1',
    'request_body_bytes 1000',
    'request_body_limit_bytes 5000',
  ])
    expect(lines).toContain(`modelship_${line}`);
});

test.runIf(process.platform === 'linux')('a runner that is gone has no memory', async () => {
  const runners = [
    { runner: 0, pid: 2 ** 30 },
    { runner: 1, pid: process.pid },
  ];
  const lines = await samplesOf(newMetrics(), [{ ...reading, runners }]);
  const numbers = lines
    .filter((line) => line.startsWith('modelship_runner_resident'))
    .map((line) => /runner="(\d+)"} [1-9]\d{6,}$/.exec(line)?.[1]);
  expect(numbers).toEqual(['1']);
});

test('two servers in one process have their own metrics', async () => {
  const [one, two] = [newMetrics(), newMetrics()];
  one.countHttp('/', 200, 'OK');
  expect((await samplesOf(two)).filter((line) => line.includes('http_requests'))).toEqual([]);
});

test('the process is watched from the first load on, and told beside our own', async () => {
  const metrics = newMetrics();
  await Promise.all([metrics.load(), metrics.load()]);
  const { text, contentType } = await metrics.render(serverReading());
  expect(text).toMatch(/^process_cpu_seconds_total \d/m);
  // A gauge of prom-client's that is named like a counter is left out.
  expect(text.match(/^# TYPE \w+_total (?!counter)/gm)).toBeNull();
  expect(text).toContain('modelship_build_info{version="1.2.3",runtime="4.5.6"} 1');
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
});
