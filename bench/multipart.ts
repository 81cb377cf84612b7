/**
 * The multipart reader against the least that finds a part: two bare `Buffer.indexOf` scans of the
 * same body. Prints the median of interleaved pairs. `node bench/multipart.ts`
 */

import { randomBytes } from 'node:crypto';
import { readMultipart } from '../src/protocol/multipart/read-multipart.ts';

const boundary = '------------------------30a10b934a11d1ce';
const contentType = `multipart/form-data; boundary=${boundary}`;

function formOf(size: number): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="image"; filename="cat.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return Buffer.concat([
    Buffer.from(head),
    randomBytes(size),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

/** Microseconds a call. */
function time(calls: number, run: () => unknown): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) run();
  return ((performance.now() - start) * 1000) / calls;
}

const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

for (const size of [3_000, 30_000, 300_000, 3_000_000]) {
  const body = formOf(size);
  const needle = Buffer.from(`\r\n--${boundary}`);
  const scan = () => body.indexOf(needle, body.indexOf('\r\n\r\n'));
  const read = () => readMultipart(body, contentType);
  const calls = Math.ceil(30_000_000 / (size + 30_000));
  const pairs = Array.from({ length: 15 }, () => [time(calls, read), time(calls, scan)] as const);
  const ratio = median(pairs.map(([ours, bare]) => ours / bare));
  const [ours, bare] = [median(pairs.map(([a]) => a)), median(pairs.map(([, b]) => b))];
  console.log(
    `${size} bytes: ${ours.toFixed(1)} µs, bare scan ${bare.toFixed(1)} µs, ratio ${ratio.toFixed(2)}`,
  );
}
