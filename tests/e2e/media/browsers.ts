/**
 * Chromium on the page of `make local`, each with a microphone that hears one tone.
 *
 * A line of standard input is a JSON object with `do` and `as` (which browser); `tests/e2e/media/browsers.py` is
 * the other end.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { serve } from '../../../operations/media/requests.ts';
import { analyse, SAMPLE_RATE, WINDOW } from './spectrum.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WAITS_MS = 20_000;
const LOOPBACK = /^(127\.0\.0\.1|localhost)$/;
const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

class Browser {
  readonly foreign: string[] = [];
  readonly errors: string[] = [];
  readonly #context: BrowserContext;
  readonly #folder: string;
  readonly page: Page;

  private constructor(context: BrowserContext, page: Page, folder: string) {
    this.#context = context;
    this.page = page;
    this.#folder = folder;
  }

  static async open({ url, tone, executable, width, height, dark }: Request): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'browser-'));
    const microphone = join(folder, 'tone.wav');
    writeFileSync(microphone, wave(tone));
    const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
      executablePath: executable,
      args: [...ARGUMENTS, `--use-file-for-fake-audio-capture=${microphone}`],
      viewport: { width: width ?? 1280, height: height ?? 900 },
      colorScheme: dark ? 'dark' : 'light',
    });
    await context.addInitScript(() => {
      // For what the page does not show: how much of what was heard had to be made up.
      const peers: RTCPeerConnection[] = [];
      Object.assign(window, { peers });
      window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          peers.push(this);
        }
      };
    });
    const page = await context.newPage();
    const browser = new Browser(context, page, folder);
    const note = (address: string): void => {
      const { protocol, hostname } = new URL(address);
      if (!['data:', 'blob:'].includes(protocol) && !LOOPBACK.test(hostname)) browser.foreign.push(address);
    };
    context.on('request', (request) => note(request.url()));
    page.on('websocket', (socket) => note(socket.url()));
    page.on('pageerror', (error) => browser.errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && browser.errors.push(message.text()));
    page.setDefaultTimeout(WAITS_MS);
    await page.goto(url);
    return browser;
  }

  /** What an audio element plays, for some 0.7 s. */
  async hear(element: string): Promise<unknown> {
    const samples = await this.page.evaluate(
      async ([id, rate, size]) => {
        const audio = document.getElementById(id) as HTMLAudioElement;
        const context = new AudioContext({ sampleRate: rate });
        await context.resume();
        const analyser = new AnalyserNode(context, { fftSize: size });
        new MediaStreamAudioSourceNode(context, { mediaStream: audio.srcObject as MediaStream }).connect(analyser);
        await new Promise((resolve) => setTimeout(resolve, (1000 * size) / rate + 300));
        const heard = new Float32Array(size);
        analyser.getFloatTimeDomainData(heard);
        await context.close();
        return [...heard];
      },
      [element, SAMPLE_RATE, WINDOW] as const,
    );
    return analyse(Float64Array.from(samples));
  }

  /** Of all that was heard so far, in samples: how many had to be made up since none came. */
  async played(): Promise<unknown> {
    return this.page.evaluate(async () => {
      const { peers } = window as unknown as { peers: RTCPeerConnection[] };
      const sum = { received: 0, concealed: 0 };
      for (const peer of peers) {
        for (const report of (await peer.getStats()).values() as Iterable<Record<string, unknown>>) {
          if (report['type'] !== 'inbound-rtp') continue;
          sum.received += Number(report['totalSamplesReceived'] ?? 0);
          sum.concealed += Number(report['concealedSamples'] ?? 0);
        }
      }
      return sum;
    });
  }

  /** What axe finds that is serious or worse. */
  async axe(): Promise<unknown> {
    await this.page.evaluate(AXE);
    return this.page.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
      };
      const { violations } = await axe.run();
      const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
      return { violations: serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`) };
    });
  }

  async close(): Promise<void> {
    await this.#context.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A minute of a tone as a WAV file: mono, 16 bits. Chromium plays it in a loop. */
function wave(hertz: number): Buffer {
  const count = SAMPLE_RATE * 60;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + count * 2, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(count * 2, 40);
  const samples = Int16Array.from(
    { length: count },
    (_, i) => 8_000 * Math.sin((2 * Math.PI * hertz * i) / SAMPLE_RATE),
  );
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}

interface Request {
  readonly do: string;
  readonly as: string;
  readonly url: string;
  readonly tone: number;
  readonly executable: string;
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly name: string;
  readonly value: string;
  readonly text: string;
  readonly within: string;
  readonly key: string;
  readonly path: string;
}

const browsers = new Map<string, Browser>();

async function perform(request: Request): Promise<unknown> {
  if (request.do === 'open') {
    browsers.set(request.as, await Browser.open(request));
    return {};
  }
  const browser = browsers.get(request.as);
  if (!browser) throw new Error(`there is no browser ${request.as}`);
  const { page } = browser;
  switch (request.do) {
    case 'click':
      return page
        .getByRole('button', { name: request.name, exact: true })
        .and(page.locator(':visible'))
        .first()
        .click();
    case 'fill':
      return page.getByLabel(request.name).fill(request.value);
    case 'select':
      return page
        .getByLabel(request.name, { exact: true })
        .selectOption(request.value)
        .then(() => ({}));
    case 'press':
      return page.keyboard.press(request.key);
    case 'sees':
      return page.locator(request.within).filter({ hasText: request.text }).first().waitFor();
    case 'text':
      return { text: await page.locator(request.within).innerText() };
    case 'focused':
      return { text: await page.evaluate(() => document.activeElement?.textContent ?? '') };
    case 'hear':
      return browser.hear(request.within);
    case 'played':
      return browser.played();
    case 'axe':
      return browser.axe();
    case 'screenshot':
      return page.screenshot({ path: request.path }).then(() => ({}));
    case 'size':
      await page.setViewportSize({ width: request.width ?? 1280, height: request.height ?? 900 });
      return { overflows: await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth) };
    case 'seen':
      return { foreign: browser.foreign, errors: browser.errors };
    case 'run':
      return { value: await page.evaluate(request.value) };
    case 'close':
      browsers.delete(request.as);
      return browser.close();
    default:
      throw new Error(`there is no ${request.do}`);
  }
}

await serve(perform);
await Promise.all([...browsers.values()].map((browser) => browser.close()));
process.exit(0);
