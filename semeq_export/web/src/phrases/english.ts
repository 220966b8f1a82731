/**
 * Stems of English words: the Porter2 stemmer as Snowball 3.1 has it, https://snowballstem.org/algorithms/english/stemmer.html.
 *
 * Words come in lower case and without apostrophes, as `forms.ts` makes them.
 */

const VOWELS = "aeiouy";
const NOT_SHORT = "Yaeiouwxy";
const BEFORE_LI = "cdeghkmnrt";
const WHOLE: ReadonlyMap<string, string> = new Map([
  ["andes", "andes"], ["atlas", "atlas"], ["bias", "bias"], ["cosmos", "cosmos"], ["early", "earli"], ["gently", "gentl"], ["howe", "howe"],
  ["idly", "idl"], ["news", "news"], ["only", "onli"], ["singly", "singl"], ["skies", "sky"], ["skis", "ski"], ["sky", "sky"], ["ugly", "ugli"],
]);
const FIRST_REGIONS = ["arsen", "commun", "emerg", "gener", "inter", "later", "organ", "past", "univers"];
const WITH_ING = new Set(["even", "cann", "inn", "earr", "herr", "out"]);
const WITH_EED = new Set(["succ", "proc", "exc"]);
const STEP_2: ReadonlyMap<string, string> = new Map([
  ["tional", "tion"], ["enci", "ence"], ["anci", "ance"], ["abli", "able"], ["entli", "ent"], ["izer", "ize"], ["ization", "ize"],
  ["ational", "ate"], ["ation", "ate"], ["ator", "ate"], ["alism", "al"], ["aliti", "al"], ["alli", "al"], ["fulness", "ful"],
  ["ousli", "ous"], ["ousness", "ous"], ["iveness", "ive"], ["iviti", "ive"], ["biliti", "ble"], ["bli", "ble"], ["ogist", "og"],
  ["ogi", "og"], ["fulli", "ful"], ["lessli", "less"], ["li", ""],
]);
const STEP_3: ReadonlyMap<string, string> = new Map([
  ["tional", "tion"], ["ational", "ate"], ["alize", "al"], ["icate", "ic"], ["iciti", "ic"], ["ical", "ic"], ["ful", ""], ["ness", ""],
  ["ative", ""],
]);
const STEP_4 = [
  "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion",
];

/** Return the stem of a word. */
export function englishStem(word: string): string {
  const whole = WHOLE.get(word);
  if (whole !== undefined) return whole;
  if (word.length < 3) return word;
  return new EnglishStem(word).stem();
}

/** Return the longest of some endings that a text has, undefined where it has none. */
export function longestEnding(text: string, endings: Iterable<string>): string | undefined {
  let found: string | undefined;
  for (const ending of endings) if (text.endsWith(ending) && ending.length > (found?.length ?? -1)) found = ending;
  return found;
}

/** Return where the part of a word begins that follows the first consonant after a vowel, counted from a place. */
export function regionAfter(word: string, from: number, vowels: string): number {
  let at = from;
  while (at < word.length && !vowels.includes(word[at]!)) at++;
  while (at < word.length && vowels.includes(word[at]!)) at++;
  return Math.min(at + 1, word.length);
}

class EnglishStem {
  private word: string;
  private readonly hasConsonantY: boolean;
  private readonly first: number;
  private readonly second: number;

  constructor(word: string) {
    this.word = withConsonantY(word);
    this.hasConsonantY = this.word !== word;
    const prefix = FIRST_REGIONS.find((start) => this.word.startsWith(start));
    this.first = prefix?.length ?? regionAfter(this.word, 0, VOWELS);
    this.second = regionAfter(this.word, this.first, VOWELS);
  }

  stem(): string {
    this.plurals();
    this.pasts();
    if (/[yY]$/.test(this.word) && this.word.length > 2 && !isVowel(this.word.at(-2))) this.word = `${this.word.slice(0, -1)}i`;
    this.step2();
    this.step3();
    this.step4();
    this.step5();
    return this.hasConsonantY ? this.word.replaceAll("Y", "y") : this.word;
  }

