/**
 * The project's own preset, `.semeq.json`, as `presets/semeq_presets/file_formats/semeq_json.py` reads it.
 *
 * Version 1.1 where words are kept: those of an EQ that no hand changed and no dose scaled, with what they meant and in which bundle.
 */

import type { Band, Eq, Mix } from "../../runtime/semeq";

export interface SavedPreset {
  readonly name: string;
  readonly sampleRateHz: number;
  readonly eq: Eq;
  /** null where the bands are no longer what words meant. */
  readonly words: { readonly mix: Mix; readonly intensity: number; readonly bundle: string; readonly areGuessed: boolean } | null;
}

/** Return the text of a preset; keys in order, so that equal presets are equal texts. */
export function presetText({ name, sampleRateHz, eq, words }: SavedPreset): string {
  const settings = settingsOf(eq);
  const preset = {
    eq: settings,
    name,
    sample_rate_hz: sampleRateHz,
    ...(words === null ? {} : { words: wordsOf(words, settings) }),
  };
  return `${JSON.stringify({ format: "semeq-preset", preset, version: words === null ? "1.0" : "1.1" }, null, 1)}\n`;
}

function wordsOf({ mix, intensity, bundle, areGuessed }: NonNullable<SavedPreset["words"]>, eq: object): object {
  return { bundle_sha256: bundle, eq, ...(areGuessed ? { estimated: true } : {}), intensity, weights: Object.entries(mix) };
}

function settingsOf({ bands, preamp_db }: Eq): object {
  return { bands: bands.map(bandOf), preamp_db };
}

function bandOf({ enabled, freq_hz, gain_db, kind, q }: Band): object {
  return { enabled: enabled !== false, freq_hz, gain_db, kind, q };
}
