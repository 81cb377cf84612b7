/** A runner is believed only what it was asked. */

import type { Duplex } from 'node:stream';
import { duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createFrameReader, writeFrame } from './frame-stream.ts';
import type { Frame } from './frames.ts';
import { controlFrame, frameKinds, tensorFrame } from './protocol.ts';
import type { Question } from './runner-channel.ts';
import { createRunnerChannel } from './runner-channel.ts';

const flush = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function createStage() {
  const [stream, runner] = duplexPair() as [Duplex, Duplex];
  const asked: Frame[] = [];
  const reader = createFrameReader((frame) => asked.push(frame));
  runner.on('data', (chunk: Uint8Array) => reader.push(chunk));
  let kills = 0;
  const channel = createRunnerChannel({
    model: 'test',
    stream,
    onMisbehaviour: () => {
      kills += 1;
    },
  });
  const question: Question<string> = {
    answers: [frameKinds.result, frameKinds.error],
    read: ({ json }) => JSON.parse(json || '"run"') as string,
    busy: true,
  };
  const ask = (changes: Partial<Question<string>> = {}) => {
    const answer = channel.ask((id) => tensorFrame(frameKinds.run, 0, id, []), {
      ...question,
      ...changes,
    });
    answer.catch(() => {});
    return answer;
  };
  return {
    channel,
    ask,
    runner,
    asked,
    answer: (kind: number, id: number, body: unknown = 'text') =>
      writeFrame(runner, controlFrame(kind, 0, id, body)),
    get kills() {
      return kills;
    },
  };
}

test('each question gets its own answer, whatever their order', async () => {
  const stage = createStage();
  const answers = ['a', 'b', 'c'].map(() => stage.ask());
  await flush();
  for (const { requestId } of stage.asked.toReversed())
    stage.answer(frameKinds.result, requestId, `answer ${requestId}`);
  const expected = stage.asked.map(({ requestId }) => `answer ${requestId}`);
  expect(await Promise.all(answers)).toEqual(expected);
});

test('it is busy while it owes an answer that keeps it from others', async () => {
  const { channel, ask, answer } = createStage();
  const run = ask();
  expect(channel.busy).toBe(true);
  answer(frameKinds.result, 1);
  await run;
  expect(channel.busy).toBe(false);
  void ask({ busy: false });
  expect(channel.busy).toBe(false);
});

describe('a runner misbehaves when it sends', () => {
  const broken = (length: number, kind: number, id = 1): Buffer => {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(length, 0);
    header.writeUInt16LE(kind, 4);
    header.writeUInt32LE(id, 8);
    return header;
  };

  test.each<[string, (runner: Duplex) => void]>([
    ['text', (runner) => runner.write('Segmentation fault, and more than twenty-four bytes')],
    ['a frame that is too short', (runner) => runner.write(broken(3, frameKinds.result))],
    ['a frame that is too long', (runner) => runner.write(broken(2 ** 32 - 1, frameKinds.result))],
    [
      'a huge frame that answers nothing, before its bytes come',
      (runner) => runner.write(broken(2 ** 31 - 1, frameKinds.result, 77)),
    ],
    ['a huge frame of no kind', (runner) => runner.write(broken(2 ** 31 - 1, 4711))],
    [
      'an answer to what was not asked',
      (runner) => writeFrame(runner, controlFrame(frameKinds.result, 0, 2, '')),
    ],
    [
      'an answer of another kind',
      (runner) => writeFrame(runner, controlFrame(frameKinds.pong, 0, 1, '')),
    ],
    [
      'an announcement of a run that was to be none',
      (runner) => writeFrame(runner, controlFrame(frameKinds.started, 0, 1, '')),
    ],
    [
      'an answer that cannot be read',
      (runner) =>
        writeFrame(runner, { ...controlFrame(frameKinds.error, 0, 1, ''), json: '{"error":' }),
    ],
  ])('%s', async (_, send) => {
    const stage = createStage();
    const asked = [stage.ask(), stage.ask({ answers: [] })];
    send(stage.runner);
    // What comes behind it, even a right answer, is not believed.
    stage.answer(frameKinds.result, 1);
    for (const answer of asked) {
      await expect(answer).rejects.toMatchObject({
        code: 'RUNNER_DIED',
        message: expect.stringContaining('it sent nonsense: '),
      });
    }
    await flush();
    expect([stage.kills, stage.channel.busy]).toEqual([1, false]);
  });

  test('an answer a second time', async () => {
    const stage = createStage();
    const first = stage.ask();
    stage.answer(frameKinds.result, 1);
    await first;
    stage.answer(frameKinds.result, 1);
    await flush();
    expect(stage.kills).toBe(1);
    await expect(stage.ask()).rejects.toMatchObject({ details: { neverStarted: true } });
  });
});

describe('a death', () => {
  const failed = (answer: Promise<unknown>) =>
    answer.catch(({ code, details }) => [code, details.how, details.neverStarted === true]);

  test('fails all that is asked, with the first reason', async () => {
    const { channel, ask } = createStage();
    const before = ask();
    channel.fail('killed by SIGSEGV');
    channel.fail('another');
    expect(await failed(before)).toEqual(['RUNNER_DIED', 'killed by SIGSEGV', false]);
    expect(await failed(ask())).toEqual(['RUNNER_DIED', 'killed by SIGSEGV', true]);
    expect(channel.failure).toBe('killed by SIGSEGV');
  });

  test('says of an announced run whether it had begun', async () => {
    const { channel, ask, answer } = createStage();
    const begun = ask({ announced: true });
    const waiting = ask({ announced: true });
    answer(frameKinds.started, 1);
    await flush();
    channel.fail('killed');
    expect(await failed(begun)).toEqual(['RUNNER_DIED', 'killed', false]);
    expect(await failed(waiting)).toEqual(['RUNNER_DIED', 'killed', true]);
  });
});
