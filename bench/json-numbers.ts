/**
 * JSON bodies of many numbers. Against `JSON.parse` into a typed array, interleaved, for numbers as clients
 * write them; and the longest time that the event loop is held up while a 60 MB body is read in slices,
 * beside what `JSON.parse` of it takes. Both results are compared. `tools/node24 bench/json-numbers.ts`
 */

import { TextSink } from '../src/protocol/json-numbers/text-sink.ts';
import { parseInferBody } from '../src/protocol/open-inference/infer-request.ts';
import { writeJsonData } from '../src/protocol/open-inference/json-tensor.ts';
import { runNow } from '../src/protocol/steps.ts';
import { createLongWork } from '../src/serving/long-work.ts';
import { createRandom } from '../test/models/random.ts';

const count = 150_000;
const pairs = 25;

const random = createRandom(1);
const forms: readonly (readonly [what: string, make: () => number | string])[] = [
  ['pixels, 0 to 255', () => Math.floor(random() * 256)],
  ['4 decimals', () => random().toFixed(4)],
  ['floats as JavaScript writes them', () => Number((random() * 4 - 2).toPrecision(8))],
  ['floats as Python writes them', () => Math.fround(random() * 4 - 2)],
  ['small ones with exponents', () => Math.fround(random() * 1e-5)],
];

function bodyOf(datatype: string, make: () => number | string, numbers: number): Buffer {
  const data = Array.from({ length: numbers }, make).join(', ');
  return Buffer.from(
    `{"inputs": [{"name": "x", "shape": [1, ${numbers}], "datatype": "${datatype}", "data": [${data}]}]}`,
  );
}

type TypedArray = Float32Array | Float64Array;

const general = (body: Buffer, type: { from(list: number[]): TypedArray }): TypedArray =>
  type.from(JSON.parse(body.toString('utf8')).inputs[0].data);

const ours = (body: Buffer): Uint8Array =>
  runNow(parseInferBody(body, undefined)).inputs[0]?.data as Uint8Array;

function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

function isSame(bytes: Uint8Array, { buffer }: TypedArray): string {
  return Buffer.compare(bytes, new Uint8Array(buffer as ArrayBuffer)) === 0 ? 'exact' : 'WRONG';
}

function compare(
  what: string,
  body: Buffer,
  type: typeof Float32Array | typeof Float64Array,
): void {
  const same = isSame(ours(body), general(body, type));
  const times = Array.from({ length: pairs }, (_, i) => {
    const order = i % 2 === 0 ? [ours, general] : [general, ours];
    const [a = 0, b = 0] = order.map((one) => timed(() => one(body, type)));
    return i % 2 === 0 ? ([a, b] as const) : ([b, a] as const);
  });
  const ratio = median(times.map(([mine, theirs]) => theirs / mine));
  const [mine, theirs] = [median(times.map(([a]) => a)), median(times.map(([, b]) => b))];
  console.log(
    `${count} ${type.name.slice(0, 7)}, ${what}: ${mine.toFixed(1)} ms, JSON.parse ${theirs.toFixed(1)} ms, ratio ${ratio.toFixed(2)}, ${same}`,
  );
}

function compareWriting(): void {
  const values = Float32Array.from({ length: count }, () => random() * 4 - 2);
  const tensor = { dtype: 'FP32', shape: [count], data: new Uint8Array(values.buffer) } as const;
  const write = (): unknown => {
    const sink = new TextSink();
    runNow(writeJsonData(sink, tensor));
    return runNow(sink.join());
  };
  const stringify = (): unknown => Buffer.from(JSON.stringify(Array.from(values)));
  const times = Array.from({ length: pairs }, () => [timed(write), timed(stringify)] as const);
  const ratio = median(times.map(([mine, theirs]) => theirs / mine));
  console.log(
    `${count} Float32 written shortest: ${median(times.map(([a]) => a)).toFixed(1)} ms; JSON.stringify (as doubles) ${median(times.map(([, b]) => b)).toFixed(1)} ms, ratio ${ratio.toFixed(2)}`,
  );
}

interface Turns {
  /** Milliseconds between two turns of the event loop, at most. */
  readonly longest: number;
  readonly whole: number;
}

/** Runs `work` and watches the event loop meanwhile. */
async function turnsOf(work: () => Promise<unknown>): Promise<Turns> {
  const start = performance.now();
  let last = start;
  let longest = 0;
  let isOver = false;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isOver = true;
  return { longest, whole: performance.now() - start };
}

/** The time of a step that only one in a thousand exceeds, in milliseconds. */
function slowStep(body: Buffer): number {
  const steps = parseInferBody(body, undefined);
  const times: number[] = [];
  let isDone = false;
  while (!isDone)
    times.push(
      timed(() => {
        isDone = steps.next().done === true;
      }),
    );
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.999) - 1] ?? Number.NaN;
}

/** A body of the piece again and again, without garbage that the collector would hold us up for. */
function longBody(make: () => number | string): Buffer {
  const piece = Buffer.from(Array.from({ length: 50_000 }, () => `${make()}, `).join(''));
  const times = Math.floor(60_000_000 / piece.length);
  const head = `{"inputs": [{"name": "x", "shape": [${50_000 * times + 1}], "datatype": "FP32", "data": [`;
  return Buffer.concat([
    Buffer.from(head),
    ...Array.from({ length: times }, () => piece),
    Buffer.from('1]}]}'),
  ]);
}

async function holdUp(what: string, body: Buffer): Promise<void> {
  const longWork = createLongWork({
    now: () => performance.now(),
    defer: (run) => void setImmediate(run),
  });
  const life = { attach: () => {} };
  const runs: Turns[] = [];
  for (let i = 0; i < 9; i += 1)
    runs.push(
      await turnsOf(async () => longWork.run(parseInferBody(body, undefined), body.length, life)),
    );
  const step = slowStep(body);
  const blocked = timed(() => general(body, Float32Array));
  const longest = runs.map((run) => run.longest);
  // Other processes on the machine only lengthen turns, so the least is nearest to what the code does.
  console.log(
    `${(body.length / 1e6).toFixed(0)} MB, ${what}: longest turn ${Math.min(...longest).toFixed(1)} ms in the calmest of ${runs.length} runs (median ${median(longest).toFixed(1)}); 999 of 1000 steps below ${step.toFixed(2)} ms; all ${median(runs.map(({ whole }) => whole)).toFixed(0)} ms; JSON.parse holds everybody up for ${blocked.toFixed(0)} ms`,
  );
}

for (const [what, make] of forms) compare(what, bodyOf('FP32', make, count), Float32Array);
const double = (): number => random() * 4 - 2;
compare('any, as Python writes them', bodyOf('FP64', double, count), Float64Array);
compareWriting();
await holdUp(
  'pixels',
  longBody(() => Math.floor(random() * 256)),
);
await holdUp(
  'floats as Python writes them',
  longBody(() => Math.fround(random() * 4 - 2)),
);
await holdUp(
  'of one digit',
  longBody(() => 1),
);
