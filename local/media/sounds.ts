/**
 * What nobody says: generated, and encoded once. Frames of Opus, 20 ms each. They are stand-ins: Connect plays the
 * queue's own music and speaks its prompts; what it would say is shown as a caption.
 */

import { Encoder } from '@evan/opus/wasm/index.mjs';

export const SAMPLE_RATE = 48_000; // Hz
export const FRAME_MS = 20;
export const FRAME_SAMPLES = (SAMPLE_RATE * FRAME_MS) / 1000;

/** The amplitude of a sound, -1 to 1, at a moment in seconds. */
type Wave = (second: number) => number;
export type Frames = readonly Buffer[];

const QUIET = 0.18;
// ITU-T Q.23: the frequencies of a key's row and column, in Hz.
const ROWS = { 697: '123A', 770: '456B', 852: '789C', 941: '*0#D' };
const COLUMNS = [1209, 1336, 1477, 1633];
const KEY_SECONDS = 0.16;
const PAUSE_SECONDS = 0.08;

const tone = (frequency: number, second: number): number => Math.sin(2 * Math.PI * frequency * second);
/** A note that is struck at 0 and fades. */
const struck = (frequency: number, second: number): number =>
  second < 0 ? 0 : tone(frequency, second) * Math.exp(-3 * second) * Math.min(1, second * 100);

// libopus: OPUS_SET_BITRATE and OPUS_SET_COMPLEXITY.
const [SET_BITRATE, BITRATE] = [4002, 32_000];
const [SET_COMPLEXITY, COMPLEXITY] = [4010, 3];

/** An encoder of one stream: mono. */
export function newEncoder(): Encoder {
  const encoder = new Encoder({ channels: 1, sample_rate: SAMPLE_RATE, application: 'audio' });
  encoder.ctl(SET_BITRATE, BITRATE);
  encoder.ctl(SET_COMPLEXITY, COMPLEXITY);
  return encoder;
}

function encoded(seconds: number, wave: Wave): Frames {
  const encoder = newEncoder();
  const count = Math.round((seconds * 1000) / FRAME_MS);
  return Array.from({ length: count }, (_, frame) => {
    const samples = new Int16Array(FRAME_SAMPLES);
    for (let i = 0; i < FRAME_SAMPLES; i++) {
      samples[i] = Math.round(32_767 * wave((frame * FRAME_SAMPLES + i) / SAMPLE_RATE));
    }
    return Buffer.from(encoder.encode(samples));
  });
}

/** Broken chords, in a loop. */
function melody(second: number): number {
  const chords = [
    [262, 330, 392],
    [220, 262, 330],
    [175, 220, 262],
    [196, 247, 294],
  ];
  const step = Math.floor(second / 0.25);
  let sum = 0;
  // Notes ring on into the following ones.
  for (let back = 0; back < 4; back++) {
    const at = (step - back + 16) % 16;
    sum += struck(chords[Math.floor(at / 4)]![at % 3]!, second - (step - back) * 0.25);
  }
  return QUIET * sum;
}

function key(digit: string): Frames {
  const [row] = Object.entries(ROWS).filter(([, keys]) => keys.includes(digit));
  const seconds = KEY_SECONDS + PAUSE_SECONDS;
  if (row === undefined) return encoded(seconds, () => 0); // a comma is a pause
  const [low, high] = [Number(row[0]), COLUMNS[row[1].indexOf(digit)]!];
  return encoded(seconds, (at) => (at < KEY_SECONDS ? QUIET * (tone(low, at) + tone(high, at)) : 0));
}

/** One frame of nothing to be heard, to be sent again and again. */
export const SILENCE = encoded(0.2, () => 0).at(-1)!;
/** What a customer hears in the queue and on hold. */
export const MUSIC = encoded(4, melody);
/** In place of a prompt. */
export const PROMPT = encoded(0.6, (at) => QUIET * (struck(660, at) + struck(880, at - 0.2)));
/** In place of a whisper to the agent. */
export const WHISPER = encoded(0.4, (at) => QUIET * struck(440, at));
/** The keys of a telephone, and the comma. */
export const KEYS: ReadonlyMap<string, Frames> = new Map([...'0123456789*#,'].map((digit) => [digit, key(digit)]));
