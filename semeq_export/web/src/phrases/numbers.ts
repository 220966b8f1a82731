/** Numbers as Python rounds, writes and reads them. */

import { asciiDigits, strip } from "./unicode";

/** Return a number rounded to decimals, halves to even digits (`round`). */
export function roundTo(value: number, decimals: number): number {
  const size = Math.abs(value);
  if (!(size < 1e21)) return value;
  const isHalf = Math.abs((size * 2 ** (decimals + 1)) % 2) === 1; // only these lie exactly between two decimals
  let text = size.toFixed(decimals);
  if (isHalf && Number(text.at(-1)) % 2 === 1) text = (size - 10 ** -decimals / 4).toFixed(decimals);
  return Math.sign(value) * Number(text);
}

/** Return a number rounded to a whole one, halves to even. */
export function roundToWhole(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const SIGNIFICANT = 6;

/** Return a number in at most six significant digits, as Python's format `g`. */
export function shown(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [digits, exponent] = significant(Math.abs(value));
  const isPlain = exponent >= -4 && exponent < SIGNIFICANT;
  if (!isPlain) {
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${withPoint(digits, 1)}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  return sign + (exponent < 0 ? withPoint("0".repeat(-exponent) + digits, 1) : withPoint(digits, exponent + 1));
}

/** Return six digits and the exponent of the first; halves go to even digits. */
function significant(size: number): [digits: string, exponent: number] {
  const exact = size.toExponential(60);
  const kept = exact.slice(0, SIGNIFICANT + 1);
  const isHalf = /^50*e/.test(exact.slice(SIGNIFICANT + 1)) && Number(kept.at(-1)) % 2 === 0;
  const [mantissa = "", exponent = ""] = (isHalf ? `${kept}${exact.slice(exact.indexOf("e"))}` : size.toExponential(SIGNIFICANT - 1)).split("e");
  return [mantissa.replace(".", ""), Number(exponent)];
}

function withPoint(digits: string, at: number): string {
  const fraction = digits.slice(at).replace(/0+$/, "");
  return digits.slice(0, at) + (fraction && `.${fraction}`);
}

const RUN = "[0-9](?:_?[0-9])*";
const FLOAT = new RegExp(`^[-+]?(?:${RUN}(?:\\.(?:${RUN})?)?|\\.${RUN})(?:e[-+]?${RUN})?$`, "i");
const WORDS: ReadonlyMap<string, number> = new Map([["inf", Infinity], ["infinity", Infinity], ["nan", NaN]]);

/** Return the number that a text is (`float`), undefined where it is none. */
export function toNumber(text: string): number | undefined {
  const plain = asciiDigits(strip(text)).toLowerCase();
  if (FLOAT.test(plain)) return Number(plain.replaceAll("_", ""));
  const word = WORDS.get(plain.replace(/^[-+]/, ""));
  return word === undefined ? undefined : plain.startsWith("-") ? -word : word;
}
