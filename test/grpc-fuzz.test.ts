/** Mutated calls to every method: the server answers each with a status of its mistake, and goes on. */

import { status as codes } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { fuzzGrpc } from './support/fuzz-grpc.ts';
import { createGrpcClient, grpcPortOf, oip, rawRequest } from './support/grpc.ts';
import { request } from './support/http.ts';
import { writeModels } from './support/model-folder.ts';
import { startModelship, temporaryFolder } from './support/modelship.ts';
import { waitUntil } from './support/wait-until.ts';

// `scripts/fuzz.ts` sends 100,000.
test('3000 mutated calls, and the next good one is answered', async () => {
  using folder = temporaryFolder();
  writeModels(folder.path, 'identity-fp32', 'identity-bytes', 'half-plus-two');
  await using server = await startModelship(folder.path);
  const port = await grpcPortOf(server);
  const { odd, counts } = await fuzzGrpc(port, 3000, 1);
  expect(odd).toEqual([]);
  expect(counts.get(codes.OK)).toBeGreaterThan(100);
  expect(counts.get(codes.INVALID_ARGUMENT)).toBeGreaterThan(500);
  using client = createGrpcClient(port);
  const bytes = Buffer.from(Float32Array.of(1).buffer);
  const good = rawRequest('identity-fp32', [{ name: 'x', datatype: 'FP32', shape: [1, 1], bytes }]);
  expect(await client.call(oip('ModelInfer'), good)).toMatchObject({ code: codes.OK });
  await waitUntil('no message is held', async () =>
    /^modelship_request_body_bytes 0$/m.test((await request(`${server.url}/metrics`)).text),
  );
}, 60_000);
