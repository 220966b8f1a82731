/** The built-in examples by id, synthesised when they are asked for: nothing is downloaded and nobody's recording is used. */

import type { Clip } from "../clip";
import { bass, drums, pad, voice } from "./music";
import { RATE_HZ } from "./synthesis";

export interface Example {
  readonly id: string;
  readonly title: string;
  /** Which reference of the bundle suits it. */
  readonly reference: string;
  readonly make: () => Float32Array<ArrayBuffer>[];
}

export const EXAMPLES: readonly Example[] = [
  { id: "drums", title: "Drums", reference: "drums", make: drums },
  { id: "pad", title: "Chords", reference: "keys", make: pad },
  { id: "bass", title: "Bass", reference: "bass", make: bass },
  { id: "voice", title: "Voice", reference: "voice", make: voice },
];

/** Return an example as a clip; null if there is none of that name. */
export function exampleClip(id: string): Clip | null {
  const example = EXAMPLES.find((one) => one.id === id);
  if (example === undefined) return null;
  const channels = example.make();
  return {
    name: example.title,
    channels,
    sampleRateHz: RATE_HZ,
    seconds: (channels[0]?.length ?? 0) / RATE_HZ,
    example: id,
    file: null,
    note: null,
  };
}
