import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { identityDTypes } from '../../test/models/identity.ts';
import { temporaryFolder } from '../../test/models/run.ts';
import { elementsFor } from '../../test/models/runtime-dtypes.ts';
import type { TestModelName } from '../../test/models/test-models.ts';
import { testModels } from '../../test/models/test-models.ts';
import type { Graph } from '../onnx/graph-builder.ts';
import { createGraph } from '../onnx/graph-builder.ts';
import type { WriteOptions } from '../onnx/write-model.ts';
import { packBytes } from '../tensor/tensor.ts';
import type { FrameTensor } from './frames.ts';
import type { ModelSession } from './model-session.ts';
import { openModelSession } from './model-session.ts';
import { orderFor } from './order.fixture.ts';
import type { LoadOrder } from './protocol.ts';

const folder = temporaryFolder();

function open(name: TestModelName, changes: Partial<LoadOrder> = {}): Promise<ModelSession> {
  const { build, options }: { build: () => Graph; options?: WriteOptions } = testModels[name];
  return openModelSession(orderFor(folder.path, build(), changes, options));
}

function floats(values: readonly number[], shape: readonly number[], index = 0): FrameTensor {
  const data = new Uint8Array(Float32Array.from(values).buffer);
  return { index, dtype: 'FP32', shape, chunks: [data] };
}

const numbersOf = (tensor: FrameTensor | undefined): number[] => [
  ...new Float32Array(new Uint8Array(Buffer.concat(tensor?.chunks ?? [])).buffer),
];

describe('verdicts about batching', () => {
  test.each<[TestModelName, boolean, string]>([
    ['mlp', true, 'rows answer the same'],
    ['half-plus-two', true, 'rows answer the same'],
    ['picture-nhwc', true, 'rows answer the same'],
    ['dynamic-shape', true, 'rows answer the same'],
    ['multi-output', true, 'rows answer the same'],
    ['external-data', true, 'rows answer the same'],
    ['batch-statistics', false, "a row of 'y' depends on the other rows"],
    ['fixed-batch', false, "the first dimension of 'x' is fixed to 1"],
    ['total', false, "'total' is a scalar"],
    ['exclaim', false, "input 'texts' is BYTES"],
    ['simple', false, "input 'INPUT0' is INT32"],
    ['pixels', false, "input 'image' is UINT8"],
    ['not-a-number', true, 'rows answer the same'],
  ])('%s: %j', async (name, acrossRequests, reason) => {
    const { report } = await open(name);
    expect(report.batching).toEqual({ acrossRequests, reason: expect.stringContaining(reason) });
  });

  test('a graph with a random node is not batched', async () => {
    const graph = createGraph('random');
    const x = graph.input('x', 'FP32', ['batch', 4]);
    const noise = graph.apply('RandomNormalLike', [x]);
    graph.node({ op: 'Add', inputs: [x, noise], outputs: ['y'] });
    graph.output('y', 'FP32', ['batch', 4]);
    const { report } = await openModelSession(orderFor(folder.path, graph));
    expect(report.batching.reason).toContain('differs between two runs');
  });

  test('a graph that answers everybody with the first row is not batched', async () => {
    const graph = createGraph('first_row');
    const x = graph.input('x', 'FP32', ['batch', 4]);
    const first = graph.apply('Gather', [x, graph.int64s([0])], { axis: 0 });
    const nothing = graph.apply('Mul', [x, graph.floats(0)]);
    graph.node({ op: 'Add', inputs: [first, nothing], outputs: ['y'] });
    graph.output('y', 'FP32', ['batch', 4]);
    const { report } = await openModelSession(orderFor(folder.path, graph));
    expect(report.batching.reason).toContain('depends on the other rows');
  });
});

describe('the batch size', () => {
  test('is measured where rows may share a run, and only when the order asks for it', async () => {
    expect((await open('mlp')).report.batchSize).toBeUndefined();
    const asked = await open('mlp', { batchSize: 'measure' });
    expect(asked.report.batchSize?.measured[0]?.batch).toBe(1);
    const alone = await open('batch-statistics', { batchSize: 'measure' });
    expect(alone.report.batchSize).toBeUndefined();
  });

  test('that another instance found is believed', async () => {
    const batchSize = { maxBatch: 5, reason: 'found before', measured: [] };
    expect((await open('mlp', { batchSize })).report.batchSize).toEqual(batchSize);
  });
});

