/** A drum loop, a chord pad, a bass line and a voice-like phrase: dull and boxy in places on purpose, so that an EQ has something to do. */

import { faded, Filter, noiseSource, noteHz, RATE_HZ, Saw, Sheet, sound } from "./synthesis";

const BEAT_S = 60 / 96;

/** Two bars at 96 beats a minute: kick, snare, hats with a little swing, a room behind them. */
export function drums(): Float32Array<ArrayBuffer>[] {
  const sheet = new Sheet(8 * BEAT_S);
  const noise = noiseSource(11);
  const kick = sound(
    0.42,
    (t) => Math.sin(2 * Math.PI * (48 * t + 5.2 * (1 - Math.exp(-t * 26)))) * Math.exp(-t * 8.5) + noise() * 0.25 * Math.exp(-t * 420),
  );
  const body = new Filter("band");
  const rattle = new Filter("high");
  const snare = sound(0.3, (t) => {
    const n = noise();
    return (
      Math.sin(2 * Math.PI * (186 * t + 1.1 * (1 - Math.exp(-t * 60)))) * 0.6 * Math.exp(-t * 22) +
      (rattle.next(n, 1_600, 0.7) * 0.5 + body.next(n, 420, 1.4)) * Math.exp(-t * 17)
    );
  });
  const metal = new Filter("high");
  const hat = sound(0.09, (t) => metal.next(noise(), 7_000, 0.8) * Math.exp(-t * 62));
  const openMetal = new Filter("high");
  const openHat = sound(0.34, (t) => openMetal.next(noise(), 6_200, 0.8) * Math.exp(-t * 11));
  const wood = new Filter("band");
  const room = sound(0.5, (t) => wood.next(noise(), 340, 0.9) * Math.exp(-t * 9) * Math.min(t * 90, 1));
  for (const beat of [0, 1.5, 2.75, 4, 5.5, 6.25]) sheet.add(kick, beat * BEAT_S, 0.95);
  for (const beat of [1, 3, 5, 7, 7.75]) {
    const gain = beat === 7.75 ? 0.25 : 0.62;
    sheet.add(snare, beat * BEAT_S, gain, 0.08);
    sheet.add(room, beat * BEAT_S + 0.012, gain * 0.5, -0.5);
    sheet.add(room, beat * BEAT_S + 0.019, gain * 0.5, 0.5);
  }
  for (let eighth = 0; eighth < 16; eighth++) {
    const at = eighth * 0.5 + (eighth % 2 === 1 ? 0.06 : 0);
    if (eighth === 7 || eighth === 15) sheet.add(openHat, at * BEAT_S, 0.16, 0.3);
    else sheet.add(hat, at * BEAT_S, eighth % 2 === 0 ? 0.24 : 0.15, 0.3);
  }
  return sheet.finished(-3);
}

/** Four chords of detuned saws under a slow filter. */
export function pad(): Float32Array<ArrayBuffer>[] {
  const chordS = 2;
  const chords = [
    [45, 57, 60, 64, 67],
    [41, 57, 60, 65, 69],
    [48, 55, 60, 64, 71],
    [43, 55, 59, 62, 69],
  ];
  const sheet = new Sheet(chordS * chords.length);
  chords.forEach((chord, c) => {
    chord.forEach((note, n) => {
      for (const side of [-1, 1]) {
        const saw = new Saw(((n * 7 + side + 3) % 11) / 11);
        const filter = new Filter("low");
        const freqHz = noteHz(note) * 2 ** ((side * (4 + n)) / 1_200);
        const voice = sound(chordS + 0.7, (t) =>
          filter.next(saw.next(freqHz), 1_200 + 4_200 * Math.sin((Math.PI * t) / (chordS + 0.7)) + 220 * n, 0.9),
        );
        sheet.add(faded(voice, 0.25, 0.9), c * chordS, n === 0 ? 0.3 : 0.17, side * 0.75);
      }
    });
  });
  return sheet.finished(-5);
}

