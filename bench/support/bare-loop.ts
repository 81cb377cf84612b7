/**
 * The reference: a process that does nothing but run the model, batch 1, one thread, on the same input.
 * Protocol over IPC: a number of milliseconds in, the number of runs done in that time out.
 */

import { InferenceSession, Tensor } from 'onnxruntime-node';

const [path = '', shapeText = '[]'] = process.argv.slice(2);
const shape = JSON.parse(shapeText) as number[];
const session = await InferenceSession.create(path, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
});
const [input = ''] = session.inputNames;
const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.random());
const feeds = { [input]: new Tensor('float32', data, shape) };
await session.run(feeds);

process.on('message', async (milliseconds: number) => {
  const until = performance.now() + milliseconds;
  let runs = 0;
  while (performance.now() < until) {
    await session.run(feeds);
    runs += 1;
  }
  process.send?.(runs);
});
process.once('disconnect', () => process.exit());
process.send?.(0);
