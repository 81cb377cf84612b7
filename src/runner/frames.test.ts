import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { dtypes, sizeOfDType } from '../tensor/dtype.ts';
import { createFrameReader, writeFrame } from './frame-stream.ts';
import type { Frame, FrameTensor } from './frames.ts';
import { decodeFrame, encodeFrame, headerBytes, maxFrameBytes } from './frames.ts';
import { controlFrame, frameKinds, tensorFrame } from './protocol.ts';

const encode = (frame: Frame): Buffer => Buffer.concat(encodeFrame(frame));

/** What `decodeFrame` gives for it: the chunks in one piece. */
function joined(frame: Frame): Frame {
  const tensors = frame.tensors.map((tensor) => ({
    ...tensor,
    chunks: [Buffer.concat(tensor.chunks)],
  }));
  return { ...frame, tensors };
}

const whole = (below: number, random: () => number): number => Math.floor(random() * below);

function randomTensor(random: () => number, index: number): FrameTensor {
  const dtype = dtypes[whole(dtypes.length, random)] as FrameTensor['dtype'];
  const shape = Array.from({ length: whole(5, random) }, () => whole(4, random));
  const size = sizeOfDType(dtype) || 1;
  const bytes = new Uint8Array(shape.reduce((count, dim) => count * dim, size));
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = whole(256, random);
  const cut = whole(bytes.length + 1, random);
  return { index, dtype, shape, chunks: [bytes.subarray(0, cut), bytes.subarray(cut)] };
}

function randomFrame(random: () => number): Frame {
  if (random() < 0.3)
    return controlFrame(whole(8, random), 3, whole(2 ** 32, random), { é: '😀'.repeat(9) });
  const tensors = Array.from({ length: 1 + whole(3, random) }, (_, i) => randomTensor(random, i));
  return tensorFrame(frameKinds.run, whole(2 ** 16, random), 7, tensors, whole(2 ** 32, random));
}

const random = createRandom(1);
const frames = Array.from({ length: 60 }, () => randomFrame(random));

test('a frame decodes to what was encoded, whatever its tensors', () => {
  for (const frame of frames) expect(decodeFrame(encode(frame))).toEqual(joined(frame));
});

test('frames come out of a stream whole and in order, wherever it is cut', () => {
  const stream = Buffer.concat(frames.map(encode));
  for (const most of [1, 7, 23, 24, 25, 1000, stream.length]) {
    const received: Frame[] = [];
    const reader = createFrameReader((frame) => received.push(frame));
    for (let at = 0; at < stream.length; ) {
      const length = most === 1 ? 1 : 1 + whole(most, random);
      reader.push(stream.subarray(at, at + length));
      at += length;
    }
    expect(received).toEqual(frames.map(joined));
  }
});

test('a frame may be cut in two at every byte', () => {
  const bytes = encode(frames.find(({ tensors }) => tensors.length > 1) as Frame);
  for (let at = 0; at <= bytes.length; at += 1) {
    const received: Frame[] = [];
    const reader = createFrameReader((frame) => received.push(frame));
    reader.push(bytes.subarray(0, at));
    reader.push(bytes.subarray(at));
    expect(received).toHaveLength(1);
  }
});

test('a received tensor starts at a multiple of 8 in memory of its own', () => {
  const odd: FrameTensor = { index: 0, dtype: 'UINT8', shape: [3], chunks: [Buffer.from('abc')] };
  const stream = Buffer.concat([
    encode(tensorFrame(3, 0, 1, [odd, odd])),
    encode(frames[0] as Frame),
  ]);
  const received: Frame[] = [];
  createFrameReader((frame) => received.push(frame)).push(stream);
  stream.fill(0);
  const [first] = received as [Frame];
  for (const { chunks } of first.tensors) {
    expect(chunks[0]?.toString()).toBe('abc');
    expect((chunks[0]?.byteOffset ?? 1) % 8).toBe(0);
  }
  expect(first.tensors[0]?.chunks[0]?.buffer.byteLength).toBe(
    encode(tensorFrame(3, 0, 1, [odd, odd])).length,
  );
});

test('encoding does not copy the tensors', () => {
  const bytes = new Uint8Array(8);
  const pieces = encodeFrame(
    tensorFrame(3, 0, 1, [{ index: 0, dtype: 'UINT8', shape: [8], chunks: [bytes] }]),
  );
  expect(pieces).toContain(bytes);
});

