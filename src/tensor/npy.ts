/**
 * Reads NumPy's .npy files: one array of numbers.
 * Source: numpy/lib/format.py (versions 1 to 3).
 */

export interface NumberArray {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const readers: Record<string, { bytes: number; read: (view: DataView, at: number) => number }> = {
  f2: { bytes: 2, read: (view, at) => view.getFloat16(at, true) },
  f4: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  f8: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  i2: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  i4: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  i8: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  u2: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  u4: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  b1: { bytes: 1, read: (view, at) => view.getUint8(at) },
};

/** Throws RangeError, with a clause that says what is wrong. */
export function parseNpy(bytes: Uint8Array): NumberArray {
  if (!magic.every((byte, i) => bytes[i] === byte))
    throw new RangeError('it does not begin as one');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = (bytes[6] ?? 1) >= 2;
  const start = wide ? 12 : 10;
  if (bytes.length < start) throw new RangeError('it is cut short');
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const [, order = '', type = ''] = /'descr':\s*'([<>|=]?)(\w+)'/.exec(header) ?? [];
  const [, sizes] = /'shape':\s*\(([^)]*)\)/.exec(header) ?? [];
  const reader = readers[type];
  if (!reader || order === '>') throw new RangeError(`its dtype '${order}${type}' is not read`);
  if (/'fortran_order':\s*True/.test(header)) throw new RangeError('it is in Fortran order');
  const shape = (sizes ?? '')
    .split(',')
    .flatMap((text) => (text.trim() === '' ? [] : [Number(text)]));
  const count = shape.reduce((product, size) => product * size, 1);
  if (
    sizes === undefined ||
    !Number.isSafeInteger(count) ||
    end + count * reader.bytes > bytes.length
  ) {
    throw new RangeError('it has fewer elements than its shape says');
  }
  const values = Array.from({ length: count }, (_, i) => reader.read(view, end + i * reader.bytes));
  return { shape, values };
}
