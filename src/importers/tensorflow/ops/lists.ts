/** Lists of tensors that loops read and write: TensorArray (TensorFlow 1) and TensorList (2). */

import { listOf } from '../constant.ts';
import type { Emitter } from '../emitter.ts';
import type { Handler, Handlers } from '../evaluate/context.ts';
import type { Operation } from '../evaluate/operation.ts';
import type { Dim, Known, List, Pictures, TfValue } from '../values.ts';
import { dimsOf, known, sizeList, sizesValue } from './arguments.ts';
import { asTensor } from './broadcast.ts';
import { gatherTensor, sourceTensor } from './parts.ts';

function listAt(operation: Operation, inputs: readonly TfValue[], i: number): List {
  const list = inputs[i];
  if (list?.kind === 'list') return list;
  return operation.refuse('it works on a list that is made outside the graph');
}

const made: Handler = (operation, inputs) => {
  // Reserve has the number of elements last, TensorArray has it first.
  const size = inputs.at(operation.op === 'TensorArrayV3' ? 0 : -1);
  const length =
    size?.kind === 'constant' || size?.kind === 'sizes' ? sizeList(size)?.[0] : undefined;
  const list: List = { kind: 'list', length };
  return operation.op === 'TensorArrayV3' ? [list, list] : list;
};

const fromRows =
  (at: number): Handler =>
  (operation, inputs) => {
    const value = inputs[at];
    const rows = value?.kind === 'pictures' ? value : known(operation, inputs, at);
    const [length] = rows.kind === 'pictures' ? rows.dims : dimsOf(rows);
    return { kind: 'list', rows, length };
  };

const readRow =
  (listIndex: number, rowIndex: number): Handler =>
  (operation, inputs, { emitter }) => {
    const { rows } = listAt(operation, inputs, listIndex);
    const at = inputs[rowIndex];
    if (!rows) return operation.refuse('it reads what the loop has written before');
    if (rows.kind === 'pictures') return pictureAt(operation, rows, at);
    return rowAt(operation, emitter, rows, at);
  };

function pictureAt(operation: Operation, rows: Pictures, at: TfValue | undefined): Pictures {
  if (at?.kind === 'counter' && at.offset === 0)
    return { ...rows, dims: rows.dims.slice(1), row: at };
  return operation.refuse(
    'it takes a certain picture of the request',
    'loops over all of them are',
  );
}

function rowAt(
  operation: Operation,
  emitter: Emitter,
  rows: Known,
  at: TfValue | undefined,
): TfValue {
  const tensor = sourceTensor(emitter, rows);
  if (at?.kind === 'counter' && at.mode === 'every' && at.offset === 0)
    return { ...tensor, isEveryRow: true };
  const index = at?.kind === 'counter' ? at.make() : known(operation, [at as TfValue], 0);
  return gatherTensor(emitter, tensor, index, 0);
}

const writeRow =
  (listIndex: number, rowIndex: number, valueIndex: number): Handler =>
  (operation, inputs, { emitter }) => {
    const list = listAt(operation, inputs, listIndex);
    const value = asTensor(emitter, known(operation, inputs, valueIndex));
    const at = inputs[rowIndex];
    const isCounter = at?.kind === 'counter' && at.offset === 0;
    const isOnePlace = at?.kind === 'constant' && list.length === 1 && listOf(at)[0] === 0;
    if (list.loopVariable === undefined || list.written || !(isCounter || isOnePlace)) {
      return operation.refuse(
        'it writes to a place that is not the running number of its loop',
        'loops that make one row a turn are',
      );
    }
    return { ...list, written: { value, at: isCounter ? 'counter' : 'one place' } };
  };

const allRows =
  (listIndex: number): Handler =>
  (operation, inputs) => {
    const { rows } = listAt(operation, inputs, listIndex);
    return rows ?? operation.refuse('it takes rows that no loop has written');
  };

const length =
  (listIndex: number): Handler =>
  (operation, inputs) => {
    const list = listAt(operation, inputs, listIndex);
    const size: Dim | undefined = list.length;
    if (size === undefined) return operation.refuse('how long it is is not known');
    return sizesValue([size], undefined, true);
  };

export const listHandlers: Handlers = {
  TensorListReserve: made,
  TensorArrayV3: made,
  TensorListFromTensor: fromRows(0),
  TensorArrayScatterV3: fromRows(2),
  TensorListGetItem: readRow(0, 1),
  TensorArrayReadV3: readRow(2, 1),
  TensorListSetItem: writeRow(0, 1, 2),
  TensorArrayWriteV3: writeRow(3, 1, 2),
  TensorListStack: allRows(0),
  TensorArrayGatherV3: allRows(2),
  TensorListLength: length(0),
  TensorArraySizeV3: length(1),
};