describe('warm-up', () => {
  test('a model of known shape that fails on zeros is not served', async () => {
    await expect(open('fails-on-zeros')).rejects.toMatchObject({ code: 'MODEL_WARMUP_FAILED' });
  });

  test('an input of unknown rank is not expected to take a made-up scalar', async () => {
    const graph = createGraph('any_rank');
    const x = graph.input('x', 'FP32', ['batch', 2]);
    graph.node({
      op: 'MatMul',
      inputs: [x, graph.initialiser('w', 'FP32', [2, 2], Float32Array.of(1, 0, 0, 1))],
      outputs: ['y'],
    });
    graph.output('y', 'FP32', ['batch', 2]);
    const order = orderFor(folder.path, graph, {
      inputs: [{ name: 'x', dtype: 'FP32', shape: [], anyShape: true }],
    });
    const { report, run } = await openModelSession(order);
    expect(report.warmUpSkipped).toContain('no made-up size of its open dimensions works');
    expect(numbersOf((await run([floats([1, 2], [1, 2])], 0))[0])).toEqual([1, 2]);
  });

  test('open dimensions are tried in several sizes', async () => {
    const graph = createGraph('pools');
    const x = graph.input('x', 'FP32', ['batch', 1, 'h', 'w']);
    // Without padding a window of 5 needs 5 pixels: 1 fails, 8 works.
    graph.node({
      op: 'MaxPool',
      inputs: [x],
      outputs: ['y'],
      attributes: { kernel_shape: [5, 5] },
    });
    graph.output('y', 'FP32', ['batch', 1, 'h2', 'w2']);
    const { report } = await openModelSession(orderFor(folder.path, graph));
    expect([report.warmUpSkipped, report.batching.acrossRequests]).toEqual([undefined, true]);
  });

  test('many open dimensions do not make the runner ask for gigabytes', async () => {
    const dims = ['a', 'b', 'c', 'd', 'e', 'f'];
    const graph = createGraph('many');
    const x = graph.input('x', 'FP32', ['batch', ...dims]);
    // Fails on every cube: it wants the sizes 1 to 6.
    const w = graph.initialiser('w', 'FP32', [1, 2, 3, 4, 5, 6], new Float32Array(720));
    const y = graph.apply('Concat', [x, w], { axis: 6 });
    graph.node({ op: 'Identity', inputs: [y], outputs: ['y'] });
    graph.output('y', 'FP32', ['batch', ...dims]);
    const loading = openModelSession(orderFor(folder.path, graph)).catch((error: unknown) => error);
    const loaded = await loading;
    if (loaded instanceof Error) expect(loaded).toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    else expect((loaded as ModelSession).report.warmUpSkipped).toBeDefined();
  });

  const gray = { index: 0, layout: 'NCHW', scale: 1, mean: [0], std: [1] } as const;

  test('pictures that come in their own size are tried in the usual one first', async () => {
    const graph = createGraph('deep');
    const x = graph.input('x', 'FP32', ['n', 1, 'h', 'w']);
    graph.node({
      op: 'MaxPool',
      inputs: [x],
      outputs: ['y'],
      attributes: { kernel_shape: [200, 200] },
    });
    graph.output('y', 'FP32', ['n', 1, 'h2', 'w2']);
    const { report } = await openModelSession(orderFor(folder.path, graph, { picture: gray }));
    expect(report.warmUpSkipped).toBeUndefined();
  });

  test('a graph may want a size of them that nobody said', async () => {
    const graph = createGraph('fixed_inside');
    const x = graph.input('x', 'FP32', ['n', 1, 'h', 'w']);
    const shape = graph.initialiser('shape', 'INT64', [2], BigInt64Array.of(-1n, 15n));
    graph.node({ op: 'Reshape', inputs: [x, shape], outputs: ['flat'] });
    const w = graph.initialiser('w', 'FP32', [15, 1], new Float32Array(15).fill(1));
    graph.node({ op: 'MatMul', inputs: ['flat', w], outputs: ['y'] });
    graph.output('y', 'FP32', ['n', 1]);
    const { report, run } = await openModelSession(orderFor(folder.path, graph, { picture: gray }));
    expect(report.warmUpSkipped).toContain('no made-up size of its open dimensions works');
    expect(numbersOf((await run([floats(new Array(15).fill(2), [1, 1, 3, 5])], 0))[0])).toEqual([
      30,
    ]);
  });

  test("a picture's plan fills in all dimensions of its input", async () => {
    const graph = createGraph('open_picture');
    const x = graph.input('x', 'FP32', ['n', 'c', 'h', 'w']);
    const sum = graph.apply('Conv', [
      x,
      graph.initialiser('w', 'FP32', [1, 3, 3, 3], new Float32Array(27)),
    ]);
    graph.node({ op: 'GlobalAveragePool', inputs: [sum], outputs: ['y'] });
    graph.output('y', 'FP32', ['n', 1, 1, 1]);
    const { report } = await openModelSession(
      orderFor(folder.path, graph, {
        picture: { index: 0, layout: 'NCHW', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
        pictureSize: [8, 8],
      }),
    );
    expect(report.warmUpSkipped).toBeUndefined();
  });
});

describe('runs', () => {
  test('only the wanted outputs are computed, in the order of the model', async () => {
    const { run } = await open('multi-output');
    const x = floats([1, 2, 4, 3], [1, 4]);
    const indices = async (wanted: number): Promise<number[]> =>
      (await run([x], wanted)).map(({ index }) => index);
    expect(await indices(0)).toEqual([0, 1, 2]);
    expect(await indices(0b100)).toEqual([2]);
    expect(await indices(0b011)).toEqual([0, 1]);
  });

  test('NaN comes through', async () => {
    const { run } = await open('not-a-number');
    const [y] = await run([floats([-1, 4, 9, -1], [1, 4])], 0);
    expect(numbersOf(y)).toEqual([Number.NaN, 2, 3, Number.NaN]);
  });

  test('bytes of a picture are normalised on their way into a float input', async () => {
    const { run } = await open('picture-nchw', {
      picture: { index: 0, layout: 'NCHW', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] },
      pictureSize: [32, 32],
    });
    const pixels = new Uint8Array(2 * 32 * 32 * 3);
    for (let i = 0; i < pixels.length; i += 3) pixels[i + (i < pixels.length / 2 ? 0 : 2)] = 255;
    const half = pixels.length / 2;
    const chunks = [pixels.subarray(0, half), pixels.subarray(half)];
    const [scores] = await run([{ index: 0, dtype: 'UINT8', shape: [2, 32, 32, 3], chunks }], 0);
    expect(numbersOf(scores)).toEqual([10, 0, 0, 0, 0, 10]);
  });

  test('a model that takes bytes gets them as they are', async () => {
    const { run } = await open('pixels', {
      picture: { index: 0, layout: 'NHWC', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] },
    });
    const pixels = new Uint8Array(32 * 32 * 3).fill(255);
    const [scores] = await run(
      [{ index: 0, dtype: 'UINT8', shape: [1, 32, 32, 3], chunks: [pixels] }],
      0,
    );
    expect(numbersOf(scores)).toEqual([10, 10, 10]);
  });

  test.each(identityDTypes)(
    '%s goes in and out, whole, in pieces, unaligned and empty',
    async (dtype) => {
      const { run } = await open(`identity-${dtype.toLowerCase() as Lowercase<typeof dtype>}`);
      const elements = elementsFor(dtype, 6);
      const bytes =
        dtype === 'BYTES'
          ? packBytes((elements as string[]).map((text) => Buffer.from(text)))
          : new Uint8Array(
              (elements as Uint8Array).buffer as ArrayBuffer,
              0,
              (elements as Uint8Array).byteLength,
            );
      // The first string is empty: its length alone.
      const cut = dtype === 'BYTES' ? 4 : bytes.length / 3;
      const shifted = new Uint8Array(bytes.length + 1);
      shifted.set(bytes, 1);
      for (const chunks of [
        [bytes],
        [bytes.subarray(0, cut), bytes.subarray(cut)],
        [shifted.subarray(1)],
      ]) {
        const [y] = await run([{ index: 0, dtype, shape: [2, 3], chunks }], 0);
        expect(y).toMatchObject({ index: 0, dtype, shape: [2, 3] });
        expect(Buffer.concat(y?.chunks ?? [])).toEqual(Buffer.from(bytes));
      }
      for (const chunks of [[], [new Uint8Array(0)]]) {
        const [none] = await run([{ index: 0, dtype, shape: [0, 3], chunks }], 0);
        expect([none?.shape, Buffer.concat(none?.chunks ?? []).length]).toEqual([[0, 3], 0]);
      }
    },
  );

  test.each([
    ['a NUL', Buffer.from('a\0b'), 'holds a NUL character'],
    ['broken UTF-8', Buffer.from([0xff]), 'is not valid UTF-8'],
  ])('a string with %s is the fault of the request', async (_, element, problem) => {
    const { run } = await open('exclaim');
    const tensor: FrameTensor = {
      index: 0,
      dtype: 'BYTES',
      shape: [1],
      chunks: [packBytes([element])],
    };
    await expect(run([tensor], 0)).rejects.toMatchObject({
      code: 'INPUT_DATA_INVALID',
      message: expect.stringContaining(problem),
    });
  });

  test('a byte order mark in a string is kept', async () => {
    const { run } = await open('exclaim');
    const tensor: FrameTensor = {
      index: 0,
      dtype: 'BYTES',
      shape: [1],
      chunks: [packBytes([Buffer.from('\uFEFFa')])],
    };
    const [loud] = await run([tensor], 0);
    expect(Buffer.from(loud?.chunks[0] ?? [])).toEqual(
      Buffer.from(packBytes([Buffer.from('\uFEFFa!')])),
    );
  });
});

