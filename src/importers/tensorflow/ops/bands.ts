/** Bands of diagonals of matrices: causal masks of attention. */

import { dataType, isFloating } from '../data-types.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Tensor } from '../values.ts';
import { intAt, known } from './arguments.ts';
import { castTo } from './arithmetic.ts';
import { asTensor } from './broadcast.ts';

/** Types besides floating ones that ONNX Runtime has Trilu for. */
const triluTypes = new Set(['int64', 'bool']);

/** Zero below and above a band of each matrix; a negative number of diagonals keeps all of that side. */
const matrixBandPart: Handler = (operation, inputs, { emitter }) => {
  const input = known(operation, inputs, 0);
  const [below, above] = [intAt(operation, inputs, 1), intAt(operation, inputs, 2)];
  const { type } = input;
  const usable = isFloating(type) || triluTypes.has(type.name) ? type : dataType('int64');
  const cut = ({ value, dims }: Tensor, upper: number, diagonal: number): Tensor => {
    const values = [emitter.graph.toSource(value), emitter.ints([diagonal])];
    return emitter.apply('Trilu', values, { type: usable, dims }, { upper });
  };
  let band = asTensor(emitter, castTo(emitter, input, usable));
  if (below >= 0) band = cut(band, 1, -below);
  if (above >= 0) band = cut(band, 0, above);
  return castTo(emitter, band, type);
};

export const bandHandlers: Handlers = { MatrixBandPart: matrixBandPart };
