/** Numbers as JSON texts: ordinary ones, and those that are hard to read. */

type Random = () => number;

const below = (random: Random, end: number): number => Math.floor(random() * end);
const digits = (random: Random, count: number): string =>
  Array.from({ length: count }, () => below(random, 10)).join('');

const float64 = new Float64Array(1);
const bits = new Uint32Array(float64.buffer);

/** A double of any bits that is finite. */
export function anyDouble(random: Random): number {
  do {
    bits[0] = random() * 2 ** 32;
    bits[1] = random() * 2 ** 32;
  } while (!Number.isFinite(float64[0]));
  return float64[0] as number;
}

/** The decimal that lies exactly in the middle between a double of at most 53 bits · 2^-60 and the next. */
function exactMiddle(random: Random): string {
  const mantissa = (1n << 52n) + BigInt(below(random, 2 ** 52));
  const shift = BigInt(below(random, 60));
  const twice = 2n * mantissa + 1n;
  const scaled = twice * 5n ** (shift + 1n);
  const text = scaled.toString().padStart(Number(shift) + 2, '0');
  return `${text.slice(0, -(Number(shift) + 1))}.${text.slice(-(Number(shift) + 1))}`;
}

const kinds: ((random: Random) => string)[] = [
  (random) => String(anyDouble(random)),
  (random) => String(Math.fround(random() * 2 - 1)),
  (random) => String(random()),
  (random) => (random() * 1000).toFixed(below(random, 10)),
  (random) => String(below(random, 256)),
  (random) => String(below(random, 2 ** 53)),
  (random) => `${1 + below(random, 9)}${digits(random, below(random, 25))}`,
  (random) => `0.${digits(random, 1 + below(random, 30))}`,
  (random) =>
    `${below(random, 10)}.${digits(random, 1 + below(random, 20))}e${below(random, 60) - 30}`,
  (random) => `${1 + below(random, 9)}${digits(random, below(random, 20))}E+${below(random, 320)}`,
  (random) => `${1 + below(random, 9)}${digits(random, below(random, 20))}e-${below(random, 360)}`,
  (random) => `0.${'0'.repeat(below(random, 40))}${digits(random, 17)}`,
  (random) => anyDouble(random).toExponential(16),
  (random) => anyDouble(random).toPrecision(21),
  exactMiddle,
  (random) => `${exactMiddle(random)}${'0'.repeat(below(random, 900))}1`,
  (random) => exactMiddle(random).replace(/.$/, '4'),
  (random) => `${digits(random, 3) || '0'}`.replace(/^0+(?=\d)/, ''),
];

export function anyNumberText(random: Random): string {
  const kind = kinds[below(random, kinds.length)] as (random: Random) => string;
  const text = kind(random);
  return text.startsWith('-') || random() < 0.7 ? text : `-${text}`;
}

/** Those that readers are known to have got wrong, and the ends of the range. */
export const hardNumberTexts: readonly string[] = [
  ...[
    '0',
    '-0',
    '-0.0',
    '0e0',
    '0E-999',
    '0.000',
    '-0.0e5',
    '1',
    '-1',
    '10',
    '1e0',
    '1E+0',
    '1e-0',
  ],
  ...['2.2250738585072011e-308', '2.2250738585072012e-308', '2.2250738585072014e-308'],
  ...['4.9e-324', '4.94065645841246544e-324', '2.4703282292062327e-324', '2.4703282292062328e-324'],
  ...['1.7976931348623157e308', '1.7976931348623158e308', '179769313486231570000e289'],
  ...['9007199254740991', '9007199254740992', '9007199254740993', '9007199254740993.0'],
  ...['9007199254740992.5', '9007199254740993.00000000000000000001', '90071992547409930e-1'],
  ...['1e22', '1e23', '8.41e21', '9.5e-23', '123456789012345678', '1234567890123456789012'],
  ...['999999999999999', '9999999999999999', '99999999999999999', '999999999999999999999999'],
  ...[
    '6.8985865317742005e166',
    '7.2057594037927933e16',
    '8.5e22',
    '5e-324',
    '1e-400',
    '1e-99999999',
  ],
  ...['1.00000000000000011102230246251565404236316680908203125'],
  ...['1.00000000000000011102230246251565404236316680908203124'],
  ...['1.00000000000000011102230246251565404236316680908203126'],
  `0.${'0'.repeat(400)}1e401`,
  `1${'0'.repeat(300)}e-300`,
  `0.${'9'.repeat(1000)}`,
  `1.${'0'.repeat(1000)}1e5`,
  `1.00000000000000011102230246251565404236316680908203125${'0'.repeat(2000)}1`,
  ...['0.1', '0.2', '0.3', '123.456', '3.4028234663852886e38', '1.17549435e-38', '1e-45'],
];