/** A plucked synth bass, two bars. */
export function bass(): Float32Array<ArrayBuffer>[] {
  const line: readonly (readonly [number, number, number])[] = [
    [0, 33, 0.7],
    [0.75, 33, 0.2],
    [1.5, 45, 0.35],
    [2, 36, 0.6],
    [2.75, 38, 0.2],
    [3.25, 40, 0.5],
    [4, 29, 0.7],
    [4.75, 29, 0.2],
    [5.5, 41, 0.35],
    [6, 31, 0.6],
    [6.75, 43, 0.25],
    [7.25, 31, 0.5],
  ];
  const sheet = new Sheet(8 * BEAT_S);
  const noise = noiseSource(5);
  for (const [beat, note, beats] of line) {
    const saw = new Saw();
    const filter = new Filter("low");
    const freqHz = noteHz(note);
    const pluck = sound(beats * BEAT_S + 0.12, (t) => {
      const raw = 0.7 * saw.next(freqHz) + 0.6 * Math.sin(2 * Math.PI * freqHz * t) + noise() * 0.12 * Math.exp(-t * 130);
      return Math.tanh(1.6 * filter.next(raw, 180 + 2_400 * Math.exp(-t * 11), 1.3)) * Math.exp(-t * 1.6);
    });
    sheet.add(faded(pluck, 0.003, 0.06), beat * BEAT_S, 0.8);
  }
  return sheet.finished(-4);
}

/** Vowels by their first five formants in Hz (after Peterson and Barney 1952 and Fant 1960, a male voice). */
const VOWELS = {
  a: [730, 1_090, 2_440, 3_400, 4_500],
  e: [530, 1_840, 2_480, 3_500, 4_500],
  i: [270, 2_290, 3_010, 3_600, 4_500],
  o: [570, 840, 2_410, 3_300, 4_500],
  u: [300, 870, 2_240, 3_300, 4_500],
} as const;
const FORMANT_GAINS = [1, 0.55, 0.3, 0.16, 0.1];

/** A sung phrase of vowels and consonants of noise, close to the microphone, with hiss and hum of a bad room. */
export function voice(): Float32Array<ArrayBuffer>[] {
  const phrase: readonly (readonly [keyof typeof VOWELS, number, number, boolean])[] = [
    ["a", 50, 0.62, true],
    ["o", 52, 0.5, false],
    ["e", 55, 0.7, true],
    ["i", 53, 0.55, true],
    ["u", 50, 0.6, false],
    ["a", 48, 0.5, true],
    ["o", 50, 1.15, true],
  ];
  const total = phrase.reduce((sum, [, , seconds]) => sum + seconds, 0) + 0.4;
  const sheet = new Sheet(total);
  const noise = noiseSource(23);
  let at = 0.1;
  for (const [vowel, note, seconds, isSibilant] of phrase) {
    const saw = new Saw();
    const tilt = new Filter("low");
    const formants = VOWELS[vowel].map(() => new Filter("band"));
    const sung = sound(seconds, (t) => {
      const vibrato = 1 + 0.006 * Math.sin(2 * Math.PI * 5.4 * t) * Math.min(t * 3, 1);
      const source = tilt.next(saw.next(noteHz(note) * vibrato) + noise() * 0.06, 1_100, 0.6);
      return VOWELS[vowel].reduce(
        (sum, hz, f) => sum + (formants[f]?.next(source, hz, hz / (60 + 0.04 * hz)) ?? 0) * (FORMANT_GAINS[f] ?? 0),
        0.25 * source,
      );
    });
    sheet.add(faded(sung, 0.05, 0.09), at + (isSibilant ? 0.09 : 0), 0.5);
    if (isSibilant) {
      const hiss = new Filter("band");
      sheet.add(
        faded(
          sound(0.13, () => hiss.next(noise(), 6_300, 1.6)),
          0.03,
          0.05,
        ),
        at,
        0.34,
      );
    }
    at += seconds;
  }
  const air = new Filter("low");
  sheet.add(
    sound(total, (t) => air.next(noise(), 5_000, 0.7) * 0.012 + 0.006 * Math.sin((2 * Math.PI * 100 * Math.round(t * RATE_HZ)) / RATE_HZ)),
    0,
    1,
  );
  return sheet.finished(-4);
}
