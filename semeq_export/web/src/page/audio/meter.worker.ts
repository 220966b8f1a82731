/** Measures loudness and renders files beside the page's own thread, so that neither sound nor hands wait for it. */

import type { Eq, ModelFiles } from "../../runtime/semeq";
import { Model } from "../../runtime/semeq";
import type { Region } from "./player";

export type Request =
  | { readonly what: "model"; readonly id: number; readonly files: ModelFiles }
  | { readonly what: "clip"; readonly id: number; readonly channels: Float32Array[]; readonly sampleRateHz: number }
  | { readonly what: "loudness"; readonly id: number; readonly eq: Eq; readonly region: Region | null }
  | { readonly what: "render"; readonly id: number; readonly eq: Eq };

export interface Loudness {
  readonly beforeLufs: number;
  readonly afterLufs: number;
}

export type Answer = {
  readonly id: number;
  readonly error?: string;
  readonly loudness?: Loudness;
  readonly channels?: Float32Array<ArrayBuffer>[];
};

let model: Promise<Model> | null = null;
let clip: { channels: Float32Array[]; sampleRateHz: number } = { channels: [], sampleRateHz: 48_000 };
let before: { of: string; lufs: number } | null = null;

async function answer(request: Request): Promise<Omit<Answer, "id">> {
  if (request.what === "model") {
    model = Model.load(request.files);
    await model;
    return {};
  }
  if (request.what === "clip") {
    clip = request;
    before = null;
    return {};
  }
  if (model === null) throw new Error("the model is not loaded");
  const loaded = await model;
  if (request.what === "render") return { channels: loaded.apply(request.eq, clip.channels, clip.sampleRateHz) };
  return { loudness: measured(loaded, request.eq, request.region) };
}

function measured(loaded: Model, eq: Eq, region: Region | null): Loudness {
  const { sampleRateHz } = clip;
  const part =
    region === null
      ? clip.channels
      : clip.channels.map((c) => c.subarray(Math.round(region.start * sampleRateHz), Math.round(region.end * sampleRateHz)));
  const of = JSON.stringify(region);
  if (before?.of !== of) before = { of, lufs: loaded.loudness(part, sampleRateHz) };
  return { beforeLufs: before.lufs, afterLufs: loaded.loudness(part, sampleRateHz, { eq }) };
}

self.onmessage = async ({ data }: MessageEvent<Request>): Promise<void> => {
  try {
    const result = await answer(data);
    self.postMessage({ id: data.id, ...result } satisfies Answer, { transfer: result.channels?.map(({ buffer }) => buffer) ?? [] });
  } catch (error) {
    self.postMessage({ id: data.id, error: error instanceof Error ? error.message : String(error) } satisfies Answer);
  }
};
