import { expect, test } from 'vitest';
import { serveNames } from './name-server.fixture.ts';
import { createPublicResolver, resolveSystemName } from './resolve-host.ts';

const { signal } = new AbortController();

test('both families are asked for, by the name as it is, IPv4 first', async () => {
  const { server, questions } = await serveNames((question) =>
    question.endsWith('AAAA') ? [0x26, 6, ...Array(13).fill(0), 1] : [8, 8, 4, 4],
  );
  const addresses = await createPublicResolver([server])('a.example', signal);
  expect(addresses).toEqual(['8.8.4.4', '2606::1']);
  expect(questions.toSorted()).toEqual(['a.example A', 'a.example AAAA']);
});

test('a name with one family is enough', async () => {
  const { server } = await serveNames((question) =>
    question.endsWith('AAAA') ? null : [8, 8, 4, 4],
  );
  expect(await createPublicResolver([server])('a.example', signal)).toEqual(['8.8.4.4']);
});

test('a name that does not exist rejects', async () => {
  const { server } = await serveNames(() => null);
  await expect(createPublicResolver([server])('a.example', signal)).rejects.toThrow('ENOTFOUND');
});

test('every call asks again', async () => {
  const { server, questions } = await serveNames((q) => (q.endsWith('AAAA') ? null : [8, 8, 4, 4]));
  const resolve = createPublicResolver([server]);
  await resolve('a.example', signal);
  await resolve('a.example', signal);
  expect(questions).toHaveLength(4);
});

test('an abort ends the wait for a silent name server', async () => {
  const controller = new AbortController();
  const { server } = await serveNames(() => {
    controller.abort();
    return undefined;
  });
  const resolving = createPublicResolver([server])('a.example', controller.signal);
  await expect(resolving).rejects.toThrow('ECANCELLED');
});

test("the system knows this machine's own name", async () => {
  expect(await resolveSystemName('localhost', signal)).toContain('127.0.0.1');
});
