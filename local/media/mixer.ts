/** What a listener hears of several who talk at once. */

import { Decoder } from '@evan/opus/wasm/index.mjs';
import { FRAME_SAMPLES, newEncoder, SAMPLE_RATE } from './sounds.ts';

const MAX_WAITING = 5; // frames of one talker: 100 ms, what is older is dropped

/** The voices of a meeting, by whom; each is decoded once, however many listen. */
export class Voice {
  readonly #decoder = new Decoder({ channels: 1, sample_rate: SAMPLE_RATE });

  /** 20 ms of Opus as samples; undefined for what is none. */
  decode(payload: Buffer): Int16Array | undefined {
    try {
      const bytes = this.#decoder.decode(payload);
      return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
    } catch {
      return undefined;
    }
  }
}

/** The mix for one listener. */
export class Mixer {
  readonly #encoder = newEncoder();
  readonly #waiting = new Map<string, Int16Array[]>();

  /** Somebody said something: samples of 20 ms. */
  add(who: string, samples: Int16Array): void {
    const waiting = this.#waiting.get(who) ?? [];
    waiting.push(samples);
    this.#waiting.set(who, waiting.slice(-MAX_WAITING));
  }

  /** The next 20 ms, encoded. */
  next(): Buffer {
    const mix = new Int16Array(FRAME_SAMPLES);
    for (const waiting of this.#waiting.values()) {
      const samples = waiting.shift();
      if (!samples) continue;
      for (let i = 0; i < FRAME_SAMPLES; i++) {
        mix[i] = Math.max(-32_768, Math.min(32_767, mix[i]! + (samples[i] ?? 0)));
      }
    }
    return Buffer.from(this.#encoder.encode(mix));
  }
}
