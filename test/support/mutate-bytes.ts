/** Bytes as nobody would send them: other values, cut, repeated, with noise, grown together with others. */

export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Values that lengths, shapes and types do not like. */
const nasty = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x0b, 0x0c, 0x22, 0x2a, 0x3a];

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const mutations: readonly Mutation[] = [
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[below(random, copy.length)] = below(random, 256);
    return copy;
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0)
      copy[below(random, copy.length)] = nasty[below(random, nasty.length)] as number;
    return copy;
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length + 1)),
  (bytes, random) => bytes.subarray(below(random, bytes.length + 1)),
  (bytes, random) => {
    const from = below(random, bytes.length + 1);
    const piece = bytes.subarray(from, from + below(random, 40));
    return Buffer.concat([bytes.subarray(0, from), ...Array(1 + below(random, 5)).fill(piece)]);
  },
  (bytes, random) => {
    const at = below(random, bytes.length + 1);
    const noise = Buffer.from(Array.from({ length: below(random, 12) }, () => below(random, 256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  (bytes, random, others) => {
    const other = others[below(random, others.length)] ?? bytes;
    return Buffer.concat([bytes.subarray(0, below(random, bytes.length + 1)), other]);
  },
];

/** `others`: what it may be grown together with. */
export function mutateBytes(bytes: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  let mutated = bytes;
  for (let i = 0; i <= below(random, 3); i += 1)
    mutated = mutations[below(random, mutations.length)]?.(mutated, random, others) ?? mutated;
  return mutated;
}
