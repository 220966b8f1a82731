/** What the page is about: read once from the script tag `semeq-data`, which `semeq_export/studio/page.py` writes. */

import type { PhraseData } from "../phrases";

export interface Word {
  readonly word: string;
  readonly language: string;
  /** Whether people agree on it; the rest is used where it is asked for by name. */
  readonly agreed: boolean;
  /** How many people's settings stand behind it. */
  readonly rows: number;
  readonly opposite: string | null;
  /** How strongly the median person does it, 1 = the word as it stands. */
  readonly typical: number | null;
  /** What a user should know of it, "" for nothing. */
  readonly doubts: string;
}

export interface Axis {
  readonly low: string;
  readonly high: string;
  /** Share of the variance of the words' curves, 0..1. */
  readonly share: number;
}

export type Point = readonly [number, number];

export interface StudioData {
  readonly schema: number;
  readonly version: string;
  readonly name: string;
  /** Identity of the bundle (64 hexadecimal digits), by which a preset remembers what its words meant. */
  readonly identity?: string;
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly decoder: Uint8Array<ArrayBuffer>;
  readonly centroids: string;
  readonly manifest: string;
  /** Reference spectra as JSON texts, by the kind of sound. */
  readonly references: Readonly<Record<string, string>>;
  readonly words: readonly Word[];
  readonly map: { readonly axes: readonly [Axis, Axis]; readonly points: Readonly<Record<string, Point>> };
  readonly phrases: PhraseData;
  readonly server: { readonly token: string } | null;
}

const SCHEMA = 1;

interface RawData extends Omit<StudioData, "wasm" | "decoder" | "references"> {
  readonly wasm: string;
  readonly decoder: string;
  readonly references?: Readonly<Record<string, unknown>>;
}

/** Return the data of a document; throws an Error in one line where there is none, or where it is of another version. */
export async function readData(document: Document): Promise<StudioData> {
  const tag = document.getElementById("semeq-data");
  if (tag === null) throw new Error("this page holds no words: make it with `semeq-export studio --page FILE.html`");
  const raw = JSON.parse(tag.textContent ?? "") as RawData;
  if (raw.schema !== SCHEMA) throw new Error(`this page reads data of schema ${SCHEMA}, not ${String(raw.schema)}: make it anew`);
  const references = Object.fromEntries(Object.entries(raw.references ?? {}).map(([kind, reference]) => [kind, textOf(reference)]));
  return { ...raw, wasm: await unpacked(raw.wasm), decoder: await unpacked(raw.decoder), references };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Return what was gzipped and written as base64. */
async function unpacked(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytesOf(base64)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Return the bytes of a base64 text. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
