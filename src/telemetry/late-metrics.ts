/**
 * Metrics whose library is loaded a little after the start: it is 80 files of code that nobody needs
 * before the first scrape. What happens before is kept and counted then.
 */

import type { FinishedRequest, Metrics } from './metrics.ts';

export interface LateMetrics extends Metrics {
  /** Loads the library, if it is not yet; called by itself with the first `render`. */
  load(): Promise<void>;
}

export function createLateMetrics(): LateMetrics {
  let metrics: Metrics | undefined;
  let loading: Promise<Metrics> | undefined;
  let kept: ((metrics: Metrics) => void)[] = [];

  async function open(): Promise<Metrics> {
    const { createMetrics } = await import('./metrics.ts');
    metrics = createMetrics();
    for (const count of kept) count(metrics);
    kept = [];
    return metrics;
  }

  function whenLoaded(): Promise<Metrics> {
    loading ??= open();
    return loading;
  }

  return {
    countRequest(request: FinishedRequest) {
      if (metrics) metrics.countRequest(request);
      else kept.push((late) => late.countRequest(request));
    },
    countRunnerEnd(model, version) {
      if (metrics) metrics.countRunnerEnd(model, version);
      else kept.push((late) => late.countRunnerEnd(model, version));
    },
    render: async (readings) => (await whenLoaded()).render(readings),
    load: async () => {
      await whenLoaded();
    },
  };
}
