/** The data that `semeq_export/words/phrase_data.py` writes: the grammar joined with a bundle's words, guesses and curves. */

export type Language = "en" | "es";

export type Kind =
  | "word" | "region" | "cure" | "amount" | "direction" | "excess" | "join" | "enough" | "filler" | "wish" | "state" | "noun" | "near" | "guess";

/** Name, flags (1 usual, 2 weak), and what a user should know of the word where there is something. */
export type WordRow = readonly [name: string, flags: number, doubt?: string];

/** Near: places in `words`, or names that are not there. Shares: how alike they are used, of 1/100. Refused guesses have only four. */
export type GuessRow = readonly [
  word: string,
  languages: number,
  level: number,
  near: readonly (number | string)[],
  shares?: readonly number[],
  rows?: number,
  bands?: string,
];

/** Keys and values that follow each other, or keys alone where the kind says it all. */
export type LexiconGroup = readonly [
  kind: Kind,
  language: Language | "",
  yields: number,
  entries: readonly (string | number | readonly number[])[],
];

export interface PhraseData {
  readonly schema: number;
  readonly words: readonly WordRow[];
  readonly curves: string;
  /** The surest first. */
  readonly guesses: readonly GuessRow[];
  readonly guess_curves: string;
  readonly lexicon: readonly LexiconGroup[];
  readonly fault: readonly string[];
  readonly virtue: readonly string[];
  readonly examples: readonly string[];
}

export const SCHEMA = 1;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Return curves of `points` whole numbers each, which were written as differences: Base64 VLQ of source maps, ECMA-426.
 * Throws RangeError for text that is none.
 */
export function unpacked(text: string, points: number): Float64Array[] {
  const curves: Float64Array[] = [];
  let curve = new Float64Array(points);
  let at = 0;
  let value = 0;
  let number = 0;
  let scale = 1;
  for (const digit of text) {
    const bits = DIGITS.indexOf(digit);
    if (bits < 0) throw new RangeError(`curves hold ${JSON.stringify(digit)}, which is no digit`);
    number += (bits & 31) * scale;
    scale *= 32;
    if (bits & 32) continue;
    value += number % 2 === 1 ? -(number - 1) / 2 : number / 2;
    curve[at++] = value;
    [number, scale] = [0, 1];
    if (at < points) continue;
    curves.push(curve);
    [curve, at, value] = [new Float64Array(points), 0, 0];
  }
  if (at > 0 || scale > 1) throw new RangeError("curves end in the middle of one");
  return curves;
}
