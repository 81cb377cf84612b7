/** The server's side against the real process, with real signals. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { halfPlusTwo } from '../../test/models/numbers.ts';
import { temporaryFolder } from '../../test/models/run.ts';
import { slow } from '../../test/models/slow.ts';
import { failsOnZeros } from '../../test/models/trouble.ts';
import { cpuTicksOf } from '../../test/support/processes.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import type { Graph } from '../onnx/graph-builder.ts';
import type { FrameTensor } from './frames.ts';
import { orderFor } from './order.fixture.ts';
import type { RunnerProcess } from './runner-process.ts';
import { hasEnded, spawnRunner, startRunner } from './runner-process.ts';
import { allMisdeeds, spawnStubRunner } from './stub-runner.fixture.ts';

const folder = temporaryFolder();
const started: RunnerProcess[] = [];

function start(): RunnerProcess {
  const runner = startRunner({ model: 'test', environment: {}, onLogLine: () => {} });
  started.push(runner);
  return runner;
}

async function startWith(graph: Graph): Promise<RunnerProcess> {
  const runner = start();
  await runner.load(orderFor(folder.path, graph));
  return runner;
}

function floats(values: readonly number[], shape: readonly number[]): FrameTensor {
  return {
    index: 0,
    dtype: 'FP32',
    shape,
    chunks: [new Uint8Array(Float32Array.from(values).buffer)],
  };
}

afterAll(async () => {
  for (const runner of started) runner.kill();
  await Promise.all(started.map(({ ended }) => ended));
  folder[Symbol.dispose]();
});

describe('a loaded runner', () => {
  const loading = startWith(halfPlusTwo());

  test('answers each of many requests with its own numbers', async () => {
    const runner = await loading;
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const { outputs } = await runner.run([floats([i], [1])], 0);
        return new Float32Array(new Uint8Array(outputs[0]?.chunks[0] ?? []).buffer)[0];
      }),
    );
    expect(answers).toEqual(Array.from({ length: 100 }, (_, i) => i / 2 + 2));
  });

  test('says how long the run took', async () => {
    const { runMicros } = await (await loading).run([floats([1], [1])], 0);
    expect(runMicros).toBeGreaterThan(0);
  });

  test('goes on after a run that fails', async () => {
    const runner = await loading;
    const wrong = runner.run([floats([1, 2], [1, 2])], 0);
    await expect(wrong).rejects.toMatchObject({ code: 'RUN_FAILED' });
    expect((await runner.run([floats([1], [1])], 0)).outputs).toHaveLength(1);
  });

  test('refuses what no frame can hold and goes on', async () => {
    const runner = await loading;
    const huge = { ...floats([], [1]), chunks: [{ byteLength: 2 ** 31 } as Uint8Array] };
    await expect(runner.run([huge], 0)).rejects.toThrow('too long');
    expect((await runner.run([floats([1], [1])], 0)).outputs).toHaveLength(1);
  });

  test('does not end when the terminal interrupts its process group', async () => {
    const runner = await loading;
    process.kill(runner.pid as number, 'SIGINT');
    process.kill(runner.pid as number, 'SIGTERM');
    expect((await runner.run([floats([1], [1])], 0)).outputs).toHaveLength(1);
  });
});

test('a model that fails its warm-up is refused with the code of the runner', async () => {
  await expect(startWith(failsOnZeros())).rejects.toMatchObject({ code: 'MODEL_WARMUP_FAILED' });
});

test('a runner that is killed in the middle of a run fails the run and every later one', async () => {
  const runner = await startWith(slow());
  const running = runner.run([floats([1e6, 0, 0, 0], [1, 4])], 0);
  const waiting = runner.run([floats([0, 0, 0, 0], [1, 4])], 0);
  process.kill(runner.pid as number, 'SIGKILL');
  await expect(running).rejects.toMatchObject({ code: 'RUNNER_DIED' });
  await expect(waiting).rejects.toMatchObject({ code: 'RUNNER_DIED' });
  expect(await runner.ended).toBe('killed by SIGKILL');
  await expect(runner.run([floats([0, 0, 0, 0], [1, 4])], 0)).rejects.toMatchObject({
    code: 'RUNNER_DIED',
  });
});

test('a runner that is killed while it loads fails the load', async () => {
  const runner = start();
  const loading = runner.load(orderFor(folder.path, halfPlusTwo()));
  runner.kill();
  await expect(loading).rejects.toMatchObject({ code: 'RUNNER_DIED' });
});

test('a server without file descriptors left gets RUNNER_DIED and lives on', async () => {
  const script = `
    import { openSync } from 'node:fs';
    import { startRunner } from './src/runner/runner-process.ts';
    try { for (;;) openSync('/dev/null'); } catch {}
    const runner = startRunner({ model: 'm', environment: {}, onLogLine() {} });
    const code = await runner.load({}).catch((error) => error.code);
    console.log(code, await runner.ended);`;
  const command = [
    '-c',
    'ulimit -n 60; exec "$0" --input-type=module -e "$1"',
    process.execPath,
    script,
  ];
  const { stdout } = await promisify(execFile)('bash', command, {
    cwd: `${import.meta.dirname}/../..`,
  });
  expect(stdout).toMatch(/^RUNNER_DIED spawn .* EMFILE\n$/);
});

test.each(allMisdeeds)('a runner that %s is ended, and its run told', async (misdeed) => {
  const child = spawnStubRunner(misdeed);
  const runner = startRunner({
    model: 'test',
    environment: {},
    onLogLine: () => {},
    process: child,
  });
  started.push(runner);
  await runner.load(orderFor(folder.path, halfPlusTwo()));
  await expect(runner.run([floats([1], [1])], 0)).rejects.toMatchObject({ code: 'RUNNER_DIED' });
  const how = await runner.ended;
  expect(how).toMatch(/^it sent nonsense: |^killed by SIGKILL$/);
  expect(runner.endCause).toBe(how.startsWith('it sent nonsense') ? 'misbehaved' : 'died');
  expect(child.signalCode).toBe('SIGKILL');
});

test('a stopped runner answers no ping, and is ended with the reason that it is given', async () => {
  const runner = await startWith(halfPlusTwo());
  await runner.ping();
  process.kill(runner.pid as number, 'SIGSTOP');
  const ping = runner.ping();
  expect(runner.busy).toBe(false);
  runner.kill('it did not answer');
  await expect(ping).rejects.toMatchObject({ details: { how: 'it did not answer' } });
  expect(await runner.ended).toBe('it did not answer');
});

test('the death of a run that had begun is told from one that had not', async () => {
  const runner = await startWith(slow());
  const outcome = (rounds: number) =>
    runner.run([floats([rounds, 0, 0, 0], [1, 4])], 0, true).then(
      () => 'answered',
      ({ details }) => details.neverStarted === true,
    );
  expect(await outcome(1)).toBe('answered');
  const before = cpuTicksOf(runner.pid as number);
  const outcomes = Promise.all([outcome(1_000_000), outcome(1)]);
  await waitUntil('it works', () => cpuTicksOf(runner.pid as number) > before + 20);
  runner.kill();
  expect(await outcomes).toEqual([false, true]);
});

test('a process that ended before it was taken is a runner that died', async () => {
  const child = spawnRunner({});
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  expect(hasEnded(child)).toBe(true);
  const runner = startRunner({
    model: 'test',
    environment: {},
    onLogLine: () => {},
    process: child,
  });
  expect(await runner.ended).toBe('killed by SIGKILL');
  await expect(runner.load(orderFor(folder.path, halfPlusTwo()))).rejects.toMatchObject({
    code: 'RUNNER_DIED',
  });
});
