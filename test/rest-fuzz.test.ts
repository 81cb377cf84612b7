/** Mutated requests to both REST front ends: each gets an error body of its protocol, and the server goes on. */

import { expect, test } from 'vitest';
import { fuzzedModels, fuzzRest } from './support/fuzz-rest.ts';
import { post, request } from './support/http.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { waitUntil } from './support/wait-until.ts';

// `scripts/fuzz.ts` sends 100,000.
test('2000 mutated requests, and the next good one is answered', async () => {
  using folder = temporaryFolder();
  writeModels(folder.path, ...fuzzedModels);
  await using server = await startModelship(folder.path);
  const { odd, counts } = await fuzzRest(server.port, 2000, 1);
  expect(odd).toEqual([]);
  expect(counts.get(200)).toBeGreaterThan(100);
  expect(counts.get(400)).toBeGreaterThan(1000);
  const answer = await post(`${server.url}/v1/models/half-plus-two:predict`, { instances: [2] });
  expect(answer.json).toEqual({ predictions: [3] });
  await waitUntil('no body is held', async () =>
    /^modelship_request_body_bytes 0$/m.test((await request(`${server.url}/metrics`)).text),
  );
}, 60_000);
