/** A sound that is loaded, and how a file becomes one. */

import { sampleRateOf } from "./rate";

export interface Clip {
  readonly name: string;
  /** (channels, samples), full scale 1. */
  readonly channels: readonly Float32Array<ArrayBuffer>[];
  readonly sampleRateHz: number;
  readonly seconds: number;
  /** Id of the built-in example that it is, null for a person's own file. */
  readonly example: string | null;
  /** The file that it was read from, null for an example. */
  readonly file: File | null;
  /** What a person should know about how it was read, in one line. */
  readonly note: string | null;
}

const FALLBACK_RATE_HZ = 48_000;
const MIN_RATE_HZ = 8_000;
const MAX_RATE_HZ = 192_000;
const MAX_FILE_BYTES = 500_000_000;

/** Return the sound of a file at the file's own rate; throws an Error in one line. */
export async function readClip(file: File): Promise<Clip> {
  if (file.size > MAX_FILE_BYTES)
    throw new Error(`${file.name} is larger than ${MAX_FILE_BYTES / 1e6} MB: cut out the part that you want to hear`);
  const bytes = await file.arrayBuffer();
  const said = sampleRateOf(bytes);
  const usable = said !== null && said >= MIN_RATE_HZ && said <= MAX_RATE_HZ;
  const rate = usable ? said : FALLBACK_RATE_HZ;
  let decoded: AudioBuffer;
  try {
    decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new Error(`${file.name} cannot be decoded here: try WAV, FLAC or MP3`);
  }
  if (decoded.length === 0) throw new Error(`${file.name} holds no sound`);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, c) => decoded.getChannelData(c));
  return {
    name: file.name,
    channels,
    sampleRateHz: rate,
    seconds: decoded.length / rate,
    example: null,
    file,
    note: usable ? null : `${file.name} does not say a rate that can be kept: it is heard and saved at ${FALLBACK_RATE_HZ / 1000} kHz`,
  };
}
