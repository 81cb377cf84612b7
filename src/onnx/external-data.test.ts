import {
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import { dense, errorOf, temporaryFolder } from './model-file.fixture.ts';
import { readPiece } from './protobuf-writer.ts';
import { readOnnxModel } from './read-model.ts';
import { writeOnnxModel } from './write-model.ts';
import { modelPieces } from './writer.ts';

const externalData = { minBytes: 32, file: 'weights.bin' };

test('initialisers of enough bytes are in the data file, aligned', () => {
  using folder = temporaryFolder();
  const path = folder.file('model.onnx');
  writeOnnxModel(path, dense(), { externalData: { ...externalData, minBytes: 16 } });
  const summary = readOnnxModel(path);
  expect(summary.externalTensors).toEqual([
    { tensor: 'w', location: 'weights.bin', offset: 0, length: 48 },
    { tensor: 'b', location: 'weights.bin', offset: 4096, length: 16 },
  ]);
  expect(summary.initialisers).toEqual({ count: 2, bytes: 64 });
  expect(statSync(folder.file('weights.bin')).size).toBe(4112);
});

test('smaller initialisers stay in the model, and the file has a name of its own', () => {
  using folder = temporaryFolder();
  const path = folder.file('model.onnx');
  writeOnnxModel(path, dense(), { externalData: { minBytes: 32 } });
  expect(readOnnxModel(path).externalTensors).toMatchObject([
    { tensor: 'w', location: 'model.onnx.data' },
  ]);
});

test('a missing data file is named, with the tensor that wants it', () => {
  using folder = temporaryFolder();
  writeOnnxModel(folder.file('model.onnx'), dense(), { externalData });
  unlinkSync(folder.file('weights.bin'));
  const { code, message } = errorOf(() => readOnnxModel(folder.file('model.onnx')));
  expect(code).toBe('MODEL_FILE_INVALID');
  expect(message).toContain("the file 'weights.bin' with the data of tensor 'w' is missing");
});

test('a data file that is too short is named, with what it lacks', () => {
  using folder = temporaryFolder();
  writeOnnxModel(folder.file('model.onnx'), dense(), { externalData });
  truncateSync(folder.file('weights.bin'), 40);
  expect(() => readOnnxModel(folder.file('model.onnx'))).toThrow(
    "the file 'weights.bin' is too short: it has 40 bytes, and tensor 'w' needs bytes 0 to 48",
  );
});

test('data that is a link out of the folder is refused, unless the model is one too', () => {
  using folder = temporaryFolder();
  mkdirSync(folder.file('blobs'));
  mkdirSync(folder.file('snapshot'));
  const move = (name: string) => {
    renameSync(folder.file(`snapshot/${name}`), folder.file(`blobs/${name}`));
    symlinkSync(`../blobs/${name}`, folder.file(`snapshot/${name}`));
  };
  const path = folder.file('snapshot/model.onnx');
  writeOnnxModel(path, dense(), { externalData });
  move('weights.bin');
  expect(() => readOnnxModel(path)).toThrow(
    /is a link to .*blobs.weights.bin, out of the model's folder/,
  );
  move('model.onnx');
  expect(readOnnxModel(path).externalTensors.length).toBe(1);
});

test.each([
  ['/etc/passwd', 'an absolute path, which is refused'],
  ['C:\\weights.bin', 'an absolute path, which is refused'],
  ['../weights.bin', 'a path out of its folder, which is refused'],
  ['a/../../weights.bin', 'a path out of its folder, which is refused'],
  ['a\\..\\weights.bin', 'a path out of its folder, which is refused'],
  ['', 'which names no file'],
  ['a\0b', 'which is not a file name'],
])('the location %j is refused', (file, message) => {
  using folder = temporaryFolder();
  const path = folder.file('model.onnx');
  writeModelThatPointsTo(path, file);
  expect(() => readOnnxModel(path)).toThrow(message);
});

/** A model whose weights are said to be in `location`, without writing that file. */
function writeModelThatPointsTo(path: string, location: string): void {
  const pieces = modelPieces(dense(), {}, () => new Map([['location', location]]));
  writeFileSync(path, Buffer.concat(pieces.flatMap((piece) => [...readPiece(piece)])));
}
