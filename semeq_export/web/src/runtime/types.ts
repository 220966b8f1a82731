/** A band's kind; the filters are those of the Audio EQ Cookbook, with its Q for shelves too. */
export type Kind = "low_shelf" | "peak" | "high_shelf";

/** freq_hz: 1e-6..200000. gain_db: -60..60. q: 1e-6..1000. A band at more than 0.95 of half the sample rate is left out. */
export interface Band {
  kind: Kind;
  freq_hz: number;
  gain_db: number;
  q: number;
  enabled?: boolean;
}

/** At most 64 bands in series, and an overall gain of -120..120 dB. */
export interface Eq {
  bands: Band[];
  preamp_db: number;
}

/** How much of each word: 1 is the word as people meant it, 0.5 half of it, below 0 less of it. */
export type Mix = Readonly<Record<string, number>>;

/** What is heard: the processed signal, the dry one, or processed minus dry. */
export type Monitor = "eq" | "dry" | "delta";

/** A kit's semeq.wasm, and three files of its model. Texts may be given as their bytes. */
export interface ModelFiles {
  wasm: BufferSource;
  decoder: BufferSource;
  centroids: string | BufferSource;
  manifest: string | BufferSource;
}

/**
 * What an EQ that listens found. dose: how much of what is asked for the sound has already, null until half a second was heard.
 * factor: what the intensity is multiplied by for it. seconds: of sound so far.
 */
export interface Dose {
  dose: number | null;
  factor: number;
  seconds: number;
}
