/** A closed-loop load: so many connections, each sending its next request when it has its answer. */

import { Agent, request } from 'node:http';

export interface LoadResult {
  readonly perSecond: number;
  readonly latencies: readonly number[];
  readonly failures: number;
}

export interface Shot {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
}

export function createClient(
  url: string,
  connections: number,
): { send(shot: Shot): Promise<number>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    send({ path, method = 'GET', headers = {}, body }) {
      return new Promise((resolve, reject) => {
        const outgoing = request(`${url}${path}`, { agent, method, headers }, (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
        });
        outgoing.on('error', reject);
        outgoing.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

/** Sends for `milliseconds` and waits for the last answers. */
export async function load(
  url: string,
  connections: number,
  shot: Shot,
  milliseconds: number,
): Promise<LoadResult> {
  const client = createClient(url, connections);
  const latencies: number[] = [];
  let failures = 0;
  const started = performance.now();
  async function loop(): Promise<void> {
    while (performance.now() - started < milliseconds) {
      const sentAt = performance.now();
      const status = await client.send(shot).catch(() => 0);
      if (status === 200) latencies.push(performance.now() - sentAt);
      else failures += 1;
    }
  }
  await Promise.all(Array.from({ length: connections }, loop));
  const seconds = (performance.now() - started) / 1000;
  client.close();
  return { perSecond: latencies.length / seconds, latencies, failures };
}
