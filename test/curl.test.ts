/** The `curl` lines that people type, as the real curl sends them. */

import { writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { curl, curlPath } from './support/http.ts';
import { root, startModelship, temporaryFolder } from './support/modelship.ts';
import { digitPath, paintNoise } from './support/pictures.ts';

const folder = temporaryFolder();
const large = join(folder.path, 'large.png');
// Above one megabyte curl asks with Expect: 100-continue before it sends the body.
writeFileSync(large, await paintNoise(800));
const server = await startModelship('models', { cwd: root });
const predict = `${server.url}/predict`;

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const seven = digitPath('7-shadow.jpg');

describe.skipIf(curlPath === undefined)('curl', () => {
  test('the line that serve prints works in the folder where it was started', async () => {
    const [, field = '', url = ''] = /^ {2}curl -F (\S+) (\S+)$/m.exec(server.stdout) ?? [];
    const picture = resolve(root, field.replace('image=@', ''));
    const answer = await curl('-F', `image=@${picture}`, url);
    expect(JSON.parse(answer.text).predictions[0].label).toBe(basename(picture)[0]);
  });

  test.each([
    ['a form', ['-F', `img_file=@${seven}`]],
    ['--data-binary with its default type', ['--data-binary', `@${seven}`]],
    ['-T, which sends chunks', ['-X', 'POST', '-T', seven, '-H', 'Transfer-Encoding: chunked']],
    ['no type at all', ['--data-binary', `@${seven}`, '-H', 'Content-Type:']],
    ['HTTP/1.0', ['--http1.0', '--data-binary', `@${seven}`]],
  ])('%s', async (_, args) => {
    const answer = await curl(...args, predict);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text).predictions[0].label).toBe('7');
  });

  test('several files in one form are answered in their order', async () => {
    const files = ['3.png', '5.png', '0.png'].flatMap((name) => ['-F', `a=@${digitPath(name)}`]);
    const { results } = JSON.parse((await curl(...files, predict)).text);
    const labels = results.map((one: { predictions: { label: string }[] }) => one.predictions[0]);
    expect(labels).toMatchObject([{ label: '3' }, { label: '5' }, { label: '0' }]);
  });

  test('plain text is one line for a person to read', async () => {
    const { text } = await curl('-H', 'Accept: text/plain', '-F', `img=@${seven}`, predict);
    expect(text).toMatch(
      /^The input picture is classified as \[7\], with probability [01]\.\d{3}\.$/,
    );
  });

  test('a large body behind Expect: 100-continue is answered', async () => {
    const { status } = await curl('-H', 'Expect: 100-continue', '-F', `image=@${large}`, predict);
    expect(status).toBe(200);
  });

  test('GET / is one line that says what serves', async () => {
    const answer = await curl(server.url);
    expect(answer).toEqual({
      status: 200,
      text: expect.stringMatching(/^Modelship serves digits\b.*\n$/),
    });
  });

  test.each(['/healthz', '/readyz', '/models', '/metrics'])('HEAD %s is answered', async (path) => {
    expect((await curl('--head', '-o', '/dev/null', `${server.url}${path}`)).status).toBe(200);
  });
});
