/**
 * Assembles the text of one WebAssembly function, one instruction a word with its operands behind it, into a
 * module with a memory. Only the instructions that number-kernel.ts uses.
 * Source: WebAssembly core specification 1.0, "Binary Format".
 */

type ValueType = 'i32' | 'i64' | 'f64';

export interface FunctionText {
  readonly params: readonly string[];
  /** Of its own, beside the parameters, which are i32 like the result. */
  readonly locals: Readonly<Record<ValueType, readonly string[]>>;
  readonly code: string;
  /** Of 65,536 bytes. */
  readonly memoryPages: number;
}

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f64: 0x7c };

/** Instructions without operands. */
const plain: Readonly<Record<string, number>> = {
  else: 0x05,
  'i32.eqz': 0x45,
  'i32.eq': 0x46,
  'i32.ne': 0x47,
  'i32.lt_s': 0x48,
  'i32.gt_s': 0x4a,
  'i32.gt_u': 0x4b,
  'i32.le_u': 0x4d,
  'i32.ge_s': 0x4e,
  'i64.eqz': 0x50,
  'i64.eq': 0x51,
  'i64.lt_u': 0x54,
  'f64.eq': 0x61,
  'f64.ne': 0x62,
  'f64.lt': 0x63,
  'f64.gt': 0x64,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.and': 0x71,
  'i32.or': 0x72,
  'i32.shl': 0x74,
  'i64.add': 0x7c,
  'i64.sub': 0x7d,
  'i64.mul': 0x7e,
  'i64.and': 0x83,
  'i64.or': 0x84,
  'i64.shr_u': 0x88,
  'f32.ne': 0x5c,
  'f64.neg': 0x9a,
  'f64.add': 0xa0,
  'f64.sub': 0xa1,
  'f64.mul': 0xa2,
  'f64.div': 0xa3,
  'i64.extend_i32_u': 0xad,
  'i64.trunc_f64_u': 0xb1,
  'f32.demote_f64': 0xb6,
  'f64.convert_i64_s': 0xb9,
  'f64.convert_i64_u': 0xba,
};
/** Loads and stores, with a constant offset as operand. */
const memory: Readonly<Record<string, number>> = {
  'i64.load': 0x29,
  'f64.load': 0x2b,
  'i32.load8_u': 0x2d,
  'i32.store': 0x36,
  'f64.store': 0x39,
};
const locals: Readonly<Record<string, number>> = {
  'local.get': 0x20,
  'local.set': 0x21,
  'local.tee': 0x22,
};
const blocks: Readonly<Record<string, number>> = { block: 0x02, loop: 0x03, if: 0x04 };
const branches: Readonly<Record<string, number>> = { br: 0x0c, br_if: 0x0d };

/** LEB128 of an unsigned number. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** LEB128 of a signed integer of 64 bits. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asIntN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    const isLast = (rest >> 6n === 0n && low < 0x40) || (rest >> 6n === -1n && low >= 0x40);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

const float64 = (value: number): number[] => [...new Uint8Array(Float64Array.of(value).buffer)];

function assemble(code: string, names: readonly string[]): number[] {
  const words = code.replace(/;.*$/gm, '').trim().split(/\s+/);
  const labels: string[] = [];
  const bytes: number[] = [];
  let at = 0;
  const next = (): string => words[at++] as string;
  const find = (list: readonly string[], name: string): number => {
    const index = list.indexOf(name);
    if (index === -1) throw new Error(`there is no ${name}`);
    return index;
  };
  while (at < words.length) {
    const word = next();
    if (word === 'i32.const') bytes.push(0x41, ...signed(BigInt(next())));
    else if (word === 'i64.const') bytes.push(0x42, ...signed(BigInt(next())));
    else if (word === 'f64.const') bytes.push(0x44, ...float64(Number(next())));
    else if (word in locals) bytes.push(locals[word] as number, ...unsigned(find(names, next())));
    else if (word in memory) bytes.push(memory[word] as number, 0, ...unsigned(Number(next())));
    else if (word in branches) {
      const depth = labels.length - 1 - labels.lastIndexOf(next());
      bytes.push(branches[word] as number, ...unsigned(depth));
    } else if (word in blocks) {
      labels.push(word === 'if' ? '' : next());
      bytes.push(blocks[word] as number, 0x40);
    } else if (word === 'end') {
      labels.pop();
      bytes.push(0x0b);
    } else if (word in plain) bytes.push(plain[word] as number);
    else throw new Error(`there is no instruction ${word}`);
  }
  return [...bytes, 0x0b];
}

const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];
const exported = (name: string, kind: number): number[] => [
  ...unsigned(name.length),
  ...Buffer.from(name),
  kind,
  0,
];

/** The module; it exports the function as `run` and the memory as `memory`. */
export function assembleModule({ params, locals, code, memoryPages }: FunctionText): Uint8Array {
  const kinds = ['i32', 'i64', 'f64'] as const;
  const names = [...params, ...kinds.flatMap((kind) => locals[kind])];
  const groups = kinds.flatMap((kind) => [...unsigned(locals[kind].length), typeCodes[kind]]);
  const body = [kinds.length, ...groups, ...assemble(code, names)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, ...unsigned(params.length), ...params.map(() => 0x7f), 1, 0x7f]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0x00, ...unsigned(memoryPages)]),
    ...section(7, [2, ...exported('run', 0), ...exported('memory', 2)]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}
