/**
 * Which version a request gets that names none, or a label: pure.
 *
 * A label is a name for a version. Shares are laid side by side from 0 to 100 in their written order, and
 * a request falls on a point of that line: by a hash of its sticky value, or at random.
 */

import type { VersionsYaml } from '../config/model-yaml.ts';

/** What was changed at run time takes the place of what model.yaml says. */
export interface TrafficRules {
  /** label → version */
  readonly labels: Readonly<Record<string, string>>;
  /** Shares of labels or versions; empty: the newest that serves gets all. */
  readonly shares: readonly TrafficShare[];
  readonly shadow?: ShadowRule | undefined;
  readonly sticky: VersionsYaml['sticky'];
  readonly source: 'model.yaml' | 'run time';
  /** When it was changed at run time. */
  readonly since?: string | undefined;
}

export interface TrafficShare {
  readonly target: string;
  readonly percent: number;
}

export interface ShadowRule {
  readonly to: string;
  readonly percent: number;
  /** Largest difference, relative to the larger number, that counts as the same. */
  readonly tolerance: number;
}

/** A change of labels and traffic at run time. */
export type TrafficChange =
  | {
      readonly kind: 'set';
      readonly labels?: Readonly<Record<string, string>> | undefined;
      readonly traffic?: Readonly<Record<string, number>> | undefined;
      readonly shadow?: ShadowRule | null | undefined;
    }
  /** The version (default: that of the label `canary`) gets all traffic, or `percent` of it. */
  | {
      readonly kind: 'promote';
      readonly version?: string | undefined;
      readonly percent?: number | undefined;
    }
  /** What was before the latest change. */
  | { readonly kind: 'rollback' }
  /** What model.yaml says. */
  | { readonly kind: 'reset' };

const isNumber = (target: string): boolean => /^\d/.test(target);

/** The version that a label or number means; undefined for an unknown label. */
export function versionOf(rules: TrafficRules, target: string): string | undefined {
  if (isNumber(target)) return target;
  return Object.hasOwn(rules.labels, target) ? rules.labels[target] : undefined;
}

export function rulesFromYaml(versions: VersionsYaml): TrafficRules {
  const labels = Object.entries(versions.labels).map(([label, version]) => [
    label,
    String(version),
  ]);
  return {
    labels: Object.fromEntries(labels),
    shares: sharesOf(versions.traffic ?? {}),
    shadow: versions.shadow,
    sticky: versions.sticky,
    source: 'model.yaml',
  };
}

export function sharesOf(traffic: Readonly<Record<string, number>>): TrafficShare[] {
  return Object.entries(traffic).map(([target, percent]) => ({ target, percent }));
}

/**
 * The version at a point from 0 (inclusive) to 1 (exclusive) among the targets that serve, whose shares
 * are stretched over the whole line; undefined when no target with a share serves.
 */
export function pickVersion(
  rules: TrafficRules,
  point: number,
  serves: (version: string) => boolean,
): string | undefined {
  const open: { readonly version: string; readonly percent: number }[] = [];
  let total = 0;
  for (const { target, percent } of rules.shares) {
    const version = versionOf(rules, target);
    if (percent === 0 || version === undefined || !serves(version)) continue;
    open.push({ version, percent });
    total += percent;
  }
  let left = point * total;
  for (const { version, percent } of open) {
    left -= percent;
    if (left < 0) return version;
  }
  return open.at(-1)?.version;
}

/** How much of the traffic a version gets, in percent, as things stand. */
export function shareOfVersion(
  rules: TrafficRules,
  version: string,
  serves: (version: string) => boolean,
): number {
  let own = 0;
  let total = 0;
  for (const { target, percent } of rules.shares) {
    const meant = versionOf(rules, target);
    if (meant === undefined || !serves(meant)) continue;
    total += percent;
    if (meant === version) own += percent;
  }
  return total === 0 ? 0 : (100 * own) / total;
}

/** Versions that the rules name: they are to be loaded, whatever the policy selects. */
export function versionsNamedIn({ labels, shares, shadow }: TrafficRules): string[] {
  const targets = [...shares.map(({ target }) => target), ...(shadow ? [shadow.to] : [])];
  return [...Object.values(labels), ...targets.filter(isNumber)];
}

/** Labels of a version, in their written order. */
export function labelsOfVersion({ labels }: TrafficRules, version: string): string[] {
  return Object.keys(labels).filter((label) => labels[label] === version);
}

/** A point from 0 to 1 that is the same for the same key (FNV-1a, with its bits mixed once more). */
export function pointOfKey(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
