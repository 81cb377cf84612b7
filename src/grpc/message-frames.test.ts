import { expect, test } from 'vitest';
import { createRandom } from '../../test/models/random.ts';
import { MessageFrames } from './message-frames.ts';

function frame(bytes: number): Buffer {
  const framed = Buffer.alloc(5 + bytes, 0xff);
  framed[0] = 0;
  framed.writeUInt32BE(bytes, 1);
  return framed;
}

test('messages are found wherever the bytes are cut', () => {
  const random = createRandom(11);
  for (let i = 0; i < 100; i += 1) {
    const lengths = Array.from({ length: 8 }, () => Math.floor(random() ** 4 * 700));
    const bytes = Buffer.concat(lengths.map(frame));
    const frames = new MessageFrames();
    const found: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(random() * 40);
      frames.advance(bytes.subarray(at, end), (length) => found.push(length));
      at = end;
    }
    expect(found).toEqual(lengths.map((length) => length + 5));
    expect(frames.pending).toBe(0);
  }
});

test('a message says how long it will be as soon as its prefix is there', () => {
  const frames = new MessageFrames();
  const never = (): never => {
    throw new Error('it is not whole');
  };
  frames.advance(Buffer.of(0, 0x7f, 0xff), never);
  expect([frames.pending, frames.expected]).toEqual([3, 5]);
  frames.advance(Buffer.of(0xff, 0xff, 1, 2), never);
  expect([frames.pending, frames.expected]).toEqual([7, 5 + 0x7fff_ffff]);
});
