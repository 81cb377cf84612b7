/**
 * The Huffman tables of ITU-T T.81, K.3, which frames of Motion JPEG leave out: each as its 16 counts and its
 * symbols, in hexadecimal.
 */

import { type HuffmanTable, makeHuffmanTable } from './huffman-table.ts';

const differences = '000102030405060708090a0b';
const light = `00010501010101010100000000000000${differences}`;
const color = `00030101010101010101010000000000${differences}`;

const lightDetails =
  '0002010303020403050504040000017d' +
  '01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a2526' +
  '2728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485' +
  '868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6' +
  'd7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa';

const colorDetails =
  '00020102040403040705040400010277' +
  '000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f1171819' +
  '1a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a8283' +
  '8485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4' +
  'd5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa';

function tableOf(hexadecimal: string): HuffmanTable {
  const bytes = Buffer.from(hexadecimal, 'hex');
  const symbols = new Uint8Array(256);
  symbols.set(bytes.subarray(16));
  return makeHuffmanTable(bytes.subarray(0, 16), symbols);
}

/** By their numbers, of means and of details. */
export const standardTables = {
  dc: [tableOf(light), tableOf(color)],
  ac: [tableOf(lightDetails), tableOf(colorDetails)],
} as const;
