/**
 * A RIFF/WAVE file of a sound: 24-bit whole numbers or 32-bit floats.
 *
 * | bytes | content |
 * | --- | --- |
 * | 12 | "RIFF", size, "WAVE" |
 * | 24 or 26 | "fmt ": format (1 whole numbers, 3 floats), channels, rate, bytes a second, bytes a frame, bits |
 * | 12 | "fact" and the number of frames, for floats |
 * | 8 + n | "data": frames, channels side by side |
 *
 * Source: Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0; New Multimedia Data Types 3.0 for floats.
 */

export type Depth = "24" | "float32";

export interface Wave {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many samples were above full scale and had to be cut: of 24 bits only, floats hold them. */
  readonly clipped: number;
}

const FULL_SCALE_24 = 2 ** 23;

/** Return a file of channels, all of one length, full scale 1. */
export function waveOf(channels: readonly Float32Array[], sampleRateHz: number, depth: Depth): Wave {
  const frames = channels[0]?.length ?? 0;
  const bytesEach = depth === "24" ? 3 : 4;
  const dataBytes = frames * channels.length * bytesEach;
  const isFloat = depth === "float32";
  const headBytes = isFloat ? 58 : 44;
  const bytes = new Uint8Array(headBytes + dataBytes + (dataBytes % 2));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const text = (value: string): void => {
    for (const letter of value) view.setUint8(at++, letter.charCodeAt(0));
  };
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const u16 = (value: number): void => {
    view.setUint16(at, value, true);
    at += 2;
  };
  (text("RIFF"), u32(bytes.length - 8), text("WAVEfmt "), u32(isFloat ? 18 : 16));
  (u16(isFloat ? 3 : 1), u16(channels.length), u32(sampleRateHz), u32(sampleRateHz * channels.length * bytesEach));
  (u16(channels.length * bytesEach), u16(bytesEach * 8));
  if (isFloat) (u16(0), text("fact"), u32(4), u32(frames));
  (text("data"), u32(dataBytes));
  const clipped = isFloat ? writeFloats(view, at, channels) : writeWhole(bytes, at, channels);
  return { bytes, clipped };
}

function writeFloats(view: DataView, start: number, channels: readonly Float32Array[]): number {
  channels.forEach((channel, c) => {
    for (let i = 0; i < channel.length; i++) view.setFloat32(start + 4 * (i * channels.length + c), channel[i] ?? 0, true);
  });
  return 0;
}

function writeWhole(bytes: Uint8Array, start: number, channels: readonly Float32Array[]): number {
  let clipped = 0;
  channels.forEach((channel, c) => {
    for (let i = 0; i < channel.length; i++) {
      const wanted = Math.round((channel[i] ?? 0) * FULL_SCALE_24);
      const value = Math.min(Math.max(wanted, -FULL_SCALE_24), FULL_SCALE_24 - 1);
      if (wanted > FULL_SCALE_24 || wanted < -FULL_SCALE_24) clipped++;
      const at = start + 3 * (i * channels.length + c);
      bytes[at] = value & 0xff;
      bytes[at + 1] = (value >> 8) & 0xff;
      bytes[at + 2] = (value >> 16) & 0xff;
    }
  });
  return clipped;
}
