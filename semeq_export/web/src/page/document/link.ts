/** A document as the end of a link (`#words=warm:1&intensity=0.8`), and as a file. Both are read as what strangers wrote. */

import type { Edit, StudioDocument } from "./document";
import { MAX_INTENSITY, MAX_SECOND, START } from "./document";

const FORMAT = "semeq-studio";
const MAX_AMOUNT = 100; // the model's own limit on a weight
const MAX_WORDS = 16;
const MAX_BANDS = 64;

/** What is recalled beside the document. */
export interface Recalled {
  readonly doc: StudioDocument;
  /** Name of the built-in example that was played, if any. */
  readonly example: string | null;
}

/** Return the hash of a link, without "#". */
export function toHash({ doc, example }: Recalled): string {
  const fields = new URLSearchParams();
  const words = Object.entries(doc.mix).map(([word, amount]) => `${word}:${short(amount)}`);
  if (words.length > 0) fields.set("words", words.join(","));
  if (doc.pad !== null) fields.set("pad", doc.pad.map(short).join(","));
  if (doc.phrase !== null) fields.set("phrase", doc.phrase);
  if (doc.second !== null) fields.set("second", `${doc.second.word}:${short(doc.second.amount)}`);
  if (doc.intensity !== 1) fields.set("intensity", short(doc.intensity));
  const edits = Object.entries(doc.edits).map(([i, e]) => [i, short(e.gain_db), short(e.freq), short(e.q), e.enabled ? 1 : 0].join(":"));
  if (edits.length > 0) fields.set("bands", edits.join(","));
  if (example !== null) fields.set("sound", example);
  return fields.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%40", "@");
}

/** Return what a hash says; throws an Error in one line naming the field that is wrong. */
export function fromHash(hash: string): Recalled {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const mix: Record<string, number> = {};
  for (const part of listOf(fields.get("words"), MAX_WORDS, "words")) {
    const [word, amount] = wordOf(part, "words", MAX_AMOUNT);
    mix[word] = amount;
  }
  const pad = listOf(fields.get("pad"), 2, "pad").map((text) => numberOf(text, "pad", 1e4));
  const second = fields.get("second");
  const edits: Record<number, Edit> = {};
  for (const part of listOf(fields.get("bands"), MAX_BANDS, "bands")) {
    const [i, edit] = editOf(part);
    edits[i] = edit;
  }
  const doc: StudioDocument = {
    mix,
    pad: pad[0] !== undefined && pad[1] !== undefined ? [pad[0], pad[1]] : null,
    phrase: fields.get("phrase"),
    second: second === null ? null : secondOf(second),
    intensity: fields.has("intensity") ? numberOf(fields.get("intensity") ?? "", "intensity", MAX_INTENSITY) : START.intensity,
    edits,
  };
  return { doc, example: fields.get("sound") };
}

/** Return the text of a state file. */
export function toFile(recalled: Recalled, version: string): string {
  return `${JSON.stringify({ format: FORMAT, version: "1.0", made_by: version, state: toHash(recalled) }, null, 1)}\n`;
}

/** Return what a state file says; throws an Error in one line. */
export function fromFile(text: string): Recalled {
  let document: { format?: unknown; version?: unknown; state?: unknown } | null;
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    throw new Error("is not a state file of the studio: not JSON");
  }
  if (document === null || document.format !== FORMAT) throw new Error(`is not a state file of the studio: "format" is not "${FORMAT}"`);
  if (!String(document.version).startsWith("1."))
    throw new Error(`is a state file of version ${String(document.version)}; this page reads 1.x`);
  if (typeof document.state !== "string") throw new Error("is not a state file of the studio: no state in it");
  return fromHash(document.state);
}

function short(value: number): string {
  return String(Number(value.toFixed(4)));
}

function listOf(text: string | null, most: number, field: string): string[] {
  const parts = text === null || text === "" ? [] : text.split(",");
  if (parts.length > most) throw new Error(`the link's ${field} holds more than ${most} parts`);
  return parts;
}

function numberOf(text: string, field: string, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || Math.abs(value) > most)
    throw new Error(`the link's ${field} holds ${JSON.stringify(text)}: not a number up to ${most}`);
  return value;
}

function wordOf(part: string, field: string, most: number): [string, number] {
  const at = part.lastIndexOf(":");
  if (at <= 0) throw new Error(`the link's ${field} holds ${JSON.stringify(part)}: not word:amount`);
  return [part.slice(0, at).trim().toLowerCase(), numberOf(part.slice(at + 1), field, most)];
}

function secondOf(text: string): StudioDocument["second"] {
  const [word, amount] = wordOf(text, "second", MAX_SECOND);
  return { word, amount };
}

function editOf(part: string): [number, Edit] {
  const [place = "", gain = "", freq = "", q = "", enabled = "1"] = part.split(":");
  const i = numberOf(place, "bands", MAX_BANDS);
  if (!Number.isInteger(i) || i < 0) throw new Error(`the link's bands name band ${place}`);
  const edit = {
    gain_db: numberOf(gain, "bands", 120),
    freq: numberOf(freq, "bands", 1e4),
    q: numberOf(q, "bands", 1e4),
    enabled: enabled !== "0",
  };
  if (edit.freq <= 0 || edit.q <= 0) throw new Error("the link's bands hold a frequency or Q that is not above 0");
  return [i, edit];
}
