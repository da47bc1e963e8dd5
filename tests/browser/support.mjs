// What every browser test needs: the demo running on a free port, Chromium, and the checks that hold on every page.
// Not: what any page says; that is in the tests.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));

/** Pages are small enough for a bad connection: with style sheet, in bytes. */
const HEAVIEST_PAGE = 30 * 1024;

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The demo: its address, its sign-ins, and links as fresh as needed. */
export class Demo {
  static async start() {
    const demo = new Demo();
    demo.binary = process.env.ATTUNE_BINARY ?? fileURLToPath(new URL('../../target/debug/attune', import.meta.url));
    demo.folder = await mkdtemp(join(tmpdir(), 'attune-e2e-'));
    const port = await freePort();
    demo.url = `http://127.0.0.1:${port}`;
    demo.environment = {
      PATH: process.env.PATH,
      ATTUNE_DATA_DIR: demo.folder,
      ATTUNE_LISTEN: `127.0.0.1:${port}`,
    };
    demo.log = '';
    demo.child = spawn(demo.binary, ['demo', '--dir', demo.folder, '--listen', `127.0.0.1:${port}`], {
      env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [demo.child.stdout, demo.child.stderr]) {
      stream.on('data', (bytes) => { demo.log += bytes; });
    }
    demo.ended = new Promise((resolve) => demo.child.once('exit', resolve));
    await demo.#untilReady();
    return demo;
  }

  async #untilReady() {
    const until = Date.now() + 120_000;
    while (Date.now() < until && this.child.exitCode === null) {
      const ready = await fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false);
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the demo did not get ready:\n${this.log}`);
  }

  /** What the demo printed for this role: `therapist`, `supervisor`, `quality team`, `administrator`. */
  signIn(role) {
    const password = this.log.match(/password (\S+)/)?.[1];
    const email = this.log.match(new RegExp(`^ *${role} +(\\S+@\\S+)$`, 'm'))?.[1];
    assert.ok(password && email, `no sign-in for ${role} in:\n${this.log}`);
    return { email, password };
  }

  /** Runs a command of the program on the running demo and answers with what it printed. */
  async command(...args) {
    const { stdout } = await promisify(execFile)(this.binary, args, {
      env: this.environment, maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  /** A link nobody has opened. */
  async freshLink(instruments = 'phq9') {
    const known = (this.spareLinks ??= new Map());
    if (!known.get(instruments)?.length) {
      const printed = await this.command('link', 'new', '--all', '--instruments', instruments, '--each', '1');
      known.set(instruments, printed.split('\n').filter((line) => line.startsWith('http')));
    }
    const link = known.get(instruments).pop();
    assert.ok(link, `no link for ${instruments}`);
    return link;
  }

  async stop() {
    this.child.kill('SIGTERM');
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.ATTUNE_CHROMIUM ?? '/usr/bin/chromium',
    // The browser asks its maker for nothing; as root in a container it has no sandbox to use.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
}

export const PHONE = { width: 320, height: 640 };
export const DESK = { width: 1280, height: 900 };

/**
 * A browser of its own (cookies, JavaScript or not) that notes every request to another site, every script error and
 * every answer of the 500s; `close` fails on any of them.
 */
export async function visitor(browser, demo, options = {}) {
  const context = await browser.newContext({ baseURL: demo.url, viewport: DESK, ...options });
  const wrongs = [];
  context.on('request', (request) => {
    if (!request.url().startsWith(demo.url)) wrongs.push(`third party: ${request.url()}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 500) wrongs.push(`${response.status()}: ${response.url()}`);
  });
  context.on('weberror', (event) => wrongs.push(`script: ${event.error()}`));
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  return {
    page,
    context,
    async close() {
      await context.close();
      assert.deepEqual(wrongs, []);
    },
  };
}

/** Clicks what leads to another page (or to the same one anew) and waits until that has come. */
export async function press(page, locator) {
  await Promise.all([page.waitForEvent('load'), locator.click()]);
}

/** The same with a key, on what has the focus. */
export async function pressKey(page, key) {
  await Promise.all([page.waitForEvent('load'), page.keyboard.press(key)]);
}

/** Nothing is cut off or needs sideways scrolling. */
export async function fitsWidth(page) {
  const { scroll, client } = await page.evaluate(() => ({
    scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth,
  }));
  assert.ok(scroll <= client, `${page.url()} is ${scroll} px wide in a window of ${client}`);
}

/** What a finger has to hit is tall enough: rows of answers and buttons. */
export async function isTouchable(page, least = 44) {
  const small = await page.evaluate((least) => [...document.querySelectorAll('main label:has(input), main button, main a.button')]
    .filter((element) => element.checkVisibility?.() ?? true)
    .map((element) => ({ words: element.textContent.trim().slice(0, 40), height: element.getBoundingClientRect().height }))
    .filter(({ height }) => height > 0 && height < least), least);
  assert.deepEqual(small, [], `${page.url()}: rows under ${least} px`);
}

/** No serious or critical finding of axe-core, but for these rules. Needs a page that may run JavaScript. */
export async function isAccessible(page, but = []) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate((but) => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    rules: Object.fromEntries(but.map((rule) => [rule, { enabled: false }])),
  }), but);
  const bad = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html }) => html).join(' | ')}`);
  assert.deepEqual(bad, [], `axe-core on ${page.url()}`);
}

/** The page with all it loads stays under the limit. */
export async function isLight(context, url) {
  let bytes = 0;
  const page = await context.newPage();
  page.on('response', async (response) => {
    const body = await response.body().catch(() => Buffer.alloc(0));
    bytes += body.length;
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  await page.close();
  assert.ok(bytes > 0 && bytes < HEAVIEST_PAGE, `${url}: ${bytes} bytes`);
}

/** Help is on every page a patient can see, the page says nothing to whoever looks over a shoulder. */
export async function offersHelp(page) {
  const footer = page.getByRole('contentinfo');
  await footer.getByRole('link', { name: '988' }).first().waitFor();
  await footer.getByRole('link', { name: '911' }).waitFor();
  assert.doesNotMatch(await page.title(), /depress|anxi|mental|PHQ|GAD|PCL|suicid/i);
}

/** A picture for the documentation, small enough to be kept with the code; only a run that is asked to makes them new. */
export async function picture(page, name, size = { width: 1120, height: 680 }) {
  if (!process.env.ATTUNE_PICTURES) return;
  const before = page.viewportSize();
  await page.setViewportSize(size);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.setViewportSize(before);
}
