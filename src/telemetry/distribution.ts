/**
 * How often values fell into which bucket: what a Prometheus histogram is made of. Of our own because
 * it is filled several times a request (docs/decisions/metrics.md).
 */

export class Distribution {
  /** Upper bounds of the buckets, rising; above the last there is one more. */
  readonly bounds: readonly number[];
  /** How many values fell into each bucket, not added up. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    counts[bucket] = (counts[bucket] as number) + 1;
    this.sum += value;
  }
}
