import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../test/models/random.ts';
import { ServingError } from '../../errors.ts';
import type { DType } from '../../tensor/dtype.ts';
import { dtypes, sizeOfDType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { packBytes, unpackBytes } from '../../tensor/tensor.ts';
import { packVarints } from '../protobuf/repeated-numbers.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { runNow } from '../steps.ts';
import { dataTypeOf, dtypeOfNumber } from './data-types.ts';
import { encodeTensorProto, writeShape } from './encode-tensor-proto.ts';
import { decodeTensorProto } from './tensor-proto.ts';
import { createTensorRoom } from './tensor-room.ts';

const mebibyte = 2 ** 20;
const decode = (message: Uint8Array, limit = mebibyte) =>
  runNow(decodeTensorProto(message, 'x', createTensorRoom(limit)));

/** The beginning of a TensorProto: the values follow. */
const head = (dataType: number, shape: readonly number[]): WireWriter =>
  new WireWriter().int(1, dataType).message(2, writeShape(shape));

const floats = ({ data }: Tensor): number[] => [...new Float32Array(new Uint8Array(data).buffer)];
const texts = ({ data }: Tensor): string[] =>
  unpackBytes(data).map((element) => Buffer.from(element).toString());

test('sixty bytes do not become millions of strings', () => {
  const message = head(7, [10_000_000]).bytes(8, Buffer.alloc(0)).finish();
  expect(() => decode(message, 2 ** 32)).toThrow(/more than 1000000 elements/);
});

test('every dtype has a number, and a number its dtype', () => {
  for (const dtype of dtypes) expect(dtypeOfNumber(dataTypeOf(dtype).number)).toBe(dtype);
});

describe('a tensor comes back as it was sent,', () => {
  const random = createRandom(4);
  const shape = [3, 2, 5];

  function tensorOf(dtype: DType): Tensor {
    if (dtype === 'BYTES') {
      const elements = Array.from({ length: 30 }, (_, i) => Buffer.alloc(i % 4, i));
      return { dtype, shape, data: packBytes(elements) };
    }
    const data = Uint8Array.from({ length: 30 * sizeOfDType(dtype) }, () =>
      dtype === 'BOOL' ? random() * 2 : random() * 256,
    );
    return { dtype, shape, data };
  }

  test.each(dtypes)('%s in typed fields', (dtype) => {
    const tensor = tensorOf(dtype);
    expect(decode(encodeTensorProto(tensor).finish())).toEqual({
      name: 'x',
      ...tensor,
      data: expect.toSatisfy((data: Uint8Array) => Buffer.from(data).equals(tensor.data)),
    });
  });

  test.each(dtypes.filter((dtype) => dtype !== 'BYTES'))(
    '%s in tensor_content, as a view',
    (dtype) => {
      const { data } = tensorOf(dtype);
      const message = head(dataTypeOf(dtype).number, shape).bytes(4, data).finish();
      const decoded = decode(message, 0);
      expect(Buffer.from(decoded.data).equals(data)).toBe(true);
      expect(decoded.data.buffer).toBe(message.buffer);
    },
  );

  test('wherever its bytes lie in memory', () => {
    const data = Buffer.from([9, 1, 2, 3, 4, 5, 6, 7, 8]).subarray(1);
    const tensor: Tensor = { dtype: 'INT64', shape: [1], data };
    expect([...decode(encodeTensorProto(tensor).finish()).data]).toEqual([...data]);
  });

  test('of no elements, and of none at all', () => {
    expect(
      decode(encodeTensorProto({ dtype: 'FP32', shape: [0, 3], data: new Uint8Array(0) }).finish()),
    ).toMatchObject({
      shape: [0, 3],
      data: new Uint8Array(0),
    });
    const scalar = decode(head(1, []).float(5, 1.5).finish());
    expect([scalar.shape, floats(scalar)]).toEqual([[], [1.5]]);
  });
});

describe('values that are not as many as the shape says:', () => {
  test('the last is repeated, as tf.make_tensor_proto counts on', () => {
    expect(floats(decode(head(1, [5]).float(5, 1).float(5, 2.5).finish()))).toEqual([
      1, 2.5, 2.5, 2.5, 2.5,
    ]);
    expect([...decode(head(4, [4]).int(7, 7).int(7, 200).finish()).data]).toEqual([
      7, 200, 200, 200,
    ]);
    expect([...decode(head(10, [3]).bool(11, true).finish()).data]).toEqual([1, 1, 1]);
    expect(texts(decode(head(7, [3]).string(8, 'a').string(8, 'bc').finish()))).toEqual([
      'a',
      'bc',
      'bc',
    ]);
    const wide = decode(
      head(9, [3])
        .int(10, -(2n ** 60n))
        .finish(),
    );
    expect([...new BigInt64Array(wide.data.buffer)]).toEqual(new Array(3).fill(-(2n ** 60n)));
  });

  test.each([1, 2, 3, 7, 64, 1000])('a double is repeated %d times in whole', (count) => {
    const { data } = decode(
      head(2, [count])
        .bytes(6, new Uint8Array(Float64Array.of(Math.PI).buffer))
        .finish(),
    );
    expect([...new Float64Array(new Uint8Array(data).buffer)]).toEqual(
      new Array(count).fill(Math.PI),
    );
  });

  test('without any there are zeros, or empty texts', () => {
    expect(floats(decode(head(1, [2]).finish()))).toEqual([0, 0]);
    expect([...decode(head(6, [2]).finish()).data]).toEqual([0, 0]);
    expect(texts(decode(head(7, [2]).finish()))).toEqual(['', '']);
  });

  test('those that are too many are passed over', () => {
    expect(floats(decode(head(1, [1]).float(5, 1).float(5, 2).finish()))).toEqual([1]);
    expect([
      ...decode(
        head(3, [])
          .bytes(7, packVarints(Int32Array.of(5, 6)))
          .finish(),
      ).data,
    ]).toEqual([5, 0, 0, 0]);
    expect(texts(decode(head(7, [1]).string(8, 'a').string(8, 'b').finish()))).toEqual(['a']);
  });

  test('values of another type are not looked at', () => {
    expect(floats(decode(head(1, [1]).int(7, 5).float(5, 2).finish()))).toEqual([2]);
  });
});

test('halves are bits in an int32, of bfloat16 too', () => {
  const bits = packVarints(Int32Array.of(0x3c00, 0x8000));
  for (const [number, dtype] of [
    [19, 'FP16'],
    [14, 'BF16'],
  ] as const) {
    expect(decode(head(number, [2]).bytes(13, bits).finish())).toMatchObject({
      dtype,
      data: Uint8Array.of(0, 0x3c, 0, 0x80),
    });
  }
});

test('a few bytes make no more memory than there is room for, all inputs together', () => {
  const bomb = head(1, [30_000, 30_000]).float(5, 1).finish();
  expect(bomb.length).toBeLessThan(30);
  expect(() => decode(bomb)).toThrow(expect.objectContaining({ code: 'TENSOR_TOO_LARGE' }));
  for (const type of [2, 3, 9, 10, 19, 22])
    expect(() => decode(head(type, [2 ** 31, 2]).finish())).toThrow('stands for');
  const room = createTensorRoom(100);
  const twenty = head(1, [20]).finish();
  runNow(decodeTensorProto(twenty, 'a', room));
  expect(() => runNow(decodeTensorProto(twenty, 'b', room))).toThrow(
    "Input 'b' stands for 80 more bytes",
  );
});

describe('refused:', () => {
  test.each<[string, WireWriter]>([
    ['it is DT_INVALID', new WireWriter()],
    ['it is DT_COMPLEX64', head(8, [1])],
    ['it is data type 99', head(99, [1])],
    ['its shape has the dimension -1', head(1, [-1])],
    ['its shape has the dimension 4294967296', head(1, [2 ** 32])],
    [
      'its shape has an unknown rank',
      new WireWriter().int(1, 1).message(2, new WireWriter().bool(3, true)),
    ],
    ['its shape has more than 32 dimensions', head(1, new Array(33).fill(1))],
    [
      'its shape [4294967295, 4294967295] has too many elements',
      head(1, [2 ** 32 - 1, 2 ** 32 - 1]),
    ],
    ['its tensor_content has 3 bytes; FP32 [1] takes 4', head(1, [1]).bytes(4, new Uint8Array(3))],
    ['DT_STRING has its values in string_val', head(7, [1]).bytes(4, new Uint8Array(3))],
  ])('%s', (problem, message) => {
    expect(() => decode(message.finish())).toThrow(
      expect.objectContaining({
        code: 'INPUT_DATA_INVALID',
        message: expect.stringContaining(problem),
      }),
    );
  });

  test('a shape with a zero and an overflow is one of no elements', () => {
    expect(decode(head(1, [0, 2 ** 32 - 1]).finish()).data.length).toBe(0);
  });
});

test('mutated messages are read or refused, and nothing else', () => {
  const random = createRandom(9);
  const good = dtypes.map((dtype) =>
    head(dataTypeOf(dtype).number, [2, 3])
      .int(7, 3)
      .bytes(5, new Uint8Array(24))
      .string(8, 'text')
      .int(10, 1)
      .finish(),
  );
  let refused = 0;
  for (let i = 0; i < 5000; i += 1) {
    const bytes = Buffer.from(good[i % good.length] as Buffer);
    for (let j = 0; j < 3; j += 1)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      const { dtype, shape, data } = decode(bytes);
      const count = shape.reduce((a, b) => a * b, 1);
      if (dtype !== 'BYTES') expect(data.length).toBe(count * sizeOfDType(dtype));
      else expect(unpackBytes(data)).toHaveLength(count);
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});
