/** The exact syntax, warm:0.7,bright:0.3: weights as they are written; as `semeq_export/words/target.py` and `phrase.py`. */

import { PhraseError } from "./error";
import { shown, toNumber } from "./numbers";
import { first, length, quoted, strip } from "./unicode";
import { normalised, unknownTerm, type Vocabulary } from "./vocabulary";

const MAX_PHRASE_CHARS = 300;
const SHOWN_CHARS = 60;
const [MIN_WEIGHT, MAX_WEIGHT] = [1e-6, 10];
const LESS = new Set(["less", "menos"]);

/** What a text asks for. isExact: the text gives the weights itself, or is one word. ignored: words that say what the sound is of. */
export interface Phrase {
  readonly weights: ReadonlyMap<string, number>;
  readonly ignored: readonly string[];
  readonly isExact: boolean;
  readonly guesses: readonly string[];
}

/** Return what somebody wrote as a message quotes it: its beginning, where it is no line. */
export function cited(text: string): string {
  return quoted(first(strip(text), SHOWN_CHARS));
}

/** Throw PhraseError for a weight out of range. */
export function checkWeights(weights: ReadonlyMap<string, number>): void {
  for (const [word, weight] of weights) {
    const what = `weight ${shown(weight)} of ${cited(word)}`;
    if (!Number.isFinite(weight) || weight === 0) throw new PhraseError(`${what} is not a number other than 0`);
    const size = Math.abs(weight);
    if (size < MIN_WEIGHT || size > MAX_WEIGHT) {
      throw new PhraseError(`${what} is 0 or outside ${-MAX_WEIGHT}..${MAX_WEIGHT}; 1 is the word itself, 0.7 is 70 % of it`);
    }
  }
}

/** Return the weights of "warm", "warm:0.7,bright:0.3" or "warm,less harsh"; throws PhraseError. */
function parsed(text: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const part of text.split(",")) {
    const colon = part.indexOf(":");
    const [sign, name] = signed(normalised(colon < 0 ? part : part.slice(0, colon)));
    if (name === "") throw new PhraseError(`no word in ${cited(part)} of target ${cited(text)}`);
    const number = part.slice(colon + 1);
    const size = colon < 0 ? 1 : toNumber(number);
    if (size === undefined) throw new PhraseError(`weight ${cited(number)} of ${cited(name)} is not a number`);
    if (weights.has(name)) throw new PhraseError(`${cited(name)} occurs twice in target ${cited(text)}`);
    weights.set(name, sign * size);
  }
  if (!text.includes(":")) {
    const adding = [...weights.values()].filter((weight) => weight > 0).length;
    for (const [name, weight] of weights) if (weight > 0) weights.set(name, weight / adding);
  }
  checkWeights(weights);
  return weights;
}

function signed(name: string): [sign: number, name: string] {
  const space = name.indexOf(" ");
  return space > 0 && LESS.has(name.slice(0, space)) ? [-1, name.slice(space + 1)] : [1, name];
}

/**
 * Return what a text in the exact syntax says, undefined where it has to be read as a phrase.
 *
 * Without numbers, what is said of each word is 1 or, for less of it, -1. doubtful: whether doubtful guesses are asked for.
 * Throws PhraseError for what is written as no phrase is.
 */
export function exactPhrase(text: string, vocabulary: Vocabulary, doubtful: boolean): Phrase | undefined {
  try {
    return knownPhrase(text, parsed(text), vocabulary, doubtful);
  } catch (error) {
    if (!(error instanceof PhraseError) || error.code === "doubtful-term" || text.includes(":")) throw error;
    const count = length(text);
    if (count > MAX_PHRASE_CHARS) throw new PhraseError(`a phrase of ${count} characters is longer than ${MAX_PHRASE_CHARS}`);
    return undefined;
  }
}

function knownPhrase(text: string, exact: ReadonlyMap<string, number>, vocabulary: Vocabulary, doubtful: boolean): Phrase | undefined {
  const guessed = new Set<string>();
  for (const word of exact.keys()) {
    if (vocabulary.find(word) === undefined && vocabulary.usable(word, doubtful) !== undefined) guessed.add(word);
  }
  const named = new Map<string, number>();
  for (const [word, weight] of exact) {
    const name = guessed.has(word) ? word : vocabulary.find(word);
    if (name === undefined) throw unknownTerm(word, vocabulary.suggest(word));
    named.set(name, weight);
  }
  if (named.size !== exact.size) return undefined;
  const guesses = [...named.keys()].filter((word) => guessed.has(word));
  const values = [...named.values()];
  if (text.includes(":") || (values.length === 1 && values[0] === 1)) return { weights: named, ignored: [], isExact: true, guesses };
  return { weights: new Map([...named].map(([word, weight]) => [word, Math.sign(weight)])), ignored: [], isExact: false, guesses };
}
