/** The first page, driven in a real Chromium as a person would: mouse, keyboard, clipboard, drag and drop. */

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chromiumPath, launchChromium } from './support/browser.ts';
import { startCommand } from './support/command.ts';
import { requirePart } from './support/parts.ts';
import { type StubServer, startStubServer, stubModel, stubVersion } from './support/stub-server.ts';

const curlPath = requirePart('curl', 'curl', 'apt-get install curl');

/** The main scenario is driven against the real server with the bundled model. */
async function startServer(): Promise<{ url: string; close(): Promise<void> }> {
  const server = await startCommand(
    join(import.meta.dirname, '..', 'bin', 'modelship'),
    ['serve'],
    {
      cwd: join(import.meta.dirname, '..'),
    },
  );
  return { url: server.url, close: async () => server[Symbol.asyncDispose]() };
}

let browser: Browser;
let context: BrowserContext;
let page: Page;
let hosts: Set<string>;
let complaints: string[];

describe.skipIf(!chromiumPath)('the page in Chromium', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    hosts = new Set();
    complaints = [];
    context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    context.setDefaultTimeout(10_000);
    context.on('request', (request) => hosts.add(new URL(request.url()).host));
    context.on('weberror', (error) => complaints.push(String(error.error())));
    context.on('console', (message) => {
      // Chromium reports every refused request so, also one whose answer the page shows.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) complaints.push(message.text());
    });
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    // Violations of the content security policy are among them.
    expect(complaints).toEqual([]);
  });

  describe('with a server that has the digits model', () => {
    let server: { url: string; close(): Promise<void> };
    let sample: Buffer;

    beforeAll(async () => {
      server = await startServer();
      const response = await fetch(`${server.url}/models/digits/samples/7.png`);
      sample = Buffer.from(await response.arrayBuffer());
    });
    afterAll(() => server.close());
    beforeEach(async () => {
      await page.goto(server.url);
      await page.getByRole('heading', { name: 'digits' }).waitFor();
    });
    afterEach(() => {
      // Blob addresses, which have no host, are the previews of pictures.
      expect([...hosts].filter((host) => host !== '')).toEqual([new URL(server.url).host]);
    });

    test('a click on a sample shows its label on top and shares that sum to at most one', async () => {
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
      const shares = await page.locator('.bars .value').allTextContents();
      const sum = shares.reduce((total, share) => total + Number(share.replace(/[<>%\s]/g, '')), 0);
      expect(shares.length).toBeGreaterThan(1);
      expect(sum).toBeGreaterThan(50);
      expect(sum).toBeLessThan(101);
      expect(await announced()).toMatch(/^7, [> ]*[\d.]+%; .*Answered in [\d.]+ m?s/);
      expect(await page.locator('.bars li:first-child .bar span').boundingBox()).toMatchObject({
        height: 6,
      });
    });

    test('a picture dropped anywhere on the page is answered', async () => {
      await drop('photo.png', sample);
      await answered('7');
      expect(await page.locator('#hint').textContent()).toBe('photo.png');
    });

    test('a picture pasted from the clipboard is answered', async () => {
      await page.evaluate(`(async () => {
        const bytes = Uint8Array.from(atob('${sample.toString('base64')}'), (c) => c.charCodeAt(0));
        const item = new ClipboardItem({ 'image/png': new Blob([bytes], { type: 'image/png' }) });
        await navigator.clipboard.write([item]);
      })()`);
      await page.keyboard.press('Control+V');
      await answered('7');
    });

    test('the keyboard alone chooses a file and a sample', async () => {
      const chooser = page.waitForEvent('filechooser');
      await tabTo('Choose a picture');
      await page.keyboard.press('Enter');
      await (await chooser).setFiles({ name: 'mine.png', mimeType: 'image/png', buffer: sample });
      await answered('7');
      await tabTo('Sample 3.png');
      await page.keyboard.press('Space');
      await answered('3');
      expect(await page.locator('#samples [aria-current]').getAttribute('title')).toBe('3.png');
    });

    test('a refusal of the server is shown with its message and code and is announced', async () => {
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
      await drop('half.png', sample.subarray(0, sample.length - 20));
      await page.getByText('PICTURE_TRUNCATED').first().waitFor();
      expect(await page.locator('#answer').textContent()).toContain('truncated PNG');
      expect(await announced()).toMatch(/No answer\..*truncated PNG.*PICTURE_TRUNCATED/);
      expect(await page.locator('.bars').count()).toBe(0);
      expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
    });

    test.skipIf(!curlPath)('the line for the terminal gives the same answer', async () => {
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
      expect(await runShell(await copiedLine(), tmpdir())).toMatchObject(topIs7);
      const folder = await mkdtemp(join(tmpdir(), 'modelship-page-'));
      for (const name of ['plain.png', 'it\'s "a"; $(b), `c` \\ & d.png', '-.png', '@x.png']) {
        writeFileSync(join(folder, name), sample);
        await drop(name, sample);
        await answered('7');
        expect(await runShell(await copiedLine(), folder)).toMatchObject(topIs7);
      }
      await rm(folder, { recursive: true });
    });

    test('everything that can be operated has a name', async () => {
      const session = await context.newCDPSession(page);
      const { nodes } = await session.send('Accessibility.getFullAXTree');
      const operable = nodes.filter(({ role }) =>
        ['button', 'link', 'image', 'DisclosureTriangle'].includes(String(role?.value)),
      );
      expect(operable.length).toBeGreaterThan(7);
      expect(operable.filter(({ name }) => !name?.value)).toEqual([]);
    });

    test('light and dark differ, and 320 pixels are wide enough', async () => {
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      const light = await page.screenshot();
      await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
      expect((await page.screenshot()).equals(light)).toBe(false);
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    });
  });

  describe('with a server told what to say', () => {
    let stub: StubServer;

    beforeEach(async () => {
      stub = await startStubServer();
    });
    afterEach(() => stub.close());

    test('a newer picture takes the place of one that still waits', async () => {
      let open = () => {};
      stub.gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      await page.goto(stub.url);
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await page.getByRole('progressbar', { name: 'Asking digits' }).waitFor();
      stub.gate = Promise.resolve();
      await page.getByRole('button', { name: 'Sample 3.png' }).click();
      await answered('3');
      open();
      await page.getByRole('button', { name: 'Sample 0.png' }).click();
      await answered('0');
    });

    test('a wait can be cancelled', async () => {
      let open = () => {};
      stub.gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      await page.goto(stub.url);
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('Cancelled.').first().waitFor();
      open();
    });

    test('a picture over the limit gets the message of the server', async () => {
      await page.goto(stub.url);
      await page.getByRole('heading', { name: 'digits' }).waitFor();
      await page.setInputFiles('#file', {
        name: 'huge.png',
        mimeType: 'image/png',
        buffer: Buffer.alloc(3_000_000),
      });
      await page.locator('.problem').waitFor();
      expect(await page.locator('.problem').textContent()).toMatch(/BODY_TOO_LARGE|3\.0 MB/);
    });

    test('names and labels are text, whatever is in them', async () => {
      const name = '<img src=x onerror=alert(1)>/"q"\'';
      stub.models = [stubModel(name), stubModel('other')];
      await page.goto(stub.url);
      await page.getByRole('link', { name }).click();
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
      expect(await page.getByRole('heading', { level: 2 }).textContent()).toBe(name);
    });

    test('each model says truthfully what it can do', async () => {
      const inputs = [{ name: 'features', datatype: 'FP32', shape: [-1, 4] }];
      const problem = 'Its model.yaml has no preprocessing. Add:\ninput:\n  preset: keras/caffe';
      const reason = 'the file ends in the middle of a field';
      stub.models = [
        stubModel('digits', { default: true }),
        stubModel('iris', {
          picture: false,
          samples: [],
          versions: [stubVersion('1', 'READY', { inputs })],
        }),
        stubModel('bare', { picture: false, pictureProblem: problem, samples: [] }),
        stubModel('slow', { versions: [stubVersion('1', 'LOADING')] }),
        stubModel('broken', { versions: [stubVersion('3', 'FAILED', { reason })] }),
      ];
      await page.goto(stub.url);
      expect(await shown('digits')).toContain('version 1 ready');
      expect(await shown('iris')).toContain('This model takes tensors');
      expect(await page.locator('#curl').textContent()).toContain(
        `${stub.url}/v2/models/iris/infer`,
      );
      expect(await page.locator('#tensors').textContent()).toContain('featuresFP32any × 4');
      expect(await runShell(await copiedLine(), tmpdir())).toMatchObject({
        inputs: [{ name: 'features', shape: [1, 4], data: [0, 0, 0, 0] }],
      });
      expect(await shown('bare')).toContain('preset: keras/caffe');
      expect(await shown('broken')).toContain(reason);
      expect(await shown('slow')).toContain('slow is loading');
      stub.models = stub.models.map((model) => ({
        ...model,
        versions: [stubVersion('1', 'READY')],
      }));
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
    });

    test('no model, then a model: the page notices by itself', async () => {
      stub.models = [];
      await page.goto(stub.url);
      await page.getByRole('heading', { name: 'No model serves here yet' }).waitFor();
      stub.models = [stubModel('digits')];
      await page.getByRole('heading', { name: 'digits' }).waitFor();
    });

    test('a server that went away is said, and its return too', async () => {
      await page.goto(stub.url);
      await page.getByRole('heading', { name: 'digits' }).waitFor();
      await stub.close();
      await drop('photo.png', Buffer.from('any'));
      await page.locator('#notice').getByText('does not answer').waitFor();
      expect(await page.locator('.problem').textContent()).toContain('does not answer');
      stub = await startStubServer(Number(new URL(stub.url).port));
      await page.locator('#notice').waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Sample 7.png' }).click();
      await answered('7');
    });
  });
});

