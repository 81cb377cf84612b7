/** Seeded numbers for the weights of test and bench models: the same on every machine. */

export type Random = () => number;

/** Uniform in [0, 1). Source: mulberry32, public domain. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` numbers of mean 0 and the given standard deviation, uniform (cheap: millions a second). */
export function spread(random: Random, count: number, deviation: number): Float32Array {
  const numbers = new Float32Array(count);
  const width = deviation * Math.sqrt(12);
  for (let i = 0; i < count; i += 1) numbers[i] = (random() - 0.5) * width;
  return numbers;
}
