/**
 * CRC-32C (Castagnoli) as LevelDB tables and TensorFlow's checkpoints keep it: masked, so that a sum of
 * bytes that hold sums stays sound. Two words of four bytes a step, as a little-endian machine reads them.
 * Source: RFC 3720 appendix B.4; leveldb/util/crc32c.h for the mask.
 */

const polynomial = 0x82f63b78;
const width = 8;

/** Table t, at 256·t: what a byte does to the sum with t bytes after it. */
function makeTables(): Int32Array {
  const all = new Int32Array(width * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1)
      value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    all[byte] = value;
  }
  for (let at = 256; at < all.length; at += 1) {
    const before = all[at - 256] as number;
    all[at] = (before >>> 8) ^ (all[before & 0xff] as number);
  }
  return all;
}

const table = makeTables();

/** The sum of these bytes, or of those before with these after them. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const head = Math.min(-bytes.byteOffset & 3, bytes.length);
  const pairs = (bytes.length - head) >>> 3;
  let crc = addBytes(~before, bytes.subarray(0, head));
  if (pairs > 0)
    crc = addPairs(crc, new Int32Array(bytes.buffer, bytes.byteOffset + head, 2 * pairs));
  return ~addBytes(crc, bytes.subarray(head + 8 * pairs)) >>> 0;
}

function addBytes(sum: number, bytes: Uint8Array): number {
  let crc = sum;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number);
  return crc;
}

function addPairs(sum: number, words: Int32Array): number {
  let crc = sum;
  for (let at = 0; at < words.length; at += 2) {
    const low = crc ^ (words[at] as number);
    const high = words[at + 1] as number;
    crc =
      (table[1792 + (low & 0xff)] as number) ^
      (table[1536 + ((low >>> 8) & 0xff)] as number) ^
      (table[1280 + ((low >>> 16) & 0xff)] as number) ^
      (table[1024 + (low >>> 24)] as number) ^
      (table[768 + (high & 0xff)] as number) ^
      (table[512 + ((high >>> 8) & 0xff)] as number) ^
      (table[256 + ((high >>> 16) & 0xff)] as number) ^
      (table[high >>> 24] as number);
  }
  return crc;
}

/** The stored form of a sum. */
export function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
