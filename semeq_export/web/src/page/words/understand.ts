/** What a person wrote into the search box, as words with amounts. */

import type { Mix } from "../../runtime/semeq";
import type { StudioData } from "../data";
import { plainText } from "./order";

export interface Understood {
  readonly mix: Mix;
  /** How it was understood, line by line, for a person to check. */
  readonly says: readonly string[];
}

export type Understand = (text: string) => Understood | Promise<Understood>;

/** Return a reader of phrases; it throws an Error in one line naming what it does not know. */
export function reader(data: StudioData): Understand {
  const names = new Map(data.words.map(({ word }) => [plainText(word), word]));
  return (text) => {
    const word = names.get(plainText(text));
    if (word === undefined) throw new Error(`unknown word ${JSON.stringify(text.trim())}: choose one of the list`);
    return { mix: { [word]: 1 }, says: [] };
  };
}