describe('the optimised copy', () => {
  const place = (name: string) => ({
    folder: join(folder.path, name),
    building: join(folder.path, `.${name}-building`),
  });

  test('is made once, then read, with the verdict beside it', async () => {
    const optimised = place('made-once');
    const first = await open('external-data', { optimised });
    const second = await open('external-data', { optimised });
    expect([first.report.fromCache, second.report.fromCache]).toEqual([false, true]);
    expect(second.report.batching).toEqual(first.report.batching);
    expect(readdirSync(optimised.folder).sort()).toEqual([
      'model.onnx',
      'probe-2-1x64.json',
      'weights.bin',
    ]);
    const [y] = await second.run([floats(new Array(64).fill(2), [1, 64])], 0);
    expect(numbersOf(y)).toEqual(new Array(64).fill(6));
  });

  test('that is damaged is thrown away and the original serves', async () => {
    const optimised = place('damaged');
    await open('mlp', { optimised });
    writeFileSync(join(optimised.folder, 'model.onnx'), 'nonsense');
    const { report } = await open('mlp', { optimised });
    expect([report.fromCache, existsSync(optimised.folder)]).toEqual([false, false]);
  });

  test('a verdict that cannot be read is found again', async () => {
    const optimised = place('no-verdict');
    await open('mlp', { optimised });
    writeFileSync(join(optimised.folder, 'probe-2-1x64.json'), '{"acrossReq');
    const { report } = await open('mlp', { optimised });
    expect(report.batching.acrossRequests).toBe(true);
  });

  test('a verdict for other sizes is not taken', async () => {
    const optimised = place('other-size');
    const graph = createGraph('pools');
    const x = graph.input('x', 'FP32', ['batch', 1, 'h', 'w']);
    graph.node({
      op: 'MaxPool',
      inputs: [x],
      outputs: ['y'],
      attributes: { kernel_shape: [5, 5] },
    });
    graph.output('y', 'FP32', ['batch', 1, 'h2', 'w2']);
    const picture = { index: 0, layout: 'NCHW', scale: 1, mean: [0], std: [1] } as const;
    const sized = (size: number): LoadOrder =>
      orderFor(folder.path, graph, { optimised, picture, pictureSize: [size, size] });
    await expect(openModelSession(sized(3))).rejects.toMatchObject({ code: 'MODEL_WARMUP_FAILED' });
    expect((await openModelSession(sized(9))).report.batching.acrossRequests).toBe(true);
    expect((await openModelSession(sized(16))).report.batching.acrossRequests).toBe(true);
    expect(readdirSync(optimised.folder).filter((name) => name.startsWith('probe'))).toHaveLength(
      2,
    );
  });

  test('has the batch size beside it, measured once for these threads and sizes', async () => {
    const optimised = place('measured');
    const measure = { optimised, batchSize: 'measure' } as const;
    // What other work disturbs is not kept: until it is calm.
    const openUntilKept = async (threads: number): Promise<ModelSession> => {
      const file = join(optimised.folder, `batch-1-${threads}-1x64.json`);
      for (;;) {
        const session = await open('mlp', { ...measure, threads });
        if (existsSync(file)) return session;
      }
    };
    const first = await openUntilKept(1);
    // Rates as they were to the last digit: nothing was timed again.
    expect((await open('mlp', measure)).report.batchSize).toEqual(first.report.batchSize);
    await openUntilKept(2);
  });

  test('nowhere to write it is only slower', async () => {
    const file = join(folder.path, 'a-file');
    writeFileSync(file, '');
    const { report } = await open('mlp', {
      optimised: { folder: join(file, 'x'), building: join(file, 'y') },
    });
    expect(report.fromCache).toBe(false);
  });

  test('several that make it at once end with one whole copy', async () => {
    const optimised = place('at-once');
    const all = await Promise.all([1, 2, 3].map(() => open('mlp', { optimised })));
    expect(all.map(({ report }) => report.batching.acrossRequests)).toEqual([true, true, true]);
    expect((await open('mlp', { optimised })).report.fromCache).toBe(true);
    expect(readdirSync(folder.path).filter((name) => name.includes('at-once-building'))).toEqual(
      [],
    );
  });
});

test('a file that is no model is MODEL_LOAD_FAILED in one line', async () => {
  const order = orderFor(folder.path, testModels.mlp.build());
  const path = join(folder.path, 'broken.onnx');
  writeFileSync(path, 'nonsense');
  const loading = openModelSession({ ...order, path });
  await expect(loading).rejects.toMatchObject({
    code: 'MODEL_LOAD_FAILED',
    message: expect.not.stringContaining('\n'),
  });
  rmSync(path);
});
