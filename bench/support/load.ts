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

/**
 * Answers in a window of `milliseconds` that opens after `warmUpMs`: neither the ramp nor the drain, in
 * which instances idle, is part of it.
 */
export async function load(
  url: string,
  connections: number,
  shot: Shot,
  milliseconds: number,
  warmUpMs = 1000,
): Promise<LoadResult> {
  const client = createClient(url, connections);
  const latencies: number[] = [];
  let failures = 0;
  const opensAt = performance.now() + warmUpMs;
  const closesAt = opensAt + milliseconds;
  async function loop(): Promise<void> {
    while (performance.now() < closesAt) {
      const sentAt = performance.now();
      const status = await client.send(shot).catch(() => 0);
      const now = performance.now();
      if (now < opensAt || now >= closesAt) continue;
      if (status === 200) latencies.push(now - sentAt);
      else failures += 1;
    }
  }
  await Promise.all(Array.from({ length: connections }, loop));
  client.close();
  return { perSecond: latencies.length / (milliseconds / 1000), latencies, failures };
}
