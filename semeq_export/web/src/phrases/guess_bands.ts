/** Bands for words that nobody taught, whose curves no decoder has: a graphic equaliser, solved for them by least squares. */

const SAMPLE_RATE_HZ = 48_000; // bands hold for any rate; near its end, others differ by a little
const [LOWEST_HZ, RATIO, BANDS] = [25, 2 ** (2 / 3), 15]; // two thirds of an octave apart, to 16 kHz
const Q = 1.2; // of the widths tried from 0.9 to 1.5, the one that met the guesses of the factory bundle best
const [STEPS, RIDGE] = [6, 1e-3];

/** A peak of the cookbook. */
export interface GuessBand {
  readonly kind: "peak";
  readonly freq_hz: number;
  readonly gain_db: number;
  readonly q: number;
}

/** Return bands whose response follows a curve in dB at some frequencies; gains of nothing are left out. */
export function bandsFor(curve: Float64Array, freqs_hz: Float64Array): GuessBand[] {
  const centres = Array.from({ length: BANDS }, (_, band) => LOWEST_HZ * RATIO ** band);
  const units = centres.map((centre) => responseOf(centre, 1, freqs_hz));
  const gains = new Array<number>(BANDS).fill(0);
  for (let step = 0; step < STEPS; step++) {
    const rest = curve.slice();
    centres.forEach((centre, band) => responseOf(centre, gains[band]!, freqs_hz).forEach((value, at) => (rest[at]! -= value)));
    solved(units, rest).forEach((change, band) => (gains[band]! += change));
  }
  const bands = centres.map((freq_hz, band): GuessBand => ({ kind: "peak", freq_hz, gain_db: Math.round(gains[band]! * 100) / 100, q: Q }));
  return bands.filter(({ gain_db }) => gain_db !== 0);
}

/** Return the response in dB of a peak (R. Bristow-Johnson, Audio EQ Cookbook), by its powers of sin(w/2). */
function responseOf(centre_hz: number, gain_db: number, freqs_hz: Float64Array): Float64Array {
  const turn = (2 * Math.PI * centre_hz) / SAMPLE_RATE_HZ;
  const [middle, half] = [-2 * Math.cos(turn), Math.sin(turn) / (2 * Q)];
  const size = 10 ** (gain_db / 40);
  return freqs_hz.map((freq_hz) => {
    const phi = Math.sin((Math.PI * freq_hz) / SAMPLE_RATE_HZ) ** 2;
    return 10 * Math.log10(power(half * size, middle, phi) / power(half / size, middle, phi));
  });
}

/** Return the power at phi = sin(w/2)^2 of 1 + width, middle, 1 - width as a polynomial in 1/z. */
function power(width: number, middle: number, phi: number): number {
  const outer = 1 - width * width;
  return (2 + middle) ** 2 - 4 * (2 * middle + 4 * outer) * phi + 16 * outer * phi * phi;
}

/** Return by how much of each unit a curve is met best: the normal equations with a little ridge, by Cholesky's square root. */
function solved(units: readonly Float64Array[], curve: Float64Array): number[] {
  const n = units.length;
  const root = units.map(() => new Array<number>(n).fill(0));
  const half: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      let sum = dot(units[i]!, units[k]!) + (i === k ? RIDGE : 0);
      for (let m = 0; m < k; m++) sum -= root[i]![m]! * root[k]![m]!;
      root[i]![k] = i === k ? Math.sqrt(sum) : sum / root[k]![k]!;
    }
    let sum = dot(units[i]!, curve);
    for (let m = 0; m < i; m++) sum -= root[i]![m]! * half[m]!;
    half[i] = sum / root[i]![i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let m = i + 1; m < n; m++) half[i]! -= root[m]![i]! * half[m]!;
    half[i]! /= root[i]![i]!;
  }
  return half;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, at) => sum + value * b[at]!, 0);
}
