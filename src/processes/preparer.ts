/**
 * Entry point of the process that prepares a version: reads its graph and hashes its files, so that the
 * server finds both done. Ends by itself when its standard input closes, as it does when the server is gone.
 */

import { openModelCache } from '../cache/model-cache.ts';
import type { PrepareAnswer, PrepareOrder } from '../repository/read-in-child.ts';
import { readVersion } from '../repository/read-model.ts';

process.title = 'modelship preparer';
process.on('SIGINT', () => {});

async function prepare({ version, file, cache: place }: PrepareOrder): Promise<PrepareAnswer> {
  const { signature, problem } = readVersion({ version, file, folder: '' });
  if (signature && place) {
    const cache = await openModelCache(place.folder, place.maxBytes);
    // The memo of the hashes is what is wanted.
    await cache?.keyOf(signature.files, []).catch(() => {});
  }
  return { file, signature, problem: problem?.toPlain() };
}

let text = '';
process.stdin.setEncoding('utf8');
process.stdin.on('end', () => process.exit(1));
process.stdin.on('data', (piece: string) => {
  const wasWhole = text.includes('\n');
  text += piece;
  if (wasWhole || !text.includes('\n')) return;
  prepare(JSON.parse(text) as PrepareOrder).then(
    (answer) => process.stdout.write(JSON.stringify(answer), () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(String(error));
      process.exit(1);
    },
  );
});
