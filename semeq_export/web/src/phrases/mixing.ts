/** How much of each word a phrase comes to; as `semeq_export/words/mixing.py`, which says why. */

import { type PhraseData, unpacked } from "./data";
import { roundTo, roundToWhole } from "./numbers";

const TAKEN_AWAY = 0.6;
const MAX_TAKEN_RMS = 0.75;
const [MAX_RAISED, MIN_KEPT] = [0.35, 0.5];

const STEPS_PER_DB = 1_000;
const HEARD: Grid = { low_hz: 30, high_hz: 16_000, points: 96 };

const GUESS_STEPS_PER_DB = 10;
const GUESSED: Grid = { low_hz: 20, high_hz: 20_000, points: 32 };

/** Frequencies evenly spaced over log frequency, both ends included. */
interface Grid {
  readonly low_hz: number;
  readonly high_hz: number;
  readonly points: number;
}

/** Where curves are weighed. */
export const HEARD_HZ = Float64Array.from({ length: HEARD.points }, (_, point) => HEARD.low_hz * Math.exp(point * step(HEARD)));

function step({ low_hz, high_hz, points }: Grid): number {
  return Math.log(high_hz / low_hz) / (points - 1);
}

type Weights = ReadonlyMap<string, number>;

/** The level-free curves of taught and guessed words, in dB where people hear them. */
export class Curves {
  private readonly taught: ReadonlyMap<string, Float64Array>;
  private readonly guessed: ReadonlyMap<string, Float64Array>;
  private readonly heard = new Map<string, Float64Array>();

  /** Throws RangeError for curves that are none. */
  constructor(data: PhraseData) {
    this.taught = byName(data.words.map(([name]) => name), unpacked(data.curves, HEARD.points));
    const known = data.guesses.filter(([, , level]) => level > 0).map(([word]) => word);
    this.guessed = byName(known, unpacked(data.guess_curves, GUESSED.points));
  }

  /** Return the curve of a word, 96 points from 30 Hz to 16 kHz, in steps of 0.001 dB; throws RangeError for a word that has none. */
  of(word: string): Float64Array {
    const kept = this.heard.get(word);
    if (kept !== undefined) return kept;
    const steps = this.taught.get(word) ?? this.heardGuess(word);
    const curve = steps.map((value) => value / STEPS_PER_DB);
    this.heard.set(word, curve);
    return curve;
  }

  /** Return the curve in dB of a guess at HEARD_HZ as it stands, with its level; throws RangeError for a word that is none. */
  ofGuess(word: string): Float64Array {
    const steps = this.guessed.get(word);
    if (steps === undefined) throw new RangeError(`no guess what ${word} means`);
    return regridded(steps.map((value) => value / GUESS_STEPS_PER_DB), GUESSED, HEARD);
  }

  private heardGuess(word: string): Float64Array {
    const heard = this.ofGuess(word);
    const level = heard.reduce((sum, value) => sum + value, 0) / heard.length;
    return heard.map((value) => roundToWhole((value - level) * STEPS_PER_DB));
  }
}

function byName(names: readonly string[], curves: readonly Float64Array[]): Map<string, Float64Array> {
  if (names.length !== curves.length) throw new RangeError(`${curves.length} curves of ${names.length} words`);
  return new Map(names.map((name, place) => [name, curves[place]!]));
}

/** Return a curve on another grid, straight over log frequency between its points. */
function regridded(curve: Float64Array, from: Grid, to: Grid): Float64Array {
  return Float64Array.from({ length: to.points }, (_, point) => {
    const at = (Math.log(to.low_hz / from.low_hz) + point * step(to)) / step(from);
    const low = Math.min(Math.floor(at), from.points - 2);
    return curve[low]! + (at - low) * (curve[low + 1]! - curve[low]!);
  });
}

/** Return the weights of words, to 0.01, that do what was said of them: word -> amount of either sign, not 0; "less" is -1. */
export function mix(said: Weights, curves: Curves): Map<string, number> {
  const adds = new Map([...said].filter(([, amount]) => amount > 0));
  const takes = new Map([...said].filter(([, amount]) => amount < 0));
  if (takes.size === 0) return rounded(shared(adds));
  if (adds.size === 0) return rounded(new Map([...shared(takes)].map(([word, amount]) => [word, TAKEN_AWAY * amount])));
  const shares = shared(adds);
  const wanted = new Float64Array(HEARD.points);
  for (const [word, weight] of shares) curves.of(word).forEach((value, point) => (wanted[point]! += weight * value));
  const power = dot(wanted, wanted);
  if (power === 0) return rounded(new Map([...shares, ...shared(takes)]));
  const whole = [...shares.values()].reduce((sum, value) => sum + value, 0);
  let raised = 1;
  const weights = new Map(said);
  for (const [word, amount] of shared(takes)) {
    const curve = curves.of(word);
    const common = dot(curve, wanted) / power;
    const rest = curve.map((value, point) => value - common * wanted[point]!);
    const beside = Math.sqrt(dot(rest, rest) / power);
    const share = Math.min(
      TAKEN_AWAY * -amount * whole,
      MAX_TAKEN_RMS / Math.max(beside, 1e-9),
      common > 0 ? MAX_RAISED / common : Infinity,
    );
    weights.set(word, -share);
    raised += common * share;
  }
  const kept = Math.max(raised, MIN_KEPT);
  for (const [word, share] of shares) weights.set(word, kept * share);
  return rounded(weights);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, point) => sum + value * b[point]!, 0);
}

/** Return amounts of one sign scaled so that they sum to the largest of them. */
function shared(amounts: Weights): Map<string, number> {
  const sizes = [...amounts.values()].map(Math.abs);
  const share = Math.max(...sizes) / sizes.reduce((sum, size) => sum + size, 0);
  return new Map([...amounts].map(([word, amount]) => [word, share * amount]));
}

/** Return weights to 0.01; first to 1e-9, so that where one lies between two of them the order of a sum does not decide. */
function rounded(weights: Weights): Map<string, number> {
  return new Map([...weights].map(([word, weight]) => [word, roundTo(roundTo(weight, 9), 2) || Math.sign(weight) * 0.01]));
}
