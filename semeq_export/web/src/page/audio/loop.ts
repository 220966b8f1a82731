/** A part of a clip that can go round without a click. */

import type { Region } from "./player";

const SEAM_S = 0.008;

/**
 * Return the part whose first moments come out of what follows it: when its end goes over into its beginning, the sound goes on as it
 * would have, and fades into the beginning with equal power.
 */
export function loopOf(channels: readonly Float32Array[], sampleRateHz: number, { start, end }: Region): Float32Array<ArrayBuffer>[] {
  const first = Math.round(start * sampleRateHz);
  const last = Math.max(Math.round(end * sampleRateHz), first + 1);
  const seam = Math.min(Math.round(SEAM_S * sampleRateHz), last - first);
  return channels.map((channel) => {
    const part = channel.slice(first, last);
    for (let i = 0; i < seam; i++) {
      const angle = ((i / seam) * Math.PI) / 2;
      part[i] = Math.sin(angle) * (part[i] ?? 0) + Math.cos(angle) * (channel[last + i] ?? 0);
    }
    return part;
  });
}
