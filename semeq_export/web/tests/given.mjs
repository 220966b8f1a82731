/** What the tests share: the built module, and the model that ships. */
import { readFileSync } from "node:fs";

import * as semeq from "../built/semeq.js";

const BUILT = new URL("../built/", import.meta.url);
const BUNDLE = new URL("../../factory/default.semeq/", import.meta.url);

export { semeq };

/** A fresh copy of the files that `Model.load` takes. */
export function files() {
  return {
    wasm: readFileSync(new URL("semeq.wasm", BUILT)),
    decoder: readFileSync(new URL("decoder.semeq", BUNDLE)),
    centroids: readFileSync(new URL("centroids.json", BUNDLE)),
    manifest: readFileSync(new URL("manifest.json", BUNDLE)),
  };
}

export function reference(name) {
  return readFileSync(new URL(`../../references/${name}.json`, import.meta.url), "utf8");
}

export const model = await semeq.Model.load(files());

/** Noise of -1..1 times a level, the same in each run. */
export function noise(samples, level = 0.1, seed = 1) {
  let state = seed;
  return Float32Array.from({ length: samples }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return level * (state / 2147483648 - 1);
  });
}

export const peak = (samples) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

/** What a stream makes of channels, in blocks. */
export function play(stream, channels, block = 128) {
  const result = channels.map((channel) => new Float32Array(channel.length));
  for (let start = 0; start < channels[0].length; start += block) {
    const part = (channel) => channel.subarray(start, start + block);
    stream.process(channels.map(part), result.map(part));
  }
  return result;
}
