/** `bin/modelship` as people and scripts meet it: help, settings, exit codes, the machine's own Node. */

import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { request } from './support/http.ts';
import {
  binary,
  root,
  runModelship,
  startModelship,
  temporaryFolder,
} from './support/modelship.ts';
import { requirePart } from './support/parts.ts';
import { runnersOf } from './support/processes.ts';

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const digits = join(root, 'models', 'digits');

describe('help', () => {
  test.each([[[]], [['--help']], [['help']]])(
    '%j shows the commands and the exit codes',
    async (args) => {
      const { code, stdout, stderr } = await runModelship(args);
      expect([code, stderr]).toEqual([0, '']);
      for (const command of ['serve', 'predict', 'inspect', 'init']) {
        expect(stdout).toMatch(new RegExp(`^  modelship ${command} .+`, 'm'));
      }
      expect(stdout).toMatch(/Exit codes: 0 done, 1 unexpected, 2 wrong option/);
    },
  );

  test('of serve shows every setting that the issue names, with its default', async () => {
    const { stdout } = await runModelship(['serve', '--help']);
    const options = 'host port grpc-port instances threads config cache-dir log-level no-url';
    for (const option of options.split(' ')) expect(stdout).toContain(`--${option}`);
    expect(stdout).toMatch(/--port <PORT> +HTTP port; 0 takes a free one \(default: 8080\)/);
    expect(stdout.replace(/\n +/g, ' ')).toContain('largest request body (default: 64MB)');
  });

  test('--version', async () => {
    const { stdout } = await runModelship(['--version']);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(stdout).toBe(`${version}\n`);
  });
});

describe('a wrong command line ends with exit code 2', () => {
  test.each([
    [['sevre'], /unknown command 'sevre'/],
    [['serve', '--prot', '1'], /unknown option '--prot'/],
    [['serve', 'a', 'b'], /too many arguments for 'serve'/],
    [['predict', 'models'], /missing required argument 'INPUTS'/],
    [['inspect'], /missing required argument 'PATH'/],
    [['serve', '--port'], /argument missing/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runModelship(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/--help/);
  });
});

describe('settings', () => {
  test('all that is wrong is said at once, each with where it stands', async () => {
    const config = join(folder.path, 'wrong.yaml');
    writeFileSync(config, 'logLevel: loud\nportt: 1\nmaxBody: 3 apples\nport: 8080\n');
    const ended = await runModelship(
      ['serve', digits, '--port', '99999', '--instances=none', '--config', config],
      { env: { MODELSHIP_THREADS: '1.5', MODELSHIP_STRICT_READY: 'perhaps' } },
    );
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr.split('\n').sort()).toEqual(
      [
        '',
        'modelship: 7 settings are wrong:',
        `  ${config} line 2: unknown key "portt"; did you mean "port"?`,
        '  --port: expected a whole number from 0 to 65535, got "99999"',
        '  --instances: expected a whole number from 1 to 1024, got "none"',
        '  MODELSHIP_THREADS: expected a whole number from 1 to 1024, got "1.5"',
        '  MODELSHIP_STRICT_READY: expected true or false, got "perhaps"',
        `  ${config}: logLevel: expected debug, info, warn, error or silent, got "loud"`,
        `  ${config}: maxBody: expected a size such as 64MB, got "3 apples"`,
        '[SETTINGS_INVALID]',
      ].sort(),
    );
  });

  test('a config file that is not there, or no YAML, is one of the problems', async () => {
    const broken = join(folder.path, 'broken.yaml');
    writeFileSync(broken, 'port: [1\n');
    const [missing, invalid] = await Promise.all([
      runModelship(['serve', digits, '--config', '/nowhere.yaml']),
      runModelship(['serve', digits], { env: { MODELSHIP_CONFIG: broken } }),
    ]);
    expect(missing).toMatchObject({ code: 2 });
    expect(missing.stderr).toMatch(/--config: \/nowhere\.yaml cannot be read \(ENOENT/);
    expect(invalid).toMatchObject({ code: 2 });
    expect(invalid.stderr).toMatch(/broken\.yaml line \d: /);
  });

  test.each([
    ['port:', /port: expected a whole number/],
    ['port: true', /port: expected a whole number/],
    ['port: []', /port: expected a whole number/],
    ['url: maybe', /url: expected true or false/],
    ['host: 7', /host: /],
  ])('%s in the file is no value', async (line, message) => {
    const config = join(folder.path, 'one.yaml');
    writeFileSync(config, `${line}\n`);
    const ended = await runModelship(['serve', '/nowhere', '--config', config]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(message);
  });

  test('the command line wins over the environment, and that over the file', async () => {
    const config = join(folder.path, 'config.json');
    writeFileSync(config, JSON.stringify({ maxBody: '1KB', maxPictures: 2, logLevel: 'silent' }));
    await using server = await startModelship(digits, {
      args: ['--config', config, '--max-body', '3KB'],
      env: { MODELSHIP_MAX_BODY: '2KB', MODELSHIP_LOG_LEVEL: 'debug' },
    });
    const body = Buffer.alloc(4096);
    const { json } = await request(`${server.url}/predict`, { method: 'POST', body });
    expect(json.error).toContain('limit of 3072 bytes');
    await server.printed(/"level":"debug".*"status":413/);
  });
});

describe('ports', () => {
  test('one in use ends with exit code 5 and says which', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const ended = await runModelship(['serve', digits, '--port', String(port)]);
    other.close();
    expect(ended).toMatchObject({ code: 5, stdout: '' });
    expect(ended.stderr).toContain(
      `modelship: Port ${port} on 127.0.0.1 is in use by another program; stop it or choose another with --port. [PORT_IN_USE]`,
    );
  });

  test('an address that is not of this machine ends with exit code 5', async () => {
    const ended = await runModelship(['serve', digits, '--port', '0', '--host', '203.0.113.7']);
    expect(ended.code).toBe(5);
    expect(ended.stderr).toMatch(/Cannot listen on 203\.0\.113\.7 port 0: .* \[LISTEN_FAILED\]/);
  });
});

const oldNode = requirePart('node', '/usr/bin/node', 'apt-get install nodejs');

describe('the process', () => {
  test('is the one that was started: it has the runners and gets the signals', async () => {
    await using server = await startModelship(digits);
    expect(runnersOf(server.pid)).toHaveLength(1);
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
  });

  test.skipIf(oldNode === undefined)("works under the machine's own Node", async () => {
    const command = [oldNode as string, binary];
    await using server = await startModelship(digits, { command });
    expect((await request(`${server.url}/healthz`)).json).toEqual({ alive: true });
    expect(await server.stop()).toMatchObject({ code: 0, signal: null });
    const wrong = await runModelship(['serve', '--nope'], { command });
    expect(wrong.code).toBe(2);
  });

  test('is found through a link', async () => {
    const link = join(folder.path, 'modelship');
    symlinkSync(binary, link);
    expect((await runModelship(['--version'], { command: [link] })).code).toBe(0);
  });
});
