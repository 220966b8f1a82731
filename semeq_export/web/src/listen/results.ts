/** Answers, and the CSV of them: webMUSHRA's columns, with the session's number in both tables. */

import type { Kind } from "./data";

export interface Score {
  stimulus: string;
  score: number;
}

/** reference: in pairs the sound to the left, in ABX the one that X is; answer: in pairs the chosen code, in ABX correct or incorrect. */
export interface Choice {
  reference: string;
  other: string;
  answer: string;
}

export interface Answer {
  trial: string;
  scores: Score[];
  choice: Choice | null;
  time_ms: number;
  comment: string;
}

const OWN = ["session_test_id", "participant", "session_uuid", "trial_id"];
const RATING = ["rating_stimulus", "rating_score", "rating_time", "rating_comment"];
const CHOICE = ["choice_reference", "choice_non_reference", "choice_answer", "choice_time", "choice_comment"];

export function toCsv(kind: Kind, testId: string, participant: string, session: string, answers: readonly Answer[]): string {
  const rows: (string | number)[][] = [[...OWN, ...(kind === "mushra" ? RATING : CHOICE)]];
  for (const { trial, scores, choice, time_ms, comment } of answers) {
    const own = [testId, participant, session, trial];
    for (const { stimulus, score } of scores) rows.push([...own, stimulus, score, time_ms, comment]);
    if (choice !== null) rows.push([...own, choice.reference, choice.other, choice.answer, time_ms, comment]);
  }
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: string | number): string {
  const text = String(value);
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A number that no other session has; `crypto.randomUUID` is missing on plain http. */
export function newSession(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function download(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
