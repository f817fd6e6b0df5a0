/** The part of `@evan/opus` that is WebAssembly alone; its own types are those of another part. */
declare module '@evan/opus/wasm/index.mjs' {
  interface Options {
    channels: 1 | 2;
    sample_rate: 48000;
    application?: 'voip' | 'audio';
  }
  export class Encoder {
    constructor(options: Options);
    /** Encodes 16-bit samples. The answer is a copy. */
    encode(samples: ArrayBufferView): Uint8Array;
    /** Sets a value of libopus, by the number of its request. */
    ctl(request: number, value: number): number;
  }
  export class Decoder {
    constructor(options: Options);
    /** Decodes to the bytes of 16-bit samples, or throws for what is no Opus. The answer is a copy. */
    decode(packet: ArrayBufferView): Uint8Array;
  }
}
