/** How words are spelled and inflected: tokens of a text, stems, comparatives and slips of the hand; as `semeq_export/words/forms.py`. */

import type { Language } from "./data";
import { englishStem } from "./english";
import { spanishStem } from "./spanish";
import { casefold, length, NO_SPACE, unaccented, WORD_CHARS } from "./unicode";

export const LANGUAGES: readonly Language[] = ["en", "es"];

const NUMBER_PATTERN = "[-+]?\\p{Nd}+(?:\\.\\p{Nd}+)?%?";

export const NUMBER = new RegExp(`^${NUMBER_PATTERN}$`, "u");

const TOKEN = new RegExp(`[\\p{L}\\p{Nl}\\p{No}][${WORD_CHARS}@]*|${NUMBER_PATTERN}|${NO_SPACE}`, "gu");
const APOSTROPHE_INSIDE = new RegExp(`(?<=[${WORD_CHARS}])'(?=[${WORD_CHARS}])`, "gu");
const HYPHEN_INSIDE = new RegExp(`(?<=[${WORD_CHARS}])-(?=[\\p{L}\\p{Nl}\\p{No}_])`, "gu");
const SILENT = new Set("\"'()[]“”‘’«»¿¡*:");

/** Return the words, numbers and marks of a text in lower case, without apostrophes and the hyphens inside words. */
export function tokensOf(text: string): string[] {
  const plain = casefold(text).replaceAll("’", "'").normalize("NFC").replace(APOSTROPHE_INSIDE, "").replace(HYPHEN_INSIDE, " ");
  return (plain.match(TOKEN) ?? []).filter((token) => !SILENT.has(token));
}

/** Return a word or a run of words as the lexicon spells it. */
export function spelled(text: string): string {
  return tokensOf(text).map(unaccented).join(" ");
}

/** Return what the inflections of a word without accents have in common, the word itself where that is next to nothing. */
export function stemOf(word: string, language: Language): string {
  const stem = language === "en" ? englishStem(word) : spanishStem(word);
  return length(stem) >= 3 ? stem : word;
}

/** Return what a comparative or superlative may be of: without its ending, and without a doubled consonant. */
export function adjectives(word: string): string[] {
  const forms: string[] = [];
  for (const ending of ["er", "est"]) {
    const root = Array.from(word.endsWith(ending) ? word.slice(0, -ending.length) : "");
    if (root.length < 2) continue;
    const [text, shorter] = [root.join(""), root.slice(0, -1).join("")];
    forms.push(text, `${text}e`);
    if (root.at(-1) === "i") forms.push(`${shorter}y`);
    if (root.at(-1) === root.at(-2)) forms.push(shorter);
  }
  return forms;
}

/** Whether one slip of the hand makes one word of the other: a letter left out, doubled or swapped, or another one in a long word. */
export function isSlip(typedText: string, wordText: string): boolean {
  const [typed, word] = [Array.from(typedText), Array.from(wordText)];
  if (typedText === wordText || word.length < 4 || Math.abs(typed.length - word.length) > 1) return false;
  if (typed.length !== word.length) {
    const [short, long] = typed.length < word.length ? [typed, word] : [word, typed];
    const at = long.findIndex((letter, i) => letter !== short[i]);
    return long.slice(at + 1).every((letter, i) => letter === short[at + i]);
  }
  const differ = [...word.keys()].filter((i) => typed[i] !== word[i]);
  const [i = 0, k = 0] = differ;
  if (differ.length === 2) return k === i + 1 && typed[i] === word[k] && typed[k] === word[i];
  return differ.length === 1 && word.length >= 6;
}
