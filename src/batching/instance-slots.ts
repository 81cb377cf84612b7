/** The instances that runs are given to: which there are, which are free, and how much is running. */

export interface InstanceSlot<Instance> {
  readonly instance: Instance;
  removed: boolean;
}

export class InstanceSlots<Instance> {
  private readonly slots = new Map<Instance, InstanceSlot<Instance>>();
  private readonly free: InstanceSlot<Instance>[] = [];

  /** Parts and rows of the runs that are going on, also on instances that were removed. */
  running = 0;
  rowsRunning = 0;

  get count(): number {
    return this.slots.size;
  }

  get anyFree(): boolean {
    return this.free.length > 0;
  }

  /** A free instance. Adding one that is there already does nothing. */
  add(instance: Instance): void {
    if (this.slots.has(instance)) return;
    const slot = { instance, removed: false };
    this.slots.set(instance, slot);
    this.free.push(slot);
  }

  remove(instance: Instance): void {
    const slot = this.slots.get(instance);
    if (!slot) return;
    slot.removed = true;
    this.slots.delete(instance);
    const position = this.free.indexOf(slot);
    if (position !== -1) this.free.splice(position, 1);
  }

  /** The instance that was freed last, whose caches are the warmest. There must be one. */
  take(parts: number, rows: number): InstanceSlot<Instance> {
    this.running += parts;
    this.rowsRunning += rows;
    return this.free.pop() as InstanceSlot<Instance>;
  }

  giveBack(slot: InstanceSlot<Instance>, parts: number, rows: number): void {
    this.running -= parts;
    this.rowsRunning -= rows;
    if (!slot.removed) this.free.push(slot);
  }
}
