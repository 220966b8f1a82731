/** The scales of the curve's picture, and how its numbers are written. */

import type { Band, Kind } from "../../runtime/semeq";

const LOW_HZ = 20;
const HIGH_HZ = 20_000;
export const LABELLED_HZ = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;
export const LINES_HZ = [30, 40, 50, 60, 70, 80, 90]
  .flatMap((hz) => [hz, hz * 10, hz * 100])
  .concat([20, 100, 200, 1_000, 2_000, 10_000, 20_000]);
const RANGES_DB = [12, 18, 24, 36, 60];

export function xOf(freqHz: number, width: number): number {
  return (Math.log(freqHz / LOW_HZ) / Math.log(HIGH_HZ / LOW_HZ)) * width;
}

export function freqAt(x: number, width: number): number {
  return LOW_HZ * (HIGH_HZ / LOW_HZ) ** (x / width);
}

export function yOf(gainDb: number, rangeDb: number, height: number): number {
  return (0.5 - gainDb / (2 * rangeDb)) * height;
}

export function gainAt(y: number, rangeDb: number, height: number): number {
  return (0.5 - y / height) * 2 * rangeDb;
}

/** Return the smallest range that shows all of a curve with room for a hand. */
export function rangeFor(curveDb: Float64Array, bands: readonly Band[]): number {
  let most = 0;
  for (const value of curveDb) most = Math.max(most, Math.abs(value));
  for (const { gain_db } of bands) most = Math.max(most, Math.abs(gain_db));
  return RANGES_DB.find((range) => most <= range * 0.94) ?? 60;
}

function hzText(freqHz: number): string {
  if (freqHz >= 1_000) return `${(freqHz / 1_000).toFixed(freqHz >= 10_000 ? 1 : 2)} kHz`;
  return `${freqHz.toFixed(freqHz < 100 ? 1 : 0)} Hz`;
}

function dbText(gainDb: number): string {
  const text = gainDb.toFixed(1);
  return `${Number(text) > 0 ? "+" : Number(text) < 0 ? "−" : ""}${text.replace("-", "")} dB`;
}

const KINDS: Readonly<Record<Kind, string>> = { low_shelf: "low shelf", peak: "bell", high_shelf: "high shelf" };

export function kindText(kind: Kind): string {
  return KINDS[kind];
}

/** Return what a screen reader says of a band. */
export function bandText(band: Band): string {
  return `${dbText(band.gain_db)} at ${hzText(band.freq_hz)}, Q ${band.q.toFixed(2)}${band.enabled === false ? ", off" : ""}`;
}
