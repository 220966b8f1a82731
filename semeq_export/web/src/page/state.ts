/** Everything that the page shows, in one place. */

import type { Dose, Eq, Mix, Monitor } from "../runtime/semeq";
import type { Clip } from "./audio/clip";
import type { Measured } from "./audio/meter";
import type { Region } from "./audio/player";
import type { StudioDocument } from "./document/document";
import { START } from "./document/document";
import { Store } from "./store";

export interface Notice {
  readonly text: string;
  readonly kind: "error" | "info";
  /** Counts up, so that the same text said twice is heard twice. */
  readonly id: number;
}

export interface State {
  readonly doc: StudioDocument;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** The words with their amounts, the second one added. */
  readonly mix: Mix;
  /** What the words mean. */
  readonly wordsEq: Eq;
  /** What is heard: with what hands did to it. A dose comes on top. */
  readonly eq: Eq;
  /** What the search made of a phrase, line by line. */
  readonly says: readonly string[];
  readonly clip: Clip | null;
  /** A phrase that was refused because a word of it is only guessed, and doubtful. */
  readonly doubtful: string | null;
  /** What is being loaded, if anything is. */
  readonly loading: string | null;
  readonly playing: boolean;
  readonly monitor: Monitor;
  readonly matched: boolean;
  readonly region: Region | null;
  /** The last that was measured: of another EQ than that of now, while it is measured. */
  readonly loudness: Measured | null;
  readonly listening: boolean;
  readonly reference: string;
  readonly dose: Dose | null;
  readonly notice: Notice | null;
}

const FLAT: Eq = { bands: [], preamp_db: 0 };

export type StudioStore = Store<State>;

export function newStore(): StudioStore {
  return new Store<State>({
    doc: START,
    canUndo: false,
    canRedo: false,
    mix: {},
    wordsEq: FLAT,
    eq: FLAT,
    says: [],
    doubtful: null,
    clip: null,
    loading: null,
    playing: false,
    monitor: "eq",
    matched: true,
    region: null,
    loudness: null,
    listening: false,
    reference: "any",
    dose: null,
    notice: null,
  });
}

/** Show one line, and have it read aloud. */
export function say(store: StudioStore, text: string, kind: Notice["kind"] = "info"): void {
  store.update({ notice: { text, kind, id: (store.state.notice?.id ?? 0) + 1 } });
}

/** Show an error as one line. */
export function sayError(store: StudioStore, error: unknown): void {
  say(store, error instanceof Error ? error.message : String(error), "error");
}
