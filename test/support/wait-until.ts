/** Waiting for a condition that sends no event, such as a process that is to be gone. */

import { setTimeout } from 'node:timers/promises';

/** Looks again and again until `look` gives something; after `limitMs` it fails and says for what it waited. */
export async function waitUntil<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 20_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await setTimeout(10);
  }
}

/** For what several processes have to do one after the other, also where all cores are busy. */
export const waitPatiently = <T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> => waitUntil(what, look, 90_000);
