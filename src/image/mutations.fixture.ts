/** Pictures as damage leaves them, the same at every run. */

/** A number from 0 up to and without the limit. */
export type Random = (below: number) => number;

/** Numbers of a fixed seed (mulberry32). */
export function randomNumbers(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** One to eight bytes changed, half of them within the first hundred, where headers are. */
export function changeBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let n = random(8) + 1; n > 0; n--) {
    const at = random(random(2) === 0 ? Math.min(100, copy.length) : copy.length);
    copy[at] = random(4) === 0 ? 255 : random(256);
  }
  return copy;
}

/** Ends somewhere, half of them with an end marker all the same. */
export function cutOff(bytes: Uint8Array, random: Random): Uint8Array {
  const kept = bytes.subarray(0, 2 + random(bytes.length - 2));
  return random(2) === 0 ? kept : Uint8Array.from([...kept, 0xff, 0xd9]);
}

/** A JPEG's segments with two of them swapped, one left out, or one twice; each scan with the data behind it. */
export function shuffleSegments(bytes: Uint8Array, random: Random): Uint8Array {
  const parts = segmentsOf(bytes);
  const [a, b] = [random(parts.length), random(parts.length)];
  const [one, other] = [parts[a] as Uint8Array, parts[b] as Uint8Array];
  const kind = random(3);
  if (kind === 0) [parts[a], parts[b]] = [other, one];
  else if (kind === 1) parts.splice(a, 1);
  else parts.splice(b, 0, one);
  return Uint8Array.from([0xff, 0xd8, ...parts.flatMap((part) => [...part]), 0xff, 0xd9]);
}

/** From marker to marker, without the first and the last. */
function segmentsOf(bytes: Uint8Array): Uint8Array[] {
  const starts: number[] = [];
  for (let at = 2; at < bytes.length - 2; ) {
    const marker = bytes[at + 1] as number;
    const isRestart = marker >= 0xd0 && marker <= 0xd7;
    if (bytes[at] !== 0xff || marker === 0 || isRestart) at += 1;
    else {
      starts.push(at);
      at += 2 + (bytes[at + 2] as number) * 256 + (bytes[at + 3] as number);
    }
  }
  return starts.map((start, i) => bytes.subarray(start, starts[i + 1] ?? bytes.length - 2));
}
