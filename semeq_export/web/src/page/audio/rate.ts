/**
 * The sample rate that a sound file says it has. Browsers decode to the rate of the context that they are given and keep the file's own to
 * themselves; a file that is to come back at its own rate has to be asked here.
 *
 * Sources: RIFF/WAVE and RF64 "fmt " chunk (EBU Tech 3285, 3306); AIFF COMM chunk (Apple, AIFF-C draft 1991); FLAC STREAMINFO (RFC 9639, 8.2);
 * MPEG audio frame header (ISO 11172-3, 2.4.2.3); ID3v2 size (id3.org, ID3v2.4.0 6.2); Ogg page (RFC 3533) with Vorbis I (4.2.2) or Opus
 * (RFC 7845: always decoded at 48 kHz); ISO base media "mdhd" (ISO 14496-12, 8.4.2).
 */

const MPEG_RATES_HZ: readonly (readonly number[])[] = [
  [11_025, 12_000, 8_000], // version 2.5
  [],
  [22_050, 24_000, 16_000], // version 2
  [44_100, 48_000, 32_000], // version 1
];

/** Return the rate in Hz, null where the head of the file does not say it. */
export function sampleRateOf(file: ArrayBuffer): number | null {
  const view = new DataView(file);
  if (view.byteLength < 16) return null;
  const head = tag(view, 0);
  if (head === "RIFF" || head === "RF64") return waveRate(view);
  if (head === "FORM") return aiffRate(view);
  if (head === "fLaC") return view.byteLength > 21 ? view.getUint32(18) >>> 12 : null;
  if (head === "OggS") return oggRate(view);
  if (tag(view, 4) === "ftyp") return mediaRate(view);
  return mpegRate(view);
}

function tag(view: DataView, at: number): string {
  if (at + 4 > view.byteLength) return "";
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function waveRate(view: DataView): number | null {
  for (let at = 12; at + 16 <= view.byteLength;) {
    if (tag(view, at) === "fmt ") return view.getUint32(at + 12, true);
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return null;
}

function aiffRate(view: DataView): number | null {
  for (let at = 12; at + 26 <= view.byteLength;) {
    if (tag(view, at) === "COMM") {
      const exponent = (view.getUint16(at + 16) & 0x7fff) - 16_383; // 80-bit extended: the upper 32 bits of the mantissa hold any rate
      return Math.round(view.getUint32(at + 18) * 2 ** (exponent - 31));
    }
    const size = view.getUint32(at + 4);
    at += 8 + size + (size % 2);
  }
  return null;
}

function oggRate(view: DataView): number | null {
  const packet = 27 + view.getUint8(26);
  if (packet + 16 > view.byteLength) return null;
  if (tag(view, packet) === "Opus") return 48_000;
  if (tag(view, packet + 1) === "vorb") return view.getUint32(packet + 12, true);
  return tag(view, packet + 9) === "fLaC" && packet + 31 < view.byteLength ? view.getUint32(packet + 27) >>> 12 : null;
}

function mediaRate(view: DataView): number | null {
  for (let at = 8; at + 28 <= view.byteLength; at++) {
    if (view.getUint8(at) !== 0x6d || tag(view, at) !== "mdhd") continue;
    const timescale = view.getUint32(at + (view.getUint8(at + 4) === 1 ? 24 : 16));
    if (timescale >= 8_000 && timescale <= 192_000) return timescale; // that of a sound track is its rate
  }
  return null;
}

function mpegRate(view: DataView): number | null {
  let at = 0;
  if (tag(view, 0).startsWith("ID3")) {
    at = 10;
    for (let i = 0; i < 4; i++) at += (view.getUint8(6 + i) & 0x7f) << (7 * (3 - i));
  }
  for (const end = Math.min(view.byteLength - 4, at + 8_192); at < end; at++) {
    if (view.getUint8(at) !== 0xff || (view.getUint8(at + 1) & 0xe0) !== 0xe0) continue;
    const version = (view.getUint8(at + 1) >> 3) & 3;
    const layer = (view.getUint8(at + 1) >> 1) & 3;
    const rate = MPEG_RATES_HZ[version]?.[(view.getUint8(at + 2) >> 2) & 3];
    if (layer !== 0 && rate !== undefined) return rate;
    if (layer === 0 && rate !== undefined && version >= 2) return adtsRate(view, at); // layer 0 is AAC in ADTS
  }
  return null;
}

function adtsRate(view: DataView, at: number): number | null {
  const rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
  return rates[(view.getUint8(at + 2) >> 2) & 15] ?? null;
}
