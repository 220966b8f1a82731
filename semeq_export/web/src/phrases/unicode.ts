/** What Python's text methods do with Unicode, where JavaScript has no method that does the same. */

const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

/** Letters, numbers and the underscore, as `\w` of Python; to be put into a class. */
export const WORD_CHARS = "\\p{L}\\p{N}_";

const SPACES = new RegExp(`[${SPACE}]+`, "u");
const ONE_SPACE = new RegExp(`[${SPACE}]`, "u");

/** A character that is no space, for patterns. */
export const NO_SPACE = `[^${SPACE}]`;

const ASCII = /^[\x00-\x7f]*$/;
const KEEPS_CASE = /[\u0131\u13a0-\u13f5]/; // the dotless i, and Cherokee, which folds to its capitals
const FOLDS_UP = /[\u13f8-\u13fd\uab70-\uabbf]/;

/** Return a text in the form in which case makes no difference (`str.casefold`, Unicode full case folding). */
export function casefold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  return Array.from(text, (char) => {
    if (KEEPS_CASE.test(char)) return char;
    return FOLDS_UP.test(char) ? char.toUpperCase() : char.toLowerCase().toUpperCase().toLowerCase();
  }).join("");
}

/** Return a text without spaces at its ends. */
export function strip(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && ONE_SPACE.test(text[start]!)) start++;
  while (end > start && ONE_SPACE.test(text[end - 1]!)) end--; // a pattern for it would look at each run of spaces again and again
  return text.slice(start, end);
}

/** Return what stands between spaces. */
export function words(text: string): string[] {
  return text.split(SPACES).filter(Boolean);
}

/** Return the first characters of a text, counted as Python does. */
export function first(text: string, count: number): string {
  return text.length <= count ? text : Array.from(text).slice(0, count).join("");
}

/** Return how many characters a text has, counted as Python does. */
export function length(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

export function isAlphabetic(text: string): boolean {
  return /^\p{L}+$/u.test(text);
}

/** Return a text without accents, in compatibility decomposition. */
export function unaccented(text: string): string {
  if (ASCII.test(text)) return text;
  return Array.from(text.normalize("NFKD")).filter((char) => !isCombining(char)).join("");
}

/** Whether a decomposed character has a combining class other than 0: then it changes places with one of the lowest or the highest. */
function isCombining(char: string): boolean {
  if (!/\p{M}/u.test(char)) return false;
  const [lowest, highest] = ["\u0334", "\u0345"]; // classes 1 and 240
  if (char === lowest || char === highest) return true;
  return `${char}${lowest}`.normalize("NFD").startsWith(lowest) || !`${highest}${char}`.normalize("NFD").startsWith(highest);
}

/** Return a text with the digits of all scripts as those of ASCII. */
export function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0;
    let value = 0;
    while (/\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
    return String(value % 10); // scripts have them in runs of ten
  });
}

/** Return a text in quotes on one line, as Python's `repr` writes it. */
export function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + Array.from(text, (char) => escaped(char, quote)).join("") + quote;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([["\\", "\\\\"], ["\t", "\\t"], ["\n", "\\n"], ["\r", "\\r"]]);

function escaped(char: string, quote: string): string {
  if (char === quote) return `\\${char}`;
  const escape = ESCAPES.get(char);
  if (escape !== undefined) return escape;
  if (char === " " || !/[\p{C}\p{Z}]/u.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  const [mark, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return `\\${mark}${code.toString(16).padStart(digits, "0")}`;
}
