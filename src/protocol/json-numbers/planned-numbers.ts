/**
 * Numbers whose dtype and count are known before their text: read while the text is looked through, instead
 * of in a second pass. What does not go as planned is given up, and the second pass says what is wrong.
 */

import { sizeOfDType } from '../../tensor/dtype.ts';
import type { NumberPlan, ReadNumbers } from './elements.ts';
import type { ChunkWriter } from './number-chunk.ts';
import { sharedChunk } from './number-chunk.ts';
import { createChunkWriter, takesNumbers } from './number-dtypes.ts';
import { RunReader } from './number-run.ts';

class Misfit extends Error {}

export class PlannedNumbers {
  private readonly plan: NumberPlan;
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly body: Buffer;
  private readonly reader: RunReader;
  private readonly write: ChunkWriter;
  private count = 0;

  constructor(body: Buffer, plan: NumberPlan) {
    this.plan = plan;
    this.bytes = new Uint8Array(plan.count * sizeOfDType(plan.dtype));
    this.body = body;
    this.reader = new RunReader(body, plan.dtype === 'FP32');
    const refuse = (): never => {
      throw new Misfit();
    };
    this.write = createChunkWriter(this.bytes, { ...plan, refuse });
  }

  get at(): number {
    return this.reader.at;
  }

  /** True behind a number, false behind a comma. */
  get afterValue(): boolean {
    return this.reader.afterValue;
  }

  /** Reads some numbers and gives their count; -1 when they do not fit the plan. Throws JSON_INVALID. */
  read(at: number, stop: number): number {
    const { reader } = this;
    reader.at = at;
    sharedChunk.begin(this.body);
    reader.read(sharedChunk, stop);
    const { count } = sharedChunk;
    this.count += count;
    return this.count <= this.plan.count && this.flush() ? count : -1;
  }

  /** All numbers, when they are as many as planned. */
  finish(): ReadNumbers | undefined {
    if (this.count !== this.plan.count) return undefined;
    return { ...this.plan, bytes: this.bytes };
  }

  private flush(): boolean {
    try {
      this.write(sharedChunk);
      return true;
    } catch (error) {
      if (error instanceof Misfit) return false;
      throw error;
    }
  }
}

/** Undefined when the plan is for none or for other things than numbers. */
export function planNumbers(body: Buffer, plan: NumberPlan): PlannedNumbers | undefined {
  return plan.count > 0 && takesNumbers(plan.dtype) ? new PlannedNumbers(body, plan) : undefined;
}
