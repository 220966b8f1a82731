/**
 * Stems of Spanish words without accents: the Snowball 3.1 stemmer, https://snowballstem.org/algorithms/spanish/stemmer.html.
 *
 * Words come in lower case and without accents, as `forms.ts` makes them, so endings with an accent are left out.
 */

import { longestEnding, regionAfter } from "./english";

const VOWELS = "aeiou";
const PRONOUNS = ["me", "se", "sela", "selo", "selas", "selos", "la", "le", "lo", "las", "les", "los", "nos"];
const BEFORE_PRONOUNS = ["iendo", "ando", "yendo", "ar", "er", "ir"];

interface Rule {
  readonly endings: readonly string[];
  /** What the ending becomes. */
  readonly becomes?: string;
  /** Of which the longest goes too. */
  readonly then?: readonly string[];
}

const RULES: readonly Rule[] = [
  {
    endings: [
      "anza", "anzas", "ico", "ica", "icos", "icas", "ismo", "ismos", "able", "ables", "ible", "ibles", "ista", "istas", "oso", "osa", "osos",
      "osas", "amiento", "amientos", "imiento", "imientos",
    ],
  },
  {
    endings: ["adora", "ador", "acion", "adoras", "adores", "aciones", "ante", "antes", "ancia", "ancias"],
    then: ["ic"],
  },
  { endings: ["ucion", "uciones"], becomes: "u" },
  { endings: ["encia", "encias"], becomes: "ente" },
  { endings: ["amente"], then: ["ic", "ad", "os", "iv"] },
  { endings: ["mente"], then: ["able", "ible", "ante"] },
  { endings: ["idad", "idades"], then: ["ic", "abil", "iv"] },
  { endings: ["iva", "ivo", "ivas", "ivos"], then: ["at"] },
];
const RULE_OF: ReadonlyMap<string, Rule> = new Map(RULES.flatMap((rule) => rule.endings.map((ending) => [ending, rule] as const)));

const Y_VERBS = ["ya", "ye", "yan", "yen", "yeron", "yendo", "yo", "yas", "yes", "yais", "yamos"];
const VERBS_AFTER_GU = new Set(["en", "es", "emos"]);
const VERBS = [
  ...VERBS_AFTER_GU, "aba", "ada", "ida", "ara", "iera", "ad", "ed", "id", "ase", "iese", "aste", "iste", "an", "aban", "aran", "ieran",
  "asen", "iesen", "aron", "ieron", "ado", "ido", "ando", "iendo", "ar", "er", "ir", "as", "abas", "adas", "idas", "aras", "ieras", "ases",
  "ieses", "abais", "arais", "ierais", "aseis", "ieseis", "asteis", "isteis", "ados", "idos", "amos", "aremos", "eremos", "iremos", "imos",
];

/** Return the stem of a word. */
export function spanishStem(word: string): string {
  return new SpanishStem(word).stem();
}

class SpanishStem {
  private readonly verbal: number;
  private readonly first: number;
  private readonly second: number;

  constructor(private word: string) {
    this.verbal = verbalRegion(word);
    this.first = regionAfter(word, 0, VOWELS);
    this.second = regionAfter(word, this.first, VOWELS);
  }

  stem(): string {
    this.pronoun();
    if (!this.standard() && !this.verbWithY()) this.verb();
    this.residue();
    return this.word;
  }

  private pronoun(): void {
    const pronoun = longestEnding(this.word, PRONOUNS);
    if (pronoun === undefined) return;
    const rest = this.word.slice(0, -pronoun.length);
    const ending = longestEnding(rest, BEFORE_PRONOUNS);
    if (ending === undefined || this.verbal > rest.length - ending.length) return;
    if (ending !== "yendo" || rest.at(-ending.length - 1) === "u") this.word = rest;
  }

  private standard(): boolean {
    const ending = longestEnding(this.word, RULE_OF.keys());
    const rule = ending === undefined ? undefined : RULE_OF.get(ending);
    if (ending === undefined || rule === undefined) return false;
    if ((ending === "amente" ? this.first : this.second) > this.word.length - ending.length) return false;
    this.word = this.word.slice(0, -ending.length) + (rule.becomes ?? "");
    const cut = rule.then && this.cutInSecond(rule.then);
    if (ending === "amente" && cut === "iv") this.cutInSecond(["at"]);
    return true;
  }

  /** Cut the longest of some endings off where it lies in the second region, and return it. */
  private cutInSecond(endings: readonly string[]): string | undefined {
    const ending = longestEnding(this.word, endings);
    if (ending === undefined || this.second > this.word.length - ending.length) return undefined;
    this.word = this.word.slice(0, -ending.length);
    return ending;
  }

  private verbWithY(): boolean {
    const ending = longestEnding(this.word.slice(this.verbal), Y_VERBS);
    if (ending === undefined || this.word.at(-ending.length - 1) !== "u") return false;
    this.word = this.word.slice(0, -ending.length);
    return true;
  }

  private verb(): void {
    const ending = longestEnding(this.word.slice(this.verbal), VERBS);
    if (ending === undefined) return;
    this.word = this.word.slice(0, -ending.length);
    if (VERBS_AFTER_GU.has(ending) && this.word.endsWith("gu")) this.word = this.word.slice(0, -1);
  }

  private residue(): void {
    const ending = longestEnding(this.word, ["os", "a", "o", "e"]);
    if (ending === undefined || this.verbal > this.word.length - ending.length) return;
    this.word = this.word.slice(0, -ending.length);
    if (ending === "e" && this.word.endsWith("gu") && this.verbal < this.word.length) this.word = this.word.slice(0, -1);
  }
}

/** Return where the part of a word begins in which endings of verbs are looked for. */
function verbalRegion(word: string): number {
  const isVowel = (at: number) => VOWELS.includes(word[at]!);
  if (word.length < 2) return word.length;
  let at = 2;
  if (!isVowel(1)) {
    while (at < word.length && !isVowel(at)) at++;
  } else if (isVowel(0)) {
    while (at < word.length && isVowel(at)) at++;
  }
  return Math.min(at + 1, word.length);
}
