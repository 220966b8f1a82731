/** The taught words and the guesses: which there are, what a message suggests, and what a user should know of them. */

import type { GuessRow, PhraseData } from "./data";
import { PhraseError } from "./error";
import { closest } from "./spelling";
import { casefold, first, length, quoted, words } from "./unicode";

const [USUAL, WEAK] = [1, 2];
const MAX_TERM_CHARS = 64;
const SHOWN_CHARS = 60;
const LEVELS = ["refused", "doubtful", "medium", "high"] as const;

export type Level = (typeof LEVELS)[number];

/** A word that nobody taught, with what it may mean. near: words that are used alike. shares: how alike, of 1/100. */
export interface Guess {
  readonly word: string;
  readonly languages: readonly string[];
  readonly level: Level;
  readonly near: readonly string[];
  readonly shares: readonly number[];
  readonly rows: number;
  readonly bands: string;
}

/** Return a word as banks spell it. */
export function normalised(text: string): string {
  return words(casefold(text.normalize("NFC"))).join(" ");
}

export class Vocabulary {
  /** In the order of the bank. */
  readonly names: readonly string[];
  /** The surest first. */
  readonly guesses: ReadonlyMap<string, Guess>;
  private readonly flags: ReadonlyMap<string, number>;
  private readonly doubts: ReadonlyMap<string, string>;

  constructor(data: PhraseData) {
    this.names = data.words.map(([name]) => name);
    this.flags = new Map(data.words.map(([name, flags]) => [name, flags]));
    this.doubts = new Map(data.words.map(([name, , doubt]) => [name, doubt ?? ""]));
    this.guesses = new Map(data.guesses.map((row) => [row[0], guessOf(row, this.names)]));
  }

  /** Return the name of a taught word in any spelling of case and spaces, undefined where there is none. */
  find(word: string): string | undefined {
    return [word, normalised(word)].find((name) => this.flags.has(name));
  }

  isUsual(name: string): boolean {
    return ((this.flags.get(name) ?? 0) & USUAL) !== 0;
  }

  usual(): string[] {
    return this.names.filter((name) => this.isUsual(name));
  }

  /** Return the guess for a word, undefined where there is none or it is refused; throws PhraseError for one that has to be asked for. */
  usable(word: string, doubtful: boolean): Guess | undefined {
    const guess = this.guesses.get(word);
    if (guess === undefined || guess.level === "refused") return undefined;
    if (guess.level === "doubtful" && !doubtful) throw doubtfulTerm(guess);
    return guess;
  }

  /** Return usual words spelled like this one, closest first, with an @ those of some people too; of several in one, their blend. */
  suggest(name: string): string[] {
    const parts = length(name) > MAX_TERM_CHARS ? [] : words(name.replaceAll("+", " ").replaceAll(" and ", " "));
    const found = parts.map((part) => this.find(part));
    if (found.length > 1 && !found.includes(undefined)) return [[...new Set(found)].join(",")];
    const known = name.includes("@") ? this.names.filter((word) => ((this.flags.get(word) ?? 0) & WEAK) === 0) : this.usual();
    return closest(first(normalised(name), MAX_TERM_CHARS), known, 3);
  }

  /** Return what a user should know of words, line by line: of taught ones first. */
  notes(chosen: Iterable<string>): string[] {
    const all = [...chosen];
    const guesses = all.filter((word) => !this.flags.has(word)).map((word) => this.guesses.get(word));
    return [...all.map((word) => this.doubts.get(word) ?? ""), ...guesses.map((guess) => (guess ? lineOf(guess) : ""))].filter(Boolean);
  }
}

/** Return the error for a word that nobody knows. */
export function unknownTerm(term: string, suggestions: readonly string[], isByMeaning = false): PhraseError {
  const listed = suggestions.map(quoted).join(" or ");
  const hint = isByMeaning ? `nearest in meaning: ${listed}` : `did you mean ${listed}?`;
  const line = `unknown term ${quoted(first(term, SHOWN_CHARS))}; ${suggestions.length > 0 ? hint : "see: semeq-export terms"}`;
  return new PhraseError(line, "unknown-term", suggestions);
}

function doubtfulTerm({ word, near }: Guess): PhraseError {
  const nearest = near.length > 0 ? `; nearest in meaning: ${near.map(quoted).join(" or ")}` : "";
  const line = `nobody taught ${quoted(first(word, SHOWN_CHARS))}, and what it means is doubtful: use \`guess\` to take it all the same${nearest}`;
  return new PhraseError(line, "doubtful-term", near);
}

function guessOf([word, languages, level, near, shares = [], rows = 0, bands = ""]: GuessRow, names: readonly string[]): Guess {
  return {
    word,
    languages: ["en", "es"].filter((_, bit) => languages & (1 << bit)),
    level: LEVELS[level] ?? "refused",
    near: near.map((place) => (typeof place === "string" ? place : (names[place] ?? ""))),
    shares,
    rows,
    bands,
  };
}

function lineOf({ word, near, shares, rows, bands, level }: Guess): string {
  const people = `${rows} ${rows === 1 ? "person" : "people"} used it, too few to teach it`;
  const parts = [rows > 0 ? people : "nobody taught it"];
  if (near.length > 0) parts.push(`nearest by use: ${near.map((name, i) => `${name} ${shareText(shares[i] ?? 0)}`).join(", ")}`);
  if (bands !== "") parts.push(`charts: ${bands}`);
  return `${word}: ${parts.join("; ")}; confidence ${level}`;
}

function shareText(hundredths: number): string {
  return (hundredths / 100).toFixed(2).replace(/^0/, "");
}
