/** Which components a scan has, which of their coefficients and with which tables. Source: ITU-T T.81, B.2.3. */

import type { Bytes } from '../byte-cursor.ts';
import { CorruptPixels } from '../decode-errors.ts';
import type { Frame } from './frame.ts';
import type { Scan, ScanComponent } from './scan.ts';
import { standardTables } from './standard-tables.ts';
import type { Tables } from './tables.ts';

/** @throws EndOfBytes, CorruptPixels */
export function readScanHeader(
  bytes: Bytes,
  body: number,
  end: number,
  frame: Frame,
  tables: Tables,
): Scan {
  const count = bytes.u8(body);
  if (count < 1 || count > 4 || end - body !== 4 + 2 * count)
    throw new CorruptPixels('a scan has a wrong length');
  const at = body + 1 + 2 * count;
  const bits = bytes.u8(at + 2);
  const scan = {
    first: bytes.u8(at),
    last: bytes.u8(at + 1),
    highBits: bits >> 4,
    lowBits: bits & 15,
  };
  if (frame.isProgressive) checkProgression(scan, count);
  const components = Array.from({ length: count }, (_, i) =>
    readScanComponent(bytes, body + 1 + 2 * i, frame, tables),
  );
  if (new Set(components.map(({ component }) => component)).size < count)
    throw new CorruptPixels('a scan has a component twice');
  checkTables(components, scan, frame);
  return { ...scan, components };
}

function readScanComponent(
  bytes: Bytes,
  at: number,
  { components, transform, isProgressive }: Frame,
  tables: Tables,
): ScanComponent {
  const id = bytes.u8(at);
  const component = components.find((one) => one.id === id);
  if (!component) throw new CorruptPixels(`a scan has component ${id}, which the frame lacks`);
  const quantisation = tables.quantisation[component.quantisationIndex];
  if (!quantisation) throw new CorruptPixels('a quantisation table is missing');
  component.multipliers ??= transform.multipliers(quantisation);
  const both = bytes.u8(at + 1);
  const [dc, ac] = [both >> 4, both & 15];
  // libjpeg-turbo takes the standard's for missing ones, but not in progressive pictures.
  const standard = isProgressive ? undefined : standardTables;
  return {
    component,
    dc: tables.dc[dc] ?? standard?.dc[dc],
    ac: tables.ac[ac] ?? standard?.ac[ac],
    mean: 0,
  };
}

type Progression = Omit<Scan, 'components'>;

function checkProgression({ first, last, highBits, lowBits }: Progression, count: number): void {
  const isSpan = first === 0 ? last === 0 : last >= first && last <= 63 && count === 1;
  const isStep = (highBits === 0 || highBits - 1 === lowBits) && lowBits <= 13;
  if (!isSpan || !isStep) throw new CorruptPixels('a scan has an impossible progression');
}

function checkTables(
  components: readonly ScanComponent[],
  { first, highBits }: Progression,
  { isProgressive }: Frame,
): void {
  const needsDc = !isProgressive || (first === 0 && highBits === 0);
  const needsAc = !isProgressive || first > 0;
  if (components.some(({ dc, ac }) => (needsDc && !dc) || (needsAc && !ac)))
    throw new CorruptPixels('a Huffman table is missing');
  if (needsDc && components.some(({ dc }) => dc?.symbols.some((length) => length > 15)))
    throw new CorruptPixels('a Huffman table has a difference of over 15 bits');
}
