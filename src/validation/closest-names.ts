/** Which names somebody may have meant who wrote another. */

/** Steps from one name to another: letters added, dropped or changed (Levenshtein), whatever their case. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Longer names are not compared letter by letter. */
const longestName = 100;

/** The `count` names that are nearest, the nearest first. */
export function closestNames(wrong: string, names: readonly string[], count: number): string[] {
  const short = wrong.slice(0, longestName).toLowerCase();
  return names
    .map((name) => ({ name, steps: distance(short, name.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps)
    .slice(0, count)
    .map(({ name }) => name);
}

/** The one name that is near enough to be meant; undefined when none is. */
export function meantName(wrong: string, names: readonly string[]): string | undefined {
  const [nearest] = closestNames(wrong, names, 1);
  if (nearest === undefined) return undefined;
  const mostSteps = Math.ceil(nearest.length / 3);
  const steps = distance(wrong.slice(0, longestName).toLowerCase(), nearest.toLowerCase());
  return steps <= mostSteps ? nearest : undefined;
}
