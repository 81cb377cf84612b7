/**
 * Entry point of the command line. Compiled code is kept between starts, which saves a third of them.
 */

import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const { MODELSHIP_CACHE_DIR, XDG_CACHE_HOME } = process.env;
enableCompileCache(
  join(
    MODELSHIP_CACHE_DIR || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'modelship'),
    'code',
  ),
);

const { runCommandLine } = await import('../cli/command-line.ts');
await runCommandLine(process.argv.slice(2));
