/**
 * Makes values of the ONNX graph from what the evaluation knows: constants become initialisers (each
 * once, turned where the layout wants it), sizes become numbers computed at run time.
 *
 * Owns: the step from known to computed. Does not own: layouts (../import-graph.ts), operators (ops/).
 */

import { createHash } from 'node:crypto';
import type { ElementType } from '../../onnx/element-type.ts';
import type { Attributes } from '../../onnx/graph-data.ts';
import type { Layout, Size, Value } from '../import-graph.ts';
import { type ImportGraph, toFirst } from '../import-graph.ts';
import { permuteInParts } from '../permute.ts';
import type { Constant } from './constant.ts';
import { countOf, doublesOf, reshapeConstant } from './constant.ts';
import type { DataType } from './data-types.ts';
import { dataType } from './data-types.ts';
import { permuteNumbers } from './permute.ts';
import type { Dim, Known, OpenSize, Tensor } from './values.ts';

export interface MadeTensor {
  readonly type: DataType;
  /** null: open, and told by the result itself. */
  readonly dims: readonly (Dim | null)[];
  readonly layout?: Layout;
}

export class Emitter {
  readonly graph: ImportGraph;
  /** An input whose first axis is the batch, if there is one. */
  batchOf: string | undefined;
  /** Initialisers are shared with the graphs of loops inside this one. */
  readonly #initialisers: Map<string, Value>;
  /** The outermost graph. */
  readonly root: ImportGraph;
  readonly #ids: WeakMap<Constant, number>;

  constructor(graph: ImportGraph, outer?: Emitter) {
    this.graph = graph;
    this.root = outer ? outer.root : graph;
    this.batchOf = outer?.batchOf;
    this.#initialisers = outer ? outer.#initialisers : new Map();
    this.#ids = outer ? outer.#ids : new WeakMap();
  }

  /** A node of one output. `made.dims` is in the source's order of axes. */
  apply(
    op: string,
    inputs: readonly (Value | string)[],
    made: MadeTensor,
    attributes: Attributes = {},
  ): Tensor {
    const { type, dims, layout = 'source' } = made;
    const shape: Size[] = dims.map((dim) => (typeof dim === 'number' ? dim : null));
    const dtype = elementOf(type);
    return this.tensor(
      this.graph.apply(op, inputs, { dtype, shape, layout }, attributes),
      type,
      dims,
    );
  }

  /** The value as a tensor; open sizes without a name get their own. */
  tensor(value: Value, type: DataType, dims: readonly (Dim | null)[]): Tensor {
    const named = dims.map((dim, axis) => dim ?? openSizeOf(value, axis));
    return { kind: 'tensor', type, value, dims: named };
  }

  /** Any known value as a value of the graph, in the layout that it has. */
  use(known: Known): Value {
    if (known.kind === 'tensor') return known.value;
    if (known.kind === 'constant') return this.initialiser(known);
    return this.sizes(known.dims, known.type, known.isScalar);
  }

  /** In the source's order of axes. */
  useSource(known: Known): Value {
    return this.graph.toSource(this.use(known));
  }

  useChannelsFirst(known: Known): Value {
    if (known.kind !== 'constant') return this.graph.toChannelsFirst(this.use(known));
    const rank = known.shape.length;
    if (rank < 3) return this.initialiser(known);
    return { ...this.permuted(known, toFirst(rank)), shape: known.shape, layout: 'channels-first' };
  }

