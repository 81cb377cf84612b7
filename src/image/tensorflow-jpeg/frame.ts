/** The frame of a JPEG: its components and the memory of their samples. Source: ITU-T T.81, B.2.2. */

import type { Bytes } from '../byte-cursor.ts';
import { CorruptPixels } from '../decode-errors.ts';
import { accurateTransform } from './accurate-idct.ts';
import { fastTransform } from './fast-idct.ts';
import type { Transform } from './transform.ts';

export interface Component {
  readonly id: number;
  /** Sampling factors. */
  readonly across: number;
  readonly down: number;
  readonly quantisationIndex: number;
  /** In samples, without the padding to whole blocks. */
  readonly width: number;
  readonly height: number;
  /** The blocks that a scan of this component alone has. */
  readonly blocksWide: number;
  readonly blocksHigh: number;
  /** A row of the plane: whole MCUs of a scan of all components. */
  readonly stride: number;
  readonly plane: Uint8ClampedArray<ArrayBuffer>;
  /** Of a progressive picture: its blocks, row by row as in the plane. */
  readonly coefficients: Int16Array;
  /** By zigzag position: how many low bits are still missing; -1 before the first scan. */
  readonly missingBits: Int8Array;
  /** Those of the first scan that has the component. */
  multipliers: Int16Array | undefined;
}

/** What TensorFlow's `decode_jpeg` is told. */
export interface JpegMethods {
  /** `dct_method` INTEGER_ACCURATE; its default is INTEGER_FAST. */
  readonly isAccurate: boolean;
  /** `fancy_upscaling`. */
  readonly isFancy: boolean;
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly isProgressive: boolean;
  readonly transform: Transform;
  /** Whether halved components get a filter when they are brought to full size. */
  readonly isFancy: boolean;
  /** Largest sampling factors. */
  readonly across: number;
  readonly down: number;
  readonly mcusWide: number;
  readonly mcusHigh: number;
  readonly components: readonly Component[];
}

type Factors = Pick<Component, 'id' | 'across' | 'down' | 'quantisationIndex'>;

/**
 * @param at behind the segment's length; the size was checked against the limit of pixels before
 * @throws EndOfBytes, CorruptPixels
 */
export function readFrame(
  bytes: Bytes,
  at: number,
  isProgressive: boolean,
  { isAccurate, isFancy }: JpegMethods,
): Frame {
  const height = bytes.u16(at + 1);
  const width = bytes.u16(at + 3);
  const count = bytes.u8(at + 5);
  if (width === 0 || height === 0) throw new CorruptPixels('its frame is empty');
  if (bytes.u16(at - 2) !== 8 + 3 * count) throw new CorruptPixels('its frame has a wrong length');
  const factors = Array.from({ length: count }, (_, i) => readFactors(bytes, at + 6 + 3 * i));
  const across = Math.max(...factors.map((one) => one.across));
  const down = Math.max(...factors.map((one) => one.down));
  const mcusWide = Math.ceil(width / (8 * across));
  const mcusHigh = Math.ceil(height / (8 * down));
  const frame = {
    width,
    height,
    isProgressive,
    transform: isAccurate ? accurateTransform : fastTransform,
    isFancy,
    across,
    down,
    mcusWide,
    mcusHigh,
  };
  return { ...frame, components: factors.map((one) => makeComponent(one, frame)) };
}

function readFactors(bytes: Bytes, at: number): Factors {
  const both = bytes.u8(at + 1);
  const across = both >> 4;
  const down = both & 15;
  if (across < 1 || across > 4 || down < 1 || down > 4)
    throw new CorruptPixels(`a component has sampling factors of ${across}×${down}`);
  return { id: bytes.u8(at), across, down, quantisationIndex: bytes.u8(at + 2) };
}

function makeComponent(factors: Factors, frame: Omit<Frame, 'components'>): Component {
  const { across, down } = factors;
  if (frame.across % across !== 0 || frame.down % down !== 0)
    throw new CorruptPixels('its components are sampled in fractions of each other');
  const width = Math.ceil((frame.width * across) / frame.across);
  const height = Math.ceil((frame.height * down) / frame.down);
  const stride = frame.mcusWide * across * 8;
  const samples = stride * frame.mcusHigh * down * 8;
  return {
    ...factors,
    width,
    height,
    blocksWide: Math.ceil(width / 8),
    blocksHigh: Math.ceil(height / 8),
    stride,
    plane: new Uint8ClampedArray(samples),
    coefficients: new Int16Array(frame.isProgressive ? samples : 64),
    missingBits: new Int8Array(64).fill(-1),
    multipliers: undefined,
  };
}
