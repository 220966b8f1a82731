/** A test as `semeq_export/panel/page.py` puts it into the page. Sounds have codes; what is behind them stands in the test's key only. */

export type Kind = "pairs" | "mushra" | "abx";

/** A trial as one listener gets it. order: codes from left to right; hidden: in ABX the code that X is. */
export interface Showing {
  trial: string;
  order: string[];
  hidden: string;
}

export interface Test {
  schema: number;
  test_id: string;
  kind: Kind;
  title: string;
  /** reference: in MUSHRA the code that is played as the reference, else "". */
  trials: Record<string, { question: string; reference: string }>;
  forms: Showing[][];
  sounds: Record<string, number>;
  /** FLAC, base64. */
  audio: string[];
}

export function readTest(): Test {
  const element = document.getElementById("semeq-listen-data");
  if (element === null) throw new Error("this page has no test in it: make one with semeq-export listen make");
  const test = JSON.parse(element.textContent ?? "") as Test;
  if (test.schema !== 1) throw new Error(`this page reads tests of schema 1, not ${test.schema}`);
  return test;
}

/** Which form a listener gets: numbers count through the forms, so that 1, 2, 3 ... are balanced; a name always leads to the same one. */
export function formOf(participant: string, count: number): number {
  const number = /^\s*(\d{1,9})\s*$/.exec(participant);
  if (number !== null) return (Math.max(Number(number[1]), 1) - 1) % count;
  let hash = 0x811c9dc5; // FNV-1a
  for (const byte of new TextEncoder().encode(participant.trim().toLowerCase())) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash % count;
}