test.each([
  ['small tensors as one piece', [3, 5, 16_000], ['write']],
  [
    'large ones as they are, with what is small between them together',
    [20_003, 3, 5, 20_000],
    ['4 pieces'],
  ],
])('writing hands the stream %s', (_, lengths, expected) => {
  const written: string[] = [];
  const received: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      received.push(chunk);
      written.push('write');
      done();
    },
    writev(chunks, done) {
      received.push(...chunks.map(({ chunk }) => chunk as Buffer));
      written.push(`${chunks.length} pieces`);
      done();
    },
  });
  const tensors = lengths.map((length, index) => ({
    index,
    dtype: 'UINT8' as const,
    shape: [length],
    chunks: [Buffer.alloc(length, index + 1)],
  }));
  writeFrame(stream, tensorFrame(3, 0, 1, tensors));
  expect(written).toEqual(expected);
  const frame = decodeFrame(Buffer.concat(received));
  expect(frame.tensors.map(({ chunks }) => Buffer.concat(chunks))).toEqual(
    tensors.map(({ chunks }) => chunks[0]),
  );
});

describe('a tensor that a frame cannot hold is refused', () => {
  /** Says that it is long, without the memory. */
  const long = (byteLength: number): Uint8Array => ({ byteLength }) as Uint8Array;
  const tensor = (...lengths: number[]): FrameTensor => ({
    index: 0,
    dtype: 'UINT8',
    shape: [1],
    chunks: lengths.map(long),
  });

  test.each([
    ['one of 2 GiB', [tensor(2 ** 31)]],
    ['one of 4 GiB in pieces', [tensor(2 ** 31, 2 ** 31)]],
    ['several that are 6 GiB together', [tensor(3 * 2 ** 30), tensor(3 * 2 ** 30)]],
    ['one that would wrap around to a small length', [tensor(2 ** 32)]],
  ])('%s', (_, tensors) => {
    expect(() => encodeFrame(tensorFrame(3, 0, 1, tensors))).toThrow('too long');
  });

  test('a dimension beyond 32 bits', () => {
    const wide: FrameTensor = { index: 0, dtype: 'UINT8', shape: [0, 2 ** 32], chunks: [] };
    expect(() => encodeFrame(tensorFrame(3, 0, 1, [wide]))).toThrow(RangeError);
  });
});

describe('a broken frame is a RangeError, never a wrong tensor', () => {
  const good = encode(
    tensorFrame(3, 0, 1, [
      { index: 0, dtype: 'UINT8', shape: [16], chunks: [Buffer.alloc(16, 1)] },
    ]),
  );
  const broken = (change: (bytes: Buffer) => void): Buffer => {
    const copy = Buffer.from(good);
    change(copy);
    return copy;
  };

  test.each<[string, (bytes: Buffer) => void]>([
    ['more bytes than there are', (bytes) => bytes.writeUInt32LE(17, headerBytes + 4)],
    ['2 GiB of bytes', (bytes) => bytes.writeUInt32LE(0x8000_0000, headerBytes + 4)],
    ['an unknown dtype', (bytes) => bytes.writeUInt8(99, headerBytes + 2)],
    ['a rank beyond the descriptors', (bytes) => bytes.writeUInt8(255, headerBytes + 3)],
    ['a rank that reads into the payload', (bytes) => bytes.writeUInt8(2, headerBytes + 3)],
    ['more tensors than descriptors', (bytes) => bytes.writeUInt32LE(2, 16)],
    ['4 billion tensors', (bytes) => bytes.writeUInt32LE(0xffff_ffff, 16)],
    ['a meta part beyond the frame', (bytes) => bytes.writeUInt32LE(0xffff_fff0, 12)],
  ])('%s', (_, change) => {
    expect(() => decodeFrame(broken(change))).toThrow(RangeError);
  });

  test.each([0, 23, maxFrameBytes + 1, 0xffff_ffff])('a length of %d', (length) => {
    const header = Buffer.alloc(headerBytes);
    header.writeUInt32LE(length, 0);
    const reader = createFrameReader(() => expect.unreachable());
    expect(() => reader.push(header)).toThrow('broken frame');
  });

  test('random bytes in the right length', () => {
    for (let i = 0; i < 2000; i += 1) {
      const bytes = broken((copy) => {
        for (let k = 0; k < 3; k += 1)
          copy[4 + whole(copy.length - 4, random)] = whole(256, random);
      });
      try {
        for (const { chunks } of decodeFrame(bytes).tensors)
          expect(chunks[0]?.byteLength).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
  });
});
