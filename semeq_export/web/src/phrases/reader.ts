/** Reads one phrase, clause by clause; as `semeq_export/words/phrases.py`. */

import { PhraseError } from "./error";
import { NUMBER, tokensOf } from "./forms";
import type { Entry, Lexicon } from "./lexicon";
import { roundTo } from "./numbers";
import { checkWeights, cited, type Phrase } from "./target";
import { asciiDigits, unaccented } from "./unicode";

const KEPT = 0.5; // weight of what is not to be lost: "without losing warmth"
const NOT_TOO = -0.5;

/** A word that was found. said: how it is written. isPlain: nothing says more or less of it. hasExcess: "too" does. */
interface Item {
  readonly word: string;
  readonly said: string;
  direction: number;
  amount: number;
  isPlain: boolean;
  readonly isRegion: boolean;
  hasExcess: boolean;
  /** It takes away a fault that follows. */
  readonly isCure: boolean;
  /** The number after it is its weight. */
  isNumbered: boolean;
}

export class Reader {
  private items: Item[] = [];
  private readonly ignored: string[] = [];
  /** Where in `items` the present clause begins. */
  private clause = 0;
  /** Said, and not yet used. */
  private direction: number | undefined;
  private amount: number | undefined;
  private hasExcess = false;
  /** What stands between the last word and the next. */
  private joint = "";
  /** The amount is one in percent, which the word gets whatever stands beside it. */
  private isShare = false;
  /** "is" or "sounds" was said in this clause, and no wish before: a fault that follows is too much. */
  private states = false;
  private wishes = false;

  /** doubtful: whether doubtful guesses are asked for. */
  constructor(
    private readonly text: string,
    private readonly lexicon: Lexicon,
    private readonly doubtful: boolean,
  ) {}

  /** Return the phrase; throws PhraseError. */
  read(): Phrase {
    const tokens = tokensOf(this.text);
    const spellings = tokens.map(unaccented);
    for (let at = 0; at < tokens.length; ) {
      const [entry, count] = this.lexicon.longest(spellings, at);
      this.take(tokens.slice(at, at + count).join(" "), entry);
      at += count;
    }
    this.endClause();
    if (this.items.length === 0) throw new PhraseError(`no word about sound in ${cited(this.text)}`);
    const weights = new Map<string, number>();
    for (const { word, direction, amount } of this.items) {
      if (weights.has(word)) throw new PhraseError(`${cited(word)} occurs twice in ${cited(this.text)}`);
      weights.set(word, roundTo(direction * amount, 3));
    }
    checkWeights(weights);
    const guesses = [...weights.keys()].filter((word) => this.lexicon.vocabulary.find(word) === undefined);
    return { weights, ignored: [...new Set(this.ignored)], isExact: this.items.every((item) => item.isNumbered), guesses };
  }

  private take(said: string, entry: Entry | undefined): void {
    if (entry === undefined || entry.kind === "near") {
      if (!this.takeNumber(said)) throw this.lexicon.unknown(said, entry);
      return;
    }
    switch (entry.kind) {
      case "amount":
        this.amount = entry.value;
        break;
      case "direction":
      case "excess":
        this.turn(entry.value, entry.kind === "excess");
        break;
      case "join":
        this.join(entry.names[0] ?? "");
        break;
      case "noun":
        this.ignored.push(said);
        break;
      case "wish":
        this.wishes = true;
        break;
      case "state":
        this.states = !this.wishes;
        break;
      case "enough":
        this.endWithEnough(said);
        break;
      case "filler":
        break;
      case "guess":
        this.lexicon.checkGuess(said, entry, this.doubtful);
        this.find(said, entry);
        break;
      default:
        this.find(said, entry);
    }
  }

  /** Use a number: a share in percent is an amount, one after a word is its weight. Returns whether it is one. */
  private takeNumber(said: string): boolean {
    if (!NUMBER.test(said)) return false;
    const isShare = said.endsWith("%");
    const number = Number(asciiDigits(isShare ? said.slice(0, -1) : said));
    if (isShare) {
      [this.amount, this.isShare] = [number / 100, true];
      return true;
    }
    const last = this.items.at(-1);
    if (last === undefined || this.joint !== "" || this.direction !== undefined || this.amount !== undefined || number === 0) return false;
    last.direction = last.isPlain ? Math.sign(number) : last.direction * Math.sign(number);
    last.amount = last.isPlain ? Math.abs(number) : last.amount * Math.abs(number);
    [last.isPlain, last.isNumbered] = [false, true];
    return true;
  }

