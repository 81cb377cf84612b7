/**
 * Entry point of the command line.
 */

import { enableCompileCache } from 'node:module';
import { cacheFolder, codeFolder } from '../cli/places.ts';

enableCompileCache(codeFolder(cacheFolder(process.env.MODELSHIP_CACHE_DIR)));

const [command] = process.argv.slice(2);
if (command === 'serve' || command === 'predict') {
  const { startEarlyRunner } = await import('../cli/early-runner.ts');
  startEarlyRunner();
}

const { runCommandLine } = await import('../cli/command-line.ts');
await runCommandLine(process.argv.slice(2));