  /** A constant with its axes in another order, as an initialiser. */
  permuted(constant: Constant, order: readonly number[], reshaped?: readonly number[]): Value {
    const key = `${this.#idOf(constant)} ${order.join()} ${reshaped?.join() ?? ''}`;
    return this.#once(key, () => {
      const shape = order.map((axis) => constant.shape[axis] ?? 1);
      return this.#initialiser(constant, reshaped ?? shape, () => permuted(constant, order));
    });
  }

  initialiser(constant: Constant): Value {
    return this.#once(`${this.#idOf(constant)}`, () =>
      this.#initialiser(constant, constant.shape, () => [constant.read()]),
    );
  }

  /** Float constants of the importer's own. */
  floats(values: number | readonly number[], type: DataType = dataType('float')): Value {
    const list = typeof values === 'number' ? [values] : values;
    const shape = typeof values === 'number' ? [] : [list.length];
    return this.#once(`${type.name} ${typeof values} ${list.join()}`, () => {
      const data = type.name === 'double' ? Float64Array.from(list) : Float32Array.from(list);
      return this.root.constant('value', { dtype: elementOf(type), shape, data });
    });
  }

  /** 1-D INT64, as shapes, axes and pads are given. */
  ints(values: readonly number[]): Value {
    return this.#once(`ints ${values.join()}`, () => this.root.ints(values));
  }

  /** Sizes as a value: of that type, 1-D or a scalar. */
  sizes(dims: readonly Dim[], type: DataType = dataType('int64'), isScalar = false): Value {
    const parts = dims.map((dim) => (typeof dim === 'number' ? this.ints([dim]) : dim.make(this)));
    const shape = [dims.length];
    const [only] = parts;
    const list =
      parts.length === 1 && only
        ? only
        : this.graph.apply('Concat', parts, { dtype: 'INT64', shape }, { axis: 0 });
    const cast = this.graph.cast(list, elementOf(type));
    if (!isScalar) return cast;
    return this.graph.apply('Squeeze', [cast, this.ints([0])], { dtype: cast.dtype, shape: [] });
  }

  #initialiser(
    constant: Constant,
    shape: readonly number[],
    read: () => Iterable<ArrayBufferView>,
  ): Value {
    const { type, texts, place } = constant;
    const dtype = elementOf(type);
    const wish = nameOf(place);
    if (texts) {
      const data = texts.map((text) => Buffer.from(text).toString('utf8'));
      return this.root.constant(wish, { dtype, shape, data });
    }
    const byteLength = countOf(shape) * (dtype === 'FP32' ? 4 : type.bytes);
    const data = {
      byteLength,
      *pieces() {
        for (const { buffer, byteOffset, byteLength: length } of read()) {
          yield new Uint8Array(buffer as ArrayBuffer, byteOffset, length);
        }
      },
    };
    const name = this.root.graph.initialiser(wish, dtype, shape, data);
    return { name, dtype, shape, layout: 'source' };
  }

  #once(key: string, make: () => Value): Value {
    const known = this.#initialisers.get(key);
    if (known) return known;
    const value = make();
    this.#initialisers.set(key, value);
    return value;
  }

  #idOf(constant: Constant): string {
    const known = this.#ids.get(constant);
    if (known !== undefined) return `#${known}`;
    const content = contentKey(constant);
    if (content !== undefined) return content;
    nextId += 1;
    this.#ids.set(constant, nextId);
    return `#${nextId}`;
  }
}

let nextId = 0;

const hashedElements = 65_536;

/** Constants of some size are the same when their elements are; larger ones when they are one object. */
function contentKey(constant: Constant): string | undefined {
  const { type, shape, texts } = constant;
  const count = countOf(shape);
  if (texts || count > hashedElements) return undefined;
  const head = `${type.name} [${shape.join()}]`;
  if (count <= 16) return `${head} ${doublesOf(constant).join()}`;
  const { buffer, byteOffset, byteLength } = constant.read();
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return `${head} ${createHash('sha1').update(bytes).digest('hex')}`;
}

/** How values of that type are computed. Throws TypeError for types that never are. */
export function elementOf(type: DataType): ElementType {
  if (!type.element) throw new TypeError(`${type.name} is not computed`);
  return type.element;
}

/** `variable "dense/kernel"` → `dense/kernel`. */
const nameOf = (place: string): string =>
  /"(.+)"|'(.+)'/.exec(place)?.slice(1).find(Boolean) ?? place;

function permuted(constant: Constant, order: readonly number[]): Iterable<ArrayBufferView> {
  const numbers = constant.read();
  return numbers instanceof Float32Array
    ? permuteInParts(numbers, constant.shape, order)
    : [permuteNumbers(numbers, constant.shape, order)];
}

/** The size of an axis of a value, told by the value itself. */
export function openSizeOf(value: Value, axis: number): OpenSize {
  return {
    key: `${value.name}/${axis}`,
    make: (emitter) => {
      const at = emitter.graph.memoryAxis(value, axis);
      return emitter.graph.apply(
        'Shape',
        [value],
        { dtype: 'INT64', shape: [1] },
        { start: at, end: at + 1 },
      );
    },
  };
}

/** Ranks below are filled up with ones in front. */
export function widen(constant: Constant, rank: number): Constant {
  const missing = rank - constant.shape.length;
  if (missing <= 0) return constant;
  return reshapeConstant(constant, [...new Array<number>(missing).fill(1), ...constant.shape]);
}