  /** Take a direction together with one that nothing has followed yet. */
  private turn(value: number, isExcess: boolean): void {
    if (this.direction === undefined || this.direction > 0 || this.hasExcess) {
      [this.direction, this.hasExcess] = [value, isExcess];
    } else if (isExcess) {
      [this.direction, this.hasExcess] = [NOT_TOO, true];
    } else if (value < 0) {
      this.direction = KEPT;
    }
  }

  /** Ask for more of the last word: "not warm enough" does. */
  private endWithEnough(said: string): void {
    const last = this.items.at(-1);
    if (last === undefined) throw this.lexicon.unknown(said, undefined);
    [last.direction, last.isPlain] = [1, false];
  }

  private join(joint: string): void {
    if (joint === "but" || joint === "comma" || this.direction === undefined) this.endClause();
    this.joint = joint === "nor" ? "or" : joint;
    if (joint === "nor") [this.direction, this.hasExcess] = [-1, false];
  }

  /** Give an amount that nothing follows to the last word, refuse a "less" that nothing follows, and drop regions described. */
  private endClause(): void {
    const here = this.items.slice(this.clause);
    if (this.direction !== undefined && this.direction < 0) {
      throw new PhraseError(`it is not said of what there is to be less in ${cited(this.text)}`);
    }
    const last = here.at(-1);
    if (this.amount !== undefined && last !== undefined) last.amount *= this.amount;
    if (here.some((item) => !item.isRegion)) {
      const isDescribed = (item: Item) => item.isRegion && item.isPlain;
      this.ignored.push(...here.filter(isDescribed).map((item) => item.said));
      this.items = [...this.items.slice(0, this.clause), ...here.filter((item) => !isDescribed(item))];
    }
    [this.clause, this.direction, this.hasExcess, this.amount, this.states] = [this.items.length, undefined, false, undefined, false];
  }

  /** Add a word with the direction and amount that were said of it, or those of the word before it. */
  private find(said: string, entry: Entry): void {
    const last = this.items.at(-1);
    const item = this.itemOf(said, entry);
    const isFault = this.lexicon.fault.has(item.word);
    if (this.states && this.direction === undefined && !entry.isComparative && isFault) {
      [item.direction, item.hasExcess, item.isPlain] = [-1, true, false];
    }
    if (last?.isCure && item.isPlain && this.joint === "" && isFault) {
      [item.direction, item.amount, item.isPlain] = [-1, last.amount, false]; // "smooth out the harshness"
      this.items.pop();
    } else if (item.isPlain && last !== undefined && !(item.isRegion && this.joint === "")) {
      this.passOn(last, item);
    }
    item.amount *= entry.value;
    this.items.push(item);
    [this.direction, this.hasExcess, this.amount, this.isShare, this.joint] = [undefined, false, undefined, false, ""];
  }

  private itemOf(said: string, { kind, word, isComparative }: Entry): Item {
    return {
      word,
      said,
      direction: this.direction ?? 1,
      amount: this.amount ?? 1,
      isPlain: this.direction === undefined && this.amount === undefined && !isComparative,
      isRegion: kind === "region",
      hasExcess: this.hasExcess,
      isCure: kind === "cure",
      isNumbered: this.isShare,
    };
  }

  /** Let a word of which nothing is said share what is said of the one before it, where they are joined that way. */
  private passOn(last: Item, item: Item): void {
    if (this.joint === "but") return;
    const { fault } = this.lexicon;
    if (this.joint === "comma") {
      if (last.direction < 0 && fault.has(last.word) && fault.has(item.word)) share(last, item);
      return;
    }
    if (last.direction < 0 && !last.hasExcess && this.joint !== "or" && this.kindOf(last.word) !== this.kindOf(item.word)) {
      const [less, more] = [`less ${last.word}, less ${item.word}`, `less ${last.word}, ${item.word}`].map(cited);
      throw new PhraseError(`${cited(this.text)} can mean ${less} or ${more}; say which`);
    }
    share(last, item);
  }

  private kindOf(word: string): string {
    if (this.lexicon.fault.has(word)) return "fault";
    return this.lexicon.virtue.has(word) ? "virtue" : "";
  }
}

function share(last: Item, item: Item): void {
  [item.direction, item.amount, item.hasExcess] = [last.direction, last.amount, last.hasExcess];
}
