/** Requests that go on all the while something is done to the server; every answer is counted. */

import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';

export interface TrafficCount {
  /** How many answers gave each number. */
  readonly answers: ReadonlyMap<number, number>;
  /** Every request that got anything else than an answer, in words. */
  readonly failures: readonly string[];
}

export interface LiveTraffic {
  readonly count: TrafficCount;
  /** Settles when so many answers more have come. */
  more(answers: number): Promise<void>;
  /** Lets each request that is under way finish, and gives what was counted. */
  stop(): Promise<TrafficCount>;
}

export interface TrafficOptions {
  readonly connections?: number;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function send(
  agent: Agent,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; text: string }> {
  const body = JSON.stringify({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1000] }],
  });
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks a model of test/models/plus.ts for 1000 + n, over and over; what is counted is n. */
export function startTraffic(
  server: { readonly url: string },
  model: string,
  options: TrafficOptions = {},
): LiveTraffic {
  const { connections = 4, path = `/v2/models/${model}/infer`, headers = {} } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers = new Map<number, number>();
  const failures: string[] = [];
  const waiting = new Set<() => void>();
  let total = 0;
  let stopped = false;

  async function ask(): Promise<void> {
    try {
      const { status, text } = await send(agent, `${server.url}${path}`, headers);
      const n = status === 200 ? JSON.parse(text).outputs[0].data[0] - 1000 : undefined;
      if (n === undefined) failures.push(`${status} ${text}`);
      else answers.set(n, (answers.get(n) ?? 0) + 1);
    } catch (error) {
      failures.push(String(error));
    }
    total += 1;
    for (const look of waiting) look();
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      await ask();
      // A pace that leaves the processor to what the test is about.
      await setTimeout(3);
    }
  }

  const loops = Array.from({ length: connections }, loop);
  return {
    count: { answers, failures },
    more(count) {
      const goal = total + count;
      return new Promise((resolve) => {
        const look = (): void => {
          if (total < goal) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
    async stop() {
      stopped = true;
      await Promise.all(loops);
      agent.destroy();
      return { answers, failures };
    },
  };
}
