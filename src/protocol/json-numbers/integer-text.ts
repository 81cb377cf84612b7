/** More digits than any 64-bit integer has. */
const tooLong = 25;

/** The integer that a JSON number is, exactly (12e3 and 1.50e2 are some); undefined when it is none or has too many digits. */
export function parseInteger(text: string): bigint | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const digits = (whole + fraction).replace(/^0+/, '').replace(/0+$/, '');
  if (digits === '') return 0n;
  const zerosCut = (whole + fraction).length - (whole + fraction).replace(/0+$/, '').length;
  const power = Number(exponent) - fraction.length + zerosCut;
  if (power < 0 || digits.length + power > tooLong) return undefined;
  const value = BigInt(digits + '0'.repeat(power));
  return sign === '-' ? -value : value;
}
