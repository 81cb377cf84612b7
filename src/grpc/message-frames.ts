/**
 * Follows the messages of a call while their bytes pass, and keeps none of them: how much of the current
 * one is there, how long the finished ones were.
 * Source: gRPC over HTTP/2, "Length-Prefixed-Message": a byte that says whether it is compressed, four of
 * length (big-endian), the message.
 */

const prefixBytes = 5;

export class MessageFrames {
  /** Bytes of the current message that have come, its prefix among them; 0 between two messages. */
  pending = 0;
  /** How many bytes of the message itself the current prefix announces, as far as it has come. */
  private length = 0;

  /** Of the current message, its prefix among them, when its prefix has come whole. */
  get expected(): number {
    return this.pending < prefixBytes ? prefixBytes : prefixBytes + this.length;
  }

  /** Calls `onWhole` with the length of each message that is whole now, its prefix among it. */
  advance(chunk: Uint8Array, onWhole: (bytes: number) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.pending === 0) this.length = 0;
      while (this.pending < prefixBytes && at < chunk.length) {
        if (this.pending > 0) this.length = this.length * 256 + (chunk[at] as number);
        this.pending += 1;
        at += 1;
      }
      if (this.pending < prefixBytes) return;
      const taken = Math.min(chunk.length - at, this.expected - this.pending);
      this.pending += taken;
      at += taken;
      if (this.pending < this.expected) return;
      onWhole(this.pending);
      this.pending = 0;
    }
  }
}
