/**
 * Closing a connection whose request was answered before all of its body came.
 *
 * Closing it at once would reset it, because bytes lie unread, and a client that is still sending would
 * then often lose the answer. So our side is closed first, and what comes is thrown away until the
 * client has noticed, or a while is over (RFC 9112 §9.6).
 */

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../batching/clock.ts';

/** To be called before the answer, which says `Connection: close`, is sent. */
export function lingerOnClose(request: IncomingMessage, limitMs: number, clock: Clock): void {
  const { socket } = request;
  const closeNow = socket.destroySoon;
  // What node:http calls once such an answer is written.
  socket.destroySoon = () => {
    if (request.complete) {
      closeNow.call(socket);
      return;
    }
    socket.end();
    request.once('end', () => closeNow.call(socket)).resume();
    socket.once(
      'close',
      clock.schedule(limitMs, () => socket.destroy()),
    );
  };
}
