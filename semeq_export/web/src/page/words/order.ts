/** The words as a list: those that people agree on first, then by how many people's settings stand behind them; languages apart. */

import type { Word } from "../data";

const LANGUAGES: Readonly<Record<string, string>> = { en: "English", es: "Español" };

export interface Group {
  readonly title: string;
  readonly words: readonly Word[];
}

/** Return groups in the order in which they are shown. Words of some people only (word@group) stand at the end. */
export function groupsOf(words: readonly Word[]): Group[] {
  const byRows = [...words].sort((a, b) => b.rows - a.rows || a.word.localeCompare(b.word));
  const plain = byRows.filter(({ word }) => !word.includes("@"));
  const languages = [...new Set(plain.map(({ language }) => language))].sort((a, b) => Number(b === "en") - Number(a === "en"));
  const groups = [true, false].flatMap((isAgreed) =>
    languages.map((language) => ({
      title: `${LANGUAGES[language] ?? language}${isAgreed ? "" : ", less agreed"}`,
      words: plain.filter((word) => word.language === language && word.agreed === isAgreed),
    })),
  );
  groups.push({ title: "By group of people", words: byRows.filter(({ word }) => word.includes("@")) });
  return groups.filter(({ words: some }) => some.length > 0);
}

/** Return "521 people's settings". */
export function evidenceText(word: Word): string {
  return word.rows === 1 ? "one person's setting" : `${word.rows} people's settings`;
}

/** Return whether a word has what was typed in it, accents and case aside. */
export function matches(word: string, typed: string): boolean {
  return plainText(word).includes(plainText(typed));
}

function plainText(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
