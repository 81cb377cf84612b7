/** A real Chromium, started as docs and CI do it (TESTING.md). */

import { type Browser, chromium } from 'playwright-core';
import { requirePart } from './parts.ts';

export const chromiumPath = requirePart(
  'chromium',
  process.env.CHROMIUM ?? '/usr/bin/chromium',
  'apt-get install chromium',
);

/** Every launch has a profile folder of its own, which goes with it. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    ...(chromiumPath ? { executablePath: chromiumPath } : {}),
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
