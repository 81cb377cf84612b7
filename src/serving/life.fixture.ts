/** Requests that nobody hurries. */

import { systemClock } from '../batching/clock.ts';
import type { OpenLife } from './request-life.ts';
import { createRequestLives } from './request-life.ts';

const lives = createRequestLives(systemClock);

export function newLife(limitMs = 3_600_000): OpenLife {
  return lives.open({ model: 'test', acceptedAt: systemClock.now(), limitMs });
}
