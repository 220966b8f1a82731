/** What each word or run of words is in a phrase; as `semeq_export/words/lexicon.py`. */

import type { Kind, Language, LexiconGroup, PhraseData } from "./data";
import type { PhraseError } from "./error";
import { adjectives, isSlip, LANGUAGES, spelled, stemOf } from "./forms";
import { isAlphabetic, length, unaccented, WORD_CHARS } from "./unicode";
import { unknownTerm, Vocabulary } from "./vocabulary";

const MAX_WORDS_OF_A_KEY = 4;
const MIN_STEM = 4; // of a guess: shorter ones are those of other languages' words
const ENDINGS: readonly (readonly [ending: string, share: number])[] = [
  ["ish", 0.5], ["isimo", 1.25], ["isima", 1.25], ["isimos", 1.25], ["isimas", 1.25],
];
const ROOT = new RegExp(`^[${WORD_CHARS}]{3,}$`, "u");
const WITHOUT_VALUE: readonly Kind[] = ["noun", "filler", "wish", "state", "enough"];

/** What a run of words is. word: of the vocabulary or a guess. value: of an amount or direction. names: of a join, or of near words. */
export interface Entry {
  readonly kind: Kind;
  readonly word: string;
  readonly value: number;
  readonly names: readonly string[];
  /** "warmer" says more by itself. */
  readonly isComparative: boolean;
}

type Stems = Record<Language, Map<string, Entry>>;

function entry(kind: Kind, parts: Partial<Entry> = {}): Entry {
  return { kind, word: "", value: 1, names: [], isComparative: false, ...parts };
}

export class Lexicon {
  readonly vocabulary: Vocabulary;
  readonly fault: ReadonlySet<string>;
  readonly virtue: ReadonlySet<string>;
  private readonly exact = new Map<string, Entry>();
  private readonly stems: Stems = { en: new Map(), es: new Map() };
  private readonly guessed = new Map<string, Entry>();
  private readonly guessedStems: Stems = { en: new Map(), es: new Map() };

  constructor(data: PhraseData) {
    this.vocabulary = new Vocabulary(data);
    this.fault = new Set(data.fault);
    this.virtue = new Set(data.virtue);
    for (const group of data.lexicon) this.add(group);
    for (const { word, languages } of this.vocabulary.guesses.values()) this.addGuess(word, languages);
  }

  private add([kind, language, yields, entries]: LexiconGroup): void {
    const step = WITHOUT_VALUE.includes(kind) ? 1 : 2;
    for (let at = 0; at < entries.length; at += step) {
      const key = String(entries[at]);
      const found = this.entryOf(kind, step === 1 ? undefined : entries[at + 1]);
      if (yields === 0 || !this.exact.has(key)) this.exact.set(key, found);
      if (language !== "" && !/[ @]/.test(key)) this.stems[language].set(stemOf(key, language), found);
    }
  }

  private entryOf(kind: Kind, value: string | number | readonly number[] | undefined): Entry {
    const name = (place: number) => this.vocabulary.names[place] ?? "";
    if (typeof value === "string") return entry(kind, { names: [value] });
    if (typeof value === "object") return entry(kind, { names: value.map(name) });
    if (value === undefined) return entry(kind);
    return ["word", "cure", "region"].includes(kind) ? entry(kind, { word: name(value) }) : entry(kind, { value });
  }

  private addGuess(word: string, languages: readonly string[]): void {
    const key = spelled(word);
    const found = this.guessed.get(key) ?? entry("guess", { word });
    this.guessed.set(key, found);
    for (const language of LANGUAGES) {
      if (key.includes(" ") || !languages.includes(language)) continue;
      const stem = stemOf(key, language);
      if (!this.guessedStems[language].has(stem)) this.guessedStems[language].set(stem, found);
    }
  }

  /** Whether a word means itself inside a phrase, and nothing that the grammar has in its place, such as an amount. */
  isItself(word: string): boolean {
    const tokens = spelled(word).split(" ");
    const [found, count] = this.longest(tokens, 0);
    return found?.word === word && count === tokens.length;
  }

  /** Return what begins at a token without accents and how many tokens it takes; undefined for a single one that is nothing known. */
  longest(tokens: readonly string[], start: number): [entry: Entry | undefined, count: number] {
    for (let count = Math.min(MAX_WORDS_OF_A_KEY, tokens.length - start); count > 0; count--) {
      const key = tokens.slice(start, start + count).join(" ");
      let found = this.exact.get(key);
      if (found === undefined || found.kind === "near") found = this.guessed.get(key) ?? found;
      if (found !== undefined) return [found, count];
    }
    const token = tokens[start] ?? "";
    const found = this.inflected(token);
    if (found === undefined || found.kind === "near") return [this.inflectedGuess(token) ?? found, 1];
    return [found, 1];
  }

  private inflected(token: string): Entry | undefined {
    for (const form of adjectives(token)) {
      const found = this.exact.get(form);
      if (found?.kind === "word" || found?.kind === "near") return { ...found, isComparative: true };
    }
    for (const language of LANGUAGES) {
      const found = this.stems[language].get(stemOf(token, language));
      if (found !== undefined) return found;
    }
    for (const [ending, share] of ENDINGS) {
      const root = token.endsWith(ending) ? token.slice(0, -ending.length) : "";
      for (const form of ROOT.test(root) ? [root, `${root}o`, `${root}e`] : []) {
        const found = this.exact.get(form);
        if (found?.kind === "word") return { ...found, value: share };
      }
    }
    return undefined;
  }

  private inflectedGuess(token: string): Entry | undefined {
    for (const form of adjectives(token)) {
      const found = this.guessed.get(form);
      if (found !== undefined) return { ...found, isComparative: true };
    }
    for (const language of LANGUAGES) {
      const stem = stemOf(token, language);
      const found = length(stem) >= MIN_STEM ? this.guessedStems[language].get(stem) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Throw PhraseError for a guess that is refused, or has to be asked for and is not, naming it as it was said. */
  checkGuess(said: string, { word }: Entry, doubtful: boolean): void {
    if (this.vocabulary.usable(word, doubtful) !== undefined) return;
    const near = this.vocabulary.guesses.get(word)?.near ?? [];
    throw this.unknown(said, this.exact.get(unaccented(word)) ?? entry("near", { names: near }));
  }

  /** Return the error that names a word, with the words nearest in meaning, else those that a slip of spelling makes of it. */
  unknown(token: string, found: Entry | undefined): PhraseError {
    const near = (found?.names ?? []).filter((name) => this.vocabulary.isUsual(name));
    if (near.length > 0) return unknownTerm(token, near, true);
    const folded = unaccented(token);
    const typed = [folded, ...adjectives(folded)];
    const slips: string[] = [];
    for (const [key, { kind, word }] of this.exact) {
      if (kind !== "word" || !isAlphabetic(key) || !this.vocabulary.isUsual(word)) continue;
      if (typed.some((form) => isSlip(form, key))) slips.push(key);
    }
    return unknownTerm(token, slips.slice(0, 3));
  }
}
