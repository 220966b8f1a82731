/** What undo, links and state files are about: which words, how much of them, and what was changed by hand. Plain values, never mutated. */

import type { Band, Eq, Mix } from "../../runtime/semeq";
import type { Point } from "../data";

export const MAX_INTENSITY = 3;
export const MAX_SECOND = 2;
export const LIMITS = { gain_db: [-24, 24], freq_hz: [20, 20_000], q: [0.1, 10] } as const;

/** What a hand did to one band of the words' EQ: added to its gain, times its frequency and Q. */
export interface Edit {
  readonly gain_db: number;
  readonly freq: number;
  readonly q: number;
  readonly enabled: boolean;
}

export interface Second {
  readonly word: string;
  /** 1 = the word as people meant it; below 0 is "less". */
  readonly amount: number;
}

export interface StudioDocument {
  readonly mix: Mix;
  /** Where the pad stands, if the mix came from the map. */
  readonly pad: Point | null;
  /** The phrase that the mix came from, as it was written. */
  readonly phrase: string | null;
  readonly second: Second | null;
  readonly intensity: number;
  /** By the place of the band; only those that a hand touched. */
  readonly edits: Readonly<Record<number, Edit>>;
}

const UNTOUCHED: Edit = { gain_db: 0, freq: 1, q: 1, enabled: true };

export const START: StudioDocument = { mix: {}, pad: null, phrase: null, second: null, intensity: 1, edits: {} };

/** Return every word with its amount, the second one added. */
export function wholeMix(doc: StudioDocument): Mix {
  const mix: Record<string, number> = { ...doc.mix };
  if (doc.second !== null && doc.second.amount !== 0) mix[doc.second.word] = (mix[doc.second.word] ?? 0) + doc.second.amount;
  for (const word of Object.keys(mix)) if (mix[word] === 0) delete mix[word];
  return mix;
}

export function isEdited(doc: StudioDocument): boolean {
  return Object.keys(doc.edits).length > 0;
}

/** Return what is heard: what the words mean, with what hands did to it, inside the limits of the handles. */
export function editedEq(eq: Eq, edits: StudioDocument["edits"]): Eq {
  return { ...eq, bands: eq.bands.map((band, i) => edited(band, edits[i])) };
}

function edited(band: Band, edit: Edit | undefined): Band {
  if (edit === undefined) return band;
  return {
    kind: band.kind,
    freq_hz: within("freq_hz", band.freq_hz * edit.freq),
    gain_db: within("gain_db", band.gain_db + edit.gain_db),
    q: within("q", band.q * edit.q),
    enabled: edit.enabled,
  };
}

/** Return the edit that turns a band of the words into what a hand asks for. */
export function editTo(band: Band, wanted: Partial<Band>, before: Edit = UNTOUCHED): Edit {
  return {
    gain_db: wanted.gain_db === undefined ? before.gain_db : within("gain_db", wanted.gain_db) - band.gain_db,
    freq: wanted.freq_hz === undefined ? before.freq : within("freq_hz", wanted.freq_hz) / band.freq_hz,
    q: wanted.q === undefined ? before.q : within("q", wanted.q) / band.q,
    enabled: wanted.enabled ?? before.enabled,
  };
}

function within(what: keyof typeof LIMITS, value: number): number {
  const [low, high] = LIMITS[what];
  return Math.min(Math.max(value, low), high);
}

/** Return an EQ with every gain times an amount: what a dose does. */
export function scaledEq(eq: Eq, amount: number): Eq {
  return { preamp_db: eq.preamp_db * amount, bands: eq.bands.map((band) => ({ ...band, gain_db: band.gain_db * amount })) };
}

/** Return "warm 0.62 + less deep 0.38" for a mix, the most first. */
export function mixText(mix: Mix): string {
  const parts = Object.entries(mix).sort(([, a], [, b]) => b - a);
  if (parts.length === 1 && parts[0]?.[1] === 1) return parts[0][0];
  return parts.map(([word, amount]) => (amount < 0 ? `less ${word} ${number(-amount)}` : `${word} ${number(amount)}`)).join(" + ");
}

function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}
