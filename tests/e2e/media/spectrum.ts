/** Which tones are in samples. */

export const SAMPLE_RATE = 48_000; // Hz
/** Samples that a spectrum is made of: 0.7 s, 1.5 Hz apart, and less between two by interpolation. */
export const WINDOW = 32_768;

export interface Heard {
  /** The loudest tones, loudest first, in Hz. */
  readonly tones: number[];
  /** 0 to 1, of the loudest possible. */
  readonly level: number;
}

export function analyse(samples: Float64Array): Heard {
  const level = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
  const real = samples.map((each, i) => each * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW)));
  const power = spectrum(real);
  const peaks: [hz: number, power: number][] = [];
  for (let i = 2; i < WINDOW / 2 - 1; i++) {
    const [before, here, after] = [power[i - 1]!, power[i]!, power[i + 1]!];
    if (here > before && here >= after) peaks.push([i + offset(before, here, after), here]);
  }
  const loudest = peaks.toSorted((one, other) => other[1] - one[1]).slice(0, 4);
  return { tones: loudest.map(([bin]) => (bin * SAMPLE_RATE) / WINDOW), level };
}

/** Where between two bins a peak is: a parabola through the logarithms. */
function offset(before: number, here: number, after: number): number {
  const [a, b, c] = [Math.log(before + 1e-30), Math.log(here + 1e-30), Math.log(after + 1e-30)];
  return (0.5 * (a - c)) / (a - 2 * b + c || 1);
}

/** The power of each frequency: a fast Fourier transform of WINDOW samples. */
function spectrum(samples: Float64Array): Float64Array {
  const size = samples.length;
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  const bits = Math.log2(size);
  for (let i = 0; i < size; i++) {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit++) reversed |= ((i >> bit) & 1) << (bits - 1 - bit);
    real[reversed] = samples[i]!;
  }
  for (let half = 1; half < size; half *= 2) {
    for (let start = 0; start < size; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const angle = (-Math.PI * k) / half;
        const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
        const [one, other] = [start + k, start + k + half];
        const re = real[other]! * cosine - imaginary[other]! * sine;
        const im = real[other]! * sine + imaginary[other]! * cosine;
        [real[other], imaginary[other]] = [real[one]! - re, imaginary[one]! - im];
        [real[one], imaginary[one]] = [real[one]! + re, imaginary[one]! + im];
      }
    }
  }
  return real.map((re, i) => re * re + imaginary[i]! * imaginary[i]!);
}
