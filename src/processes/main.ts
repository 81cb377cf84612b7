/**
 * Entry point of the command line.
 */

import { enableCompileCache } from 'node:module';
import { cacheFolder, codeFolder, makeFolders } from '../cli/places.ts';

const code = codeFolder(cacheFolder(process.env.MODELSHIP_CACHE_DIR));
// Node makes the folder with a mkdir that never ends where every new name is refused, as below /proc.
if (makeFolders(code)) enableCompileCache(code);

const [command] = process.argv.slice(2);
if (command === 'serve' || command === 'predict') {
  const { startEarlyRunner } = await import('../cli/early-runner.ts');
  startEarlyRunner();
}

const { runCommandLine } = await import('../cli/command-line.ts');
await runCommandLine(process.argv.slice(2));
