/**
 * Phrases such as "a bit warmer but not muddy" as words with amounts, in English and Spanish, as the Python package reads them.
 *
 * The grammar is data that Python writes (`semeq_export.app.phrases.page_phrases`); nothing here is asked of a server.
 */

import { type PhraseData, SCHEMA } from "./data";
import { bandsFor, type GuessBand } from "./guess_bands";
import { Lexicon } from "./lexicon";
import { Curves, HEARD_HZ, mix } from "./mixing";
import { shown } from "./numbers";
import { Reader } from "./reader";
import { suggestions } from "./suggest";
import { checkWeights, exactPhrase, type Phrase } from "./target";

export type { PhraseData } from "./data";
export type { GuessBand } from "./guess_bands";
export { PhraseError, type PhraseErrorCode } from "./error";

/** mix: word -> amount, 1 = the word as people meant it. says: how it was understood, line by line. estimated: whether a word is a guess. */
export interface ReadPhrase {
  mix: Record<string, number>;
  says: string[];
  estimated: boolean;
}

export interface ReadOptions {
  /** Take doubtful guesses for words that nobody taught, and not only the surer ones. */
  readonly guess?: boolean;
}

interface Grammar {
  readonly lexicon: Lexicon;
  readonly curves: Curves;
}

const grammars = new WeakMap<PhraseData, Grammar>();

/** Return what a text asks for; throws PhraseError with the line that says what is not understood. */
export function readPhrase(text: string, data: PhraseData, { guess = false }: ReadOptions = {}): ReadPhrase {
  const { lexicon, curves } = grammarOf(data);
  const said = exactPhrase(text, lexicon.vocabulary, guess) ?? new Reader(text, lexicon, guess).read();
  const phrase = said.isExact ? said : { ...said, weights: mix(said.weights, curves) };
  checkWeights(phrase.weights);
  const lines = phrase.isExact && phrase.guesses.length === 0 ? [] : [lineOf(phrase)];
  return {
    mix: Object.fromEntries(phrase.weights),
    says: [...lines, ...lexicon.vocabulary.notes(phrase.weights.keys())],
    estimated: phrase.guesses.length > 0,
  };
}

/** Return at most `limit` texts for a search box: agreed words first, then guesses and examples. */
export function suggest(prefix: string, data: PhraseData, limit: number): string[] {
  return suggestions(prefix, grammarOf(data).lexicon, data.examples, limit);
}

/**
 * Return the bands for the words of a mix that nobody taught, [] where there are none; to be put beside the EQ of the taught words.
 *
 * They follow the sum of the guesses' curves in dB, each times its amount, from 30 Hz to 16 kHz; a bundle's decoder knows taught words
 * only. Throws RangeError for a word that is neither taught nor guessed.
 */
export function guessBands(mix: Readonly<Record<string, number>>, data: PhraseData): GuessBand[] {
  const { lexicon, curves } = grammarOf(data);
  const guessed = Object.entries(mix).filter(([word]) => lexicon.vocabulary.find(word) === undefined);
  if (guessed.length === 0) return [];
  const sum = new Float64Array(HEARD_HZ.length);
  for (const [word, amount] of guessed) curves.ofGuess(word).forEach((value, point) => (sum[point]! += amount * value));
  return bandsFor(sum, HEARD_HZ);
}

/** Return the grammar of data, joined once. */
function grammarOf(data: PhraseData): Grammar {
  const known = grammars.get(data);
  if (known !== undefined) return known;
  if (data.schema !== SCHEMA) throw new RangeError(`phrases of schema ${String(data.schema)}, not ${SCHEMA}: make the page anew`);
  const made = { lexicon: new Lexicon(data), curves: new Curves(data) };
  grammars.set(data, made);
  return made;
}

/** Return the line that says what was understood, what was left out, and that nothing but less of words is their opposite. */
function lineOf({ weights, ignored, guesses }: Phrase): string {
  const understood = [...weights].map(([word, weight]) => `${word} ${shown(weight)}`).join(", ");
  const adds = [...weights.values()].some((weight) => weight > 0);
  const opposite = adds ? "" : `; the opposite of ${[...weights.keys()].join(" and ")}`;
  const leftOut = ignored.length > 0 ? `; left out: ${ignored.join(", ")}` : "";
  const guessed = guesses.length > 0 ? `; only guessed: ${guesses.join(", ")}` : "";
  return `understood: ${understood}${opposite}${leftOut}${guessed}`;
}
