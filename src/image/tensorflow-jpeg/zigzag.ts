/**
 * Position in the block, row by row, of each coefficient of the zigzag order (ITU-T T.81, figure 5). A damaged
 * run may point up to 16 behind the last, where libjpeg writes the last coefficient.
 */
export const zigzag = new Uint8Array(80).fill(63);

let at = 0;
for (let diagonal = 0; diagonal < 15; diagonal++) {
  const first = Math.max(0, diagonal - 7);
  const last = Math.min(7, diagonal);
  for (let i = first; i <= last; i++) {
    const row = diagonal % 2 === 0 ? diagonal - i : i;
    zigzag[at++] = row * 8 + diagonal - row;
  }
}
