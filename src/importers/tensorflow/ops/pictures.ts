/**
 * Encoded pictures: what a graph does to them before they are pixels is the server's part. The graph that
 * is left takes the pixels as bytes, so all arithmetic on them stays as TensorFlow has it.
 */

import type { PictureDecoder } from '../../../config/picture-spec.ts';
import type { Conversion, Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Pictures, Tensor, TfValue } from '../values.ts';
import { nothing } from '../values.ts';
import { gatherTensor } from './parts.ts';
import { squeezeTensor } from './shapes.ts';

const picturesAt = (operation: Operation, inputs: readonly TfValue[], i: number): Pictures => {
  const value = inputs[i];
  if (value?.kind === 'pictures') return value;
  return operation.refuse('what it decodes is no input of the signature');
};

function channelsOf(operation: Operation): 1 | 3 {
  const channels = operation.int('channels', 0);
  if (channels === 1 || channels === 3) return channels;
  // 0 means "as many as the file has", and most have three.
  return channels === 0
    ? 3
    : operation.refuse(`pictures of ${channels} channels are not supported`, '1 and 3 are');
}

/** Only `decode_jpeg` has these attributes; where another one is given a JPEG it takes their defaults. */
function decoderOf(operation: Operation): PictureDecoder {
  const method = operation.text('dct_method', '');
  const isFancy = operation.bool('fancy_upscaling', true);
  if (method === 'INTEGER_ACCURATE')
    return isFancy ? 'tensorflow-accurate' : 'tensorflow-accurate-plain';
  if (method !== '' && method !== 'INTEGER_FAST')
    return operation.refuse(
      `its dct_method ${method} is not known`,
      'INTEGER_FAST and INTEGER_ACCURATE are',
    );
  return isFancy ? 'tensorflow' : 'tensorflow-plain';
}

/** Damaged pictures that TensorFlow would take: a request with one is refused, which changes no answer. */
function noteLeniency(operation: Operation, { findings }: Conversion): void {
  const { place } = operation;
  const note = (what: string): void => void findings.push({ kind: 'note', place, what });
  if (operation.bool('try_recover_truncated', false))
    note(
      'says to make up what a cut picture lacks (try_recover_truncated); such pictures are refused',
    );
  if (operation.float('acceptable_fraction', 1) < 1)
    note('says to accept a part of a picture (acceptable_fraction); such pictures are refused');
  if (operation.int('channels', 0) === 0) note('takes every picture as RGB');
}

/** One picture of the request: all at once where its loop allows that, else the loop's. */
const decode: Handler = (operation, inputs, { emitter, conversion }) => {
  const { source, dims, row } = picturesAt(operation, inputs, 0);
  if (dims.length > 0) return operation.refuse('it decodes a list of pictures', 'one at a time is');
  const ratio = operation.int('ratio', 1);
  if (ratio !== 1)
    return operation.refuse(`a picture of 1/${ratio} of its size is not supported`, 'ratio=1 is');
  if (operation.type(operation.op === 'DecodePng' ? 'dtype' : 'T', 'uint8').name !== 'uint8') {
    return operation.refuse('pictures of other than bytes are not supported');
  }
  noteLeniency(operation, conversion);
  const decoding = { channels: channelsOf(operation), decoder: decoderOf(operation) };
  const pixels: Tensor = source.pixels(operation, decoding);
  if (!row) return squeezeTensor(emitter, pixels, [0]);
  if (row.mode === 'every') return { ...pixels, isEveryRow: true };
  return gatherTensor(emitter, pixels, row.make(), 0);
};

/** Picks the picture's feature out of the examples; the others are not taken. */
const parseExample =
  (firstDense: (operation: Operation) => number): Handler =>
  (operation, inputs) => {
    const examples = inputs[0];
    if (examples?.kind !== 'pictures') {
      return operation.refuse('what it parses is no input of the signature');
    }
    const keys = denseKeys(operation, inputs);
    const outputs: TfValue[] = new Array<TfValue>(firstDense(operation)).fill(nothing);
    const types = operation.attribute('Tdense')?.types ?? [];
    const features = keys.map(
      (key, i): TfValue => (types[i]?.name === 'string' ? featureOf(examples, key) : nothing),
    );
    return [...outputs, ...features];
  };

/** The same texts, of which the feature is the picture from here on. */
function featureOf(examples: Pictures, key: string): Pictures {
  const { source } = examples;
  return {
    ...examples,
    source: {
      ...source,
      pixels: (operation, decoding) => {
        source.takeFeature(key);
        return source.pixels(operation, decoding);
      },
    },
  };
}

const texts = (value: TfValue | undefined): string[] =>
  value?.kind === 'constant' && value.texts
    ? value.texts.map((text) => Buffer.from(text).toString())
    : [];

/** Version 1 has an input for each key, version 2 one list of keys. */
function denseKeys(operation: Operation, inputs: readonly TfValue[]): string[] {
  if (operation.op === 'ParseExampleV2') return texts(inputs[3]);
  const sparse = operation.int('Nsparse', 0);
  return Array.from(
    { length: operation.int('Ndense', 0) },
    (_, i) => texts(inputs[2 + sparse + i])[0] ?? '',
  );
}

/** [n, 1] and [n] hold the same pictures. */
const flatten: Handler = (operation, inputs) => {
  const pictures = picturesAt(operation, inputs, 0);
  return { ...pictures, dims: pictures.dims.slice(0, 1) };
};

export const pictureHandlers: Handlers = {
  DecodeJpeg: decode,
  DecodePng: decode,
  DecodeBmp: decode,
  DecodeImage: decode,
  ParseExample: parseExample((operation) => 3 * operation.int('Nsparse', 0)),
  ParseExampleV2: parseExample((operation) => 3 * operation.int('num_sparse', 0)),
};

/** Operators that change nothing of pictures but their shape. */
export const pictureShapeHandlers: Handlers = { Reshape: flatten, Squeeze: flatten };