  private plurals(): void {
    const ending = longestEnding(this.word, ["sses", "ied", "ies", "ss", "us", "s"]);
    if (ending === "sses") this.cut(2);
    else if (ending === "ied" || ending === "ies") this.cut(this.word.length > 4 ? 2 : 1);
    else if (ending === "s" && hasVowel(this.word.slice(0, -2))) this.cut(1);
  }

  private pasts(): void {
    const ending = longestEnding(this.word, ["ed", "eed", "ing", "edly", "eedly", "ingly"]);
    if (ending === undefined) return;
    const base = this.word.slice(0, -ending.length);
    if (ending.startsWith("eed")) {
      if (this.first <= base.length && !WITH_EED.has(base)) this.word = `${base}ee`;
      return;
    }
    if (ending === "ing") {
      if (WITH_ING.has(base)) return;
      if (base.length === 2 && base[1] === "y" && !isVowel(base[0])) {
        this.word = `${base[0]}ie`;
        return;
      }
    }
    if (hasVowel(base)) this.word = this.repaired(base);
  }

  /** Return what is left of a word without "ed" or "ing" as the infinitive is written. */
  private repaired(base: string): string {
    if (/(?:at|bl|iz)$/.test(base)) return `${base}e`;
    if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(base)) return base.length === 3 && "aeo".includes(base[0]!) ? base : base.slice(0, -1);
    return base.length === this.first && endsShort(base) ? `${base}e` : base;
  }

  private step2(): void {
    const ending = longestEnding(this.word, STEP_2.keys());
    if (ending === undefined || !this.isIn(this.first, ending)) return;
    const before = this.word.at(-ending.length - 1) ?? "";
    if (ending === "ogi" && before !== "l") return;
    if (ending === "li" && (before === "" || !BEFORE_LI.includes(before))) return;
    this.word = this.word.slice(0, -ending.length) + STEP_2.get(ending)!;
  }

  private step3(): void {
    const ending = longestEnding(this.word, STEP_3.keys());
    if (ending === undefined || !this.isIn(this.first, ending)) return;
    if (ending === "ative" && !this.isIn(this.second, ending)) return;
    this.word = this.word.slice(0, -ending.length) + STEP_3.get(ending)!;
  }

  private step4(): void {
    const ending = longestEnding(this.word, STEP_4);
    if (ending === undefined || !this.isIn(this.second, ending)) return;
    if (ending === "ion" && !/[st]ion$/.test(this.word)) return;
    this.cut(ending.length);
  }

  private step5(): void {
    if (this.word.endsWith("e")) {
      if (this.isIn(this.second, "e") || (this.isIn(this.first, "e") && !endsShort(this.word.slice(0, -1)))) this.cut(1);
    } else if (this.word.endsWith("ll") && this.isIn(this.second, "l")) {
      this.cut(1);
    }
  }

  private isIn(region: number, ending: string): boolean {
    return region <= this.word.length - ending.length;
  }

  private cut(count: number): void {
    this.word = this.word.slice(0, -count);
  }
}

/** Return a word with a capital Y for each y that is a consonant: the first letter, or after a vowel. */
function withConsonantY(word: string): string {
  let marked = "";
  for (const char of word) marked += char === "y" && (marked === "" || isVowel(marked.at(-1))) ? "Y" : char;
  return marked;
}

function isVowel(char: string | undefined): boolean {
  return char !== undefined && VOWELS.includes(char);
}

function hasVowel(text: string): boolean {
  return Array.from(text).some(isVowel);
}

/** Whether a text ends in a short syllable. */
function endsShort(text: string): boolean {
  const [third, second, last] = [text.at(-3), text.at(-2), text.at(-1)];
  if (last !== undefined && isVowel(second)) {
    if (third !== undefined && !isVowel(third) && !NOT_SHORT.includes(last)) return true;
    if (third === undefined && !isVowel(last)) return true;
  }
  return text.endsWith("past");
}
