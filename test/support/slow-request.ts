/** A request whose head is sent, and whose body is kept back until it is asked for. */

import { request } from 'node:http';

export interface SlowRequest {
  /** Sends the body and gives the answer's text. */
  finish(): Promise<string>;
}

/** Settles when the server has read the head: it answers 100 to that. */
export function openSlowRequest(
  { url }: { readonly url: string },
  path: string,
  body: object,
): Promise<SlowRequest> {
  const text = JSON.stringify(body);
  const headers = { expect: '100-continue', 'content-length': Buffer.byteLength(text) };
  const outgoing = request(`${url}${path}`, { method: 'POST', headers });
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let got = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        got += piece;
      });
      response.on('end', () => resolve(got));
    });
  });
  return new Promise((resolve, reject) => {
    answer.catch(reject);
    outgoing.on('continue', () =>
      resolve({
        finish() {
          outgoing.end(text);
          return answer;
        },
      }),
    );
    outgoing.flushHeaders();
  });
}
