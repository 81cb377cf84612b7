import { expect, test } from 'vitest';
import { ServingError } from '../../errors.ts';
import { clientBodies } from './client-bodies.fixture.ts';
import { readMultipart } from './read-multipart.ts';

/** Numbers below `n` from a seed (mulberry32), the same on every machine. */
function createRandom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

const boundaries = ['x', '--', 'AaB', '----=_Part', `${'a'.repeat(69)}b`, "a'()+_,-./:=?"];

/** Pieces that look like the boundary without being it. */
function nastyData(random: (n: number) => number, boundary: string): string {
  const pieces = [
    ...['\r', '\n', '\r\n', '--', '-', '\r\n--', '\0', '\xff', '\r\n\r\n'],
    ...[`\r\n--${boundary.slice(0, -1)}`, `--${boundary}`, `\r\n-${boundary}`, `\n--${boundary}--`],
    ...[`\r\n--${boundary}!`, `\r\n--${boundary} !`, `\r\n--${boundary}-\r`, boundary],
  ];
  const data = Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
  const alone = new RegExp(`(^|\r\n)--${boundary.replace(/\W/g, '\\$&')}(--)?[ \t]*(\r\n|$)`);
  return alone.test(data) ? '' : data;
}

test('parts with data that looks like the boundary come back as they were written', () => {
  for (let seed = 0; seed < 3000; seed++) {
    const random = createRandom(seed);
    const boundary = boundaries[random(boundaries.length)] ?? 'x';
    const sent = Array.from({ length: random(6) }, () => nastyData(random, boundary));
    const body = [
      random(2) === 0 ? '' : 'preamble\r\n',
      ...sent.map(
        (data, i) =>
          `--${boundary}\r\nContent-Disposition: form-data; name="${i}"\r\n\r\n${data}\r\n`,
      ),
      `--${boundary}--`,
      random(2) === 0 ? '' : `\r\n${nastyData(random, boundary)}`,
    ].join('');
    const type = `multipart/form-data; boundary="${boundary}"`;
    const got = readMultipart(Buffer.from(body, 'latin1'), type);
    expect([seed, ...got.map(({ data }) => data.toString('latin1'))]).toEqual([seed, ...sent]);
  }
});

/** One change: a byte, a cut, a piece twice, or a piece gone. */
function mutate(body: Buffer, random: (n: number) => number): Buffer {
  const at = random(body.length + 1);
  const to = Math.min(body.length, at + random(20));
  const byte = Buffer.from([random(4) === 0 ? ([13, 10, 45, 34][random(4)] ?? 0) : random(256)]);
  const pieces = [
    [body.subarray(0, at), byte, body.subarray(at + 1)],
    [body.subarray(0, at)],
    [body.subarray(0, to), body.subarray(at)],
    [body.subarray(0, at), body.subarray(to)],
  ];
  return Buffer.concat(pieces[random(pieces.length)] ?? []);
}

test('a damaged body is read or refused with a ServingError, never anything else', () => {
  for (let seed = 0; seed < 5000; seed++) {
    const random = createRandom(seed);
    const { body, contentType } = clientBodies[random(clientBodies.length)] ?? {
      body: '',
      contentType: '',
    };
    let damaged = Buffer.from(body, 'latin1');
    for (let i = random(4); i >= 0; i--) damaged = Buffer.from(mutate(damaged, random));
    try {
      readMultipart(damaged, contentType);
    } catch (error) {
      expect(error).toBeInstanceOf(ServingError);
    }
  }
});
