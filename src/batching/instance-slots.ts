/** The instances that runs are given to: which there are, which are free, and how much is running. */

export interface InstanceSlot<Instance> {
  readonly instance: Instance;
  removed: boolean;
  /** Runs that it was given and that have not ended: the second waits for the first. */
  runs: number;
  /** When its last run ended, in milliseconds of the clock. */
  endedAt: number;
}

/** One that runs, and the next behind it. */
const mostRuns = 2;

function drop<T>(list: T[], item: T): void {
  const position = list.indexOf(item);
  if (position !== -1) list.splice(position, 1);
}

export class InstanceSlots<Instance> {
  private readonly slots = new Map<Instance, InstanceSlot<Instance>>();
  private readonly free: InstanceSlot<Instance>[] = [];
  /** Those with one run, which began first first. */
  private readonly busy: InstanceSlot<Instance>[] = [];

  /** Parts and rows of the runs that are going on, also on instances that were removed. */
  running = 0;
  rowsRunning = 0;

  get count(): number {
    return this.slots.size;
  }

  get anyFree(): boolean {
    return this.free.length > 0;
  }

  /** Some instance runs and has nothing to do after that. */
  get anyWithoutNext(): boolean {
    return this.busy.length > 0;
  }

  /** A free instance. Adding one that is there already does nothing. */
  add(instance: Instance): void {
    if (this.slots.has(instance)) return;
    const slot = { instance, removed: false, runs: 0, endedAt: Number.NEGATIVE_INFINITY };
    this.slots.set(instance, slot);
    this.free.push(slot);
  }

  remove(instance: Instance): void {
    const slot = this.slots.get(instance);
    if (!slot) return;
    slot.removed = true;
    this.slots.delete(instance);
    drop(this.free, slot);
    drop(this.busy, slot);
  }

  /**
   * The instance that was freed last, whose caches are the warmest, else the one whose only run began
   * first. There must be one.
   */
  take(parts: number, rows: number): InstanceSlot<Instance> {
    this.running += parts;
    this.rowsRunning += rows;
    const slot = (this.free.pop() ?? this.busy.shift()) as InstanceSlot<Instance>;
    slot.runs += 1;
    if (slot.runs < mostRuns) this.busy.push(slot);
    return slot;
  }

  giveBack(slot: InstanceSlot<Instance>, parts: number, rows: number, now: number): void {
    this.running -= parts;
    this.rowsRunning -= rows;
    slot.runs -= 1;
    slot.endedAt = now;
    if (slot.removed) return;
    if (slot.runs > 0) {
      this.busy.push(slot);
      return;
    }
    drop(this.busy, slot);
    this.free.push(slot);
  }
}
