/**
 * Words that nobody taught, by words that the model knows.
 *
 * The model decodes taught words only, and a guess is a curve. Its place is taken by the sum of at most three agreed words that comes
 * closest to that curve: orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad 1993) over their level-free curves. How close that
 * is in dB is told. The server and the command line fit bands to the curve itself.
 */

import { readPhrase } from "../../phrases";
import type { PhraseData } from "../../phrases";
import { Curves } from "../../phrases/mixing";
import type { Mix } from "../../runtime/semeq";
import type { Word } from "../data";

const MOST_WORDS = 3;

export interface Understood {
  /** Of taught words alone. */
  readonly mix: Mix;
  /** How it was understood, line by line, for a person to check. */
  readonly says: readonly string[];
}

export class Phrases {
  private readonly curves: Curves;
  private readonly taught: ReadonlySet<string>;
  private readonly agreed: readonly string[];

  constructor(
    private readonly data: PhraseData,
    words: readonly Word[],
  ) {
    this.curves = new Curves(data);
    this.taught = new Set(words.map(({ word }) => word));
    this.agreed = words.filter(({ word, agreed, language }) => agreed && language === "en" && !word.includes("@")).map(({ word }) => word);
  }

  /** Return what a text asks for; throws PhraseError. guess: take doubtful guesses, too. */
  read(text: string, guess: boolean): Understood {
    const { mix, says } = readPhrase(text, this.data, { guess });
    const lines = [...says];
    const played: Record<string, number> = {};
    for (const [word, amount] of Object.entries(mix)) {
      if (this.taught.has(word)) {
        add(played, word, amount);
        continue;
      }
      const { shares, missDb } = this.nearest(word);
      for (const [known, share] of shares) add(played, known, amount * share);
      lines.push(`${word} is played as ${shares.map(([known, share]) => `${known} ${share.toFixed(2)}`).join(" + ")}, within ${missDb.toFixed(1)} dB`);
    }
    return { mix: played, says: lines };
  }

  private nearest(word: string): { shares: [string, number][]; missDb: number } {
    const wanted = this.curves.of(word);
    const chosen: string[] = [];
    let weights: number[] = [];
    let rest = wanted;
    while (chosen.length < MOST_WORDS) {
      const left = this.agreed.filter((one) => !chosen.includes(one));
      chosen.push(best(left, (one) => Math.abs(dot(this.curves.of(one), rest)) / Math.sqrt(dot(this.curves.of(one), this.curves.of(one)))));
      const curves = chosen.map((one) => this.curves.of(one));
      weights = leastSquares(curves, wanted);
      rest = wanted.map((value, i) => value - curves.reduce((sum, curve, k) => sum + (weights[k] ?? 0) * (curve[i] ?? 0), 0));
    }
    const shares = chosen.map((one, k): [string, number] => [one, Math.round((weights[k] ?? 0) * 100) / 100]);
    return { shares: shares.filter(([, share]) => share !== 0), missDb: Math.sqrt(dot(rest, rest) / rest.length) };
  }
}

function add(mix: Record<string, number>, word: string, amount: number): void {
  mix[word] = (mix[word] ?? 0) + amount;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function best(words: readonly string[], score: (word: string) => number): string {
  return words.reduce((first, word) => (score(word) > score(first) ? word : first));
}

/** Return the weights of a few curves whose sum comes closest to another: the normal equations, by Gaussian elimination. */
function leastSquares(curves: readonly Float64Array[], wanted: Float64Array): number[] {
  const rows = curves.map((a) => [...curves.map((b) => dot(a, b)), dot(a, wanted)]);
  rows.forEach((pivot, k) => {
    for (const [i, row] of rows.entries()) {
      if (i === k) continue;
      const factor = (row[k] ?? 0) / (pivot[k] || 1);
      for (let j = k; j < row.length; j++) row[j] = (row[j] ?? 0) - factor * (pivot[j] ?? 0);
    }
  });
  return rows.map((row, k) => (row[curves.length] ?? 0) / (row[k] || 1));
}
