import type { Dose } from "./types.js";

/** What a live EQ can be told, in the form in which it crosses to the audio thread. */
export type Setting =
  | { kind: "eq"; eq: Float64Array; intensity: number }
  | { kind: "monitor"; gains: readonly [number, number] }
  | { kind: "listening"; isOn: boolean; reference: Float64Array | null };

export type Message = Setting | { kind: "ask"; number: number } | { kind: "close" };

/** What the audio thread says back. */
export type Answer = { kind: "state"; number: number; state: Dose } | { kind: "failed"; why: string };
