/** What words mean as an EQ: the model's bands for words that people taught, a fit of its curve for a guess. */

import type { PhraseData } from "../../phrases";
import { guessBands } from "../../phrases";
import type { Eq, Mix, Model } from "../../runtime/semeq";

const FLAT: Eq = { bands: [], preamp_db: 0 };

export class Meaning {
  private readonly taught: ReadonlySet<string>;

  constructor(
    private readonly model: Model,
    private readonly phrases: PhraseData,
  ) {
    this.taught = new Set(model.words);
  }

  /** Return the EQ of words at an intensity; throws an Error that names a word which is neither taught nor guessed. */
  eqFor(mix: Mix, intensity: number): Eq {
    const taught = Object.entries(mix).filter(([word]) => this.taught.has(word));
    const { bands, preamp_db } = taught.length === 0 ? FLAT : this.model.eqFor(Object.fromEntries(taught), intensity);
    return { bands: [...bands, ...this.guessed(mix).map((band) => ({ ...band, gain_db: band.gain_db * intensity }))], preamp_db };
  }

  /** Whether people taught all words of a mix. */
  isTaught(mix: Mix): boolean {
    return Object.keys(mix).every((word) => this.taught.has(word));
  }

  private guessed(mix: Mix): ReturnType<typeof guessBands> {
    if (this.isTaught(mix)) return [];
    try {
      return guessBands(mix, this.phrases);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const unknown = Object.keys(mix).filter((word) => !this.taught.has(word));
      throw new Error(`unknown word: ${unknown.map((word) => JSON.stringify(word)).join(" or ")}; choose one of the list`);
    }
  }
}
