/** What a search box offers while somebody types: words that people agree on, then guesses, then whole phrases. */

import type { Lexicon } from "./lexicon";
import { casefold, unaccented, WORD_CHARS } from "./unicode";

const MAX_WORDS = 4;
const WORD_START = new RegExp(`(?<![${WORD_CHARS}@])[${WORD_CHARS}]`, "gu");

/** Return at most `limit` texts that go on as a text begins: its last words completed, then examples that hold it. */
export function suggestions(prefix: string, lexicon: Lexicon, examples: readonly string[], limit: number): string[] {
  const { vocabulary } = lexicon;
  const guesses = [...vocabulary.guesses.values()].filter(({ level }) => level === "medium" || level === "high");
  const words = [...vocabulary.usual(), ...guesses.map((guess) => guess.word)];
  const found = new Set<string>();
  for (const start of tailsOf(prefix)) {
    const [head, tail] = [prefix.slice(0, start), plain(prefix.slice(start))];
    for (const word of words) {
      if (plain(word).startsWith(tail) && (start === 0 || lexicon.isItself(word))) found.add(head + word);
    }
  }
  const typed = plain(prefix).trim();
  for (const example of examples) if (plain(example).startsWith(typed)) found.add(example);
  for (const example of examples) if (plain(example).includes(` ${typed}`)) found.add(example);
  return [...found].slice(0, Math.max(0, limit));
}

/** Return where the last words of a text begin, the longest run first; where no word is begun, its end. */
function tailsOf(prefix: string): number[] {
  const starts = [...prefix.matchAll(WORD_START)].map(({ index }) => index);
  const isBegun = new RegExp(`[${WORD_CHARS}@]$`, "u").test(prefix);
  return isBegun ? starts.slice(-MAX_WORDS) : [prefix.length];
}

function plain(text: string): string {
  return unaccented(casefold(text));
}