const topIs7 = { predictions: { 0: { label: '7' } } };

const answered = (label: string) =>
  page.locator('.top strong', { hasText: new RegExp(`^${label}$`) }).waitFor();
const announced = () => page.locator('[aria-live]').textContent();

async function shown(model: string): Promise<string | null> {
  await page.getByRole('link', { name: new RegExp(`^${model}`) }).click();
  await page.getByRole('heading', { level: 2, name: model }).waitFor();
  return page.locator('#model').textContent();
}

/** Drops a file on the heading, far from the drop area. */
async function drop(name: string, content: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob('${content.toString('base64')}'), (c) => c.charCodeAt(0));
    transfer.items.add(new File([bytes], ${JSON.stringify(name)}, { type: 'image/png' }));
    return transfer;
  })()`);
  await page.locator('h1').dispatchEvent('dragover', { dataTransfer });
  await page.locator('h1').dispatchEvent('drop', { dataTransfer });
}

/** Presses Tab until the focus is on the control with this name. */
async function tabTo(name: string): Promise<void> {
  const focus = `document.activeElement.querySelector('img')?.alt ?? document.activeElement.textContent`;
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(focus)) === name) return;
  }
  throw new Error(`Tab never reaches "${name}".`);
}

async function copiedLine(): Promise<string> {
  await page.getByRole('button', { name: /Cop/ }).click();
  const line: string = await page.evaluate('navigator.clipboard.readText()');
  expect(line).toBe(await page.locator('#curl').textContent());
  return line;
}

async function runShell(line: string, cwd: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)('sh', ['-c', line], { cwd, timeout: 10_000 });
  return JSON.parse(stdout);
}
