/** What GET /models tells of a version and of a model's labels and traffic. */

import { describeTensor } from '../serving/describe-model.ts';
import type { ModelRegistry, RegisteredModel } from '../serving/model-registry.ts';
import type { ServedVersion } from '../serving/served-version.ts';
import { signatureNamesOf } from '../serving/signatures.ts';
import { labelsOfVersion } from '../serving/traffic.ts';
import { memoryOf, sizeOnDisk } from '../serving/version-size.ts';

const rounded = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;

/** The phases of its load with their times in milliseconds; null before it is over. */
function describeLoad({ report, prepareMs }: ServedVersion): object | null {
  if (!report && prepareMs === undefined) return null;
  return {
    ...(prepareMs === undefined ? {} : { prepareMs: rounded(prepareMs) }),
    ...(report
      ? {
          loadMs: rounded(report.loadMs),
          warmUpMs: rounded(report.warmUpMs),
          probeMs: rounded(report.probeMs),
          tuneMs: rounded(report.tuneMs),
          fromCache: report.fromCache,
        }
      : {}),
  };
}

/** Signatures in a graph of their own, which has runners of its own. */
function describeGraph(served: ServedVersion): object {
  const { state, reason } = served;
  return {
    signatures: signatureNamesOf(served),
    state,
    reason: reason ?? null,
    load: describeLoad(served),
  };
}

export async function describeVersion(
  served: ServedVersion,
  registered: RegisteredModel,
  registry: ModelRegistry,
): Promise<object> {
  const { version, state, reason, since, report, runSize, instanceCount, warning } = served;
  return {
    version: version.version,
    state,
    reason: reason ?? null,
    since: since.toISOString(),
    warning: warning ?? null,
    labels: labelsOfVersion(registry.rulesOf(registered), version.version),
    trafficPercent: rounded(registry.trafficOf(registered, version.version)),
    diskBytes: await sizeOnDisk(version),
    memoryBytes: await memoryOf(served),
    requestsHeld: served.holders,
    load: describeLoad(served),
    otherGraphs: served.otherGraphs.map(describeGraph),
    instances: instanceCount,
    batching: report?.batching ?? null,
    runSize: report ? runSize : null,
    inputs: (version.signature?.inputs ?? []).map(describeTensor),
    outputs: (version.signature?.outputs ?? []).map(describeTensor),
  };
}

/** Labels and shares as they hold, and where they come from. */
export function describeTraffic(registered: RegisteredModel, registry: ModelRegistry): object {
  const { labels, shares, shadow, sticky, source, since } = registry.rulesOf(registered);
  return {
    source,
    since: since ?? null,
    labels,
    traffic: Object.fromEntries(shares.map(({ target, percent }) => [target, percent])),
    shadow: shadow ?? null,
    sticky: sticky ?? null,
  };
}
