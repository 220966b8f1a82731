/** Where the names of the map's words stand so that none lies on another: the words of most people first, the rest are dots. */

import type { Size } from "./context";

export interface Place {
  readonly word: string;
  readonly rows: number;
  readonly x: number;
  readonly y: number;
}

export interface Label {
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "end" | "middle";
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** 0 is what most people know: written larger. */
type Rank = 0 | 1 | 2;
const MANY = 100;
const SOME = 10;
const FONT_PX: Readonly<Record<Rank, number>> = { 0: 16, 1: 13.5, 2: 12 };
const LETTER = 0.56;
const GAP_PX = 8;
const END_PX = { width: 74, height: 20 }; // room for the names of the axes' ends

/** Return places with their labels; null where there is no room. */
export function labelled(places: readonly Place[], size: Size): (Place & { label: Label | null; rank: Rank })[] {
  const taken: Box[] = [...places.map(({ x, y }) => ({ left: x - 3, right: x + 3, top: y - 3, bottom: y + 3 })), ...endsOf(size)];
  return [...places]
    .sort((a, b) => b.rows - a.rows)
    .map((place) => {
      const rank: Rank = place.rows >= MANY ? 0 : place.rows >= SOME ? 1 : 2;
      const width = place.word.length * FONT_PX[rank] * LETTER;
      const found = candidates(place, FONT_PX[rank]).find((label) => isFree(boxOf(label, width, FONT_PX[rank]), taken, size));
      if (found !== undefined) taken.push(boxOf(found, width, FONT_PX[rank]));
      return { ...place, rank, label: found ?? null };
    });
}

function candidates({ x, y }: Place, font: number): Label[] {
  const middle = y + font * 0.33;
  return [
    { x: x + GAP_PX, y: middle, anchor: "start" },
    { x: x - GAP_PX, y: middle, anchor: "end" },
    { x, y: y - GAP_PX, anchor: "middle" },
    { x, y: y + GAP_PX + font * 0.75, anchor: "middle" },
  ];
}

function boxOf({ x, y, anchor }: Label, width: number, font: number): Box {
  const left = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
  return { left, right: left + width, top: y - font * 0.8, bottom: y + font * 0.25 };
}

/** Where the styles put the names of the ends: those across in the lower corners, the others at both ends of the upright axis. */
function endsOf({ width, height }: Size): Box[] {
  const corner = { top: height - END_PX.height, bottom: height };
  const above = { left: width / 2, right: width / 2 + END_PX.width };
  return [
    { ...corner, left: 0, right: END_PX.width },
    { ...corner, left: width - END_PX.width, right: width },
    { ...above, top: 0, bottom: END_PX.height },
    { ...above, top: height - END_PX.height, bottom: height },
  ];
}

function isFree(box: Box, taken: readonly Box[], { width, height }: Size): boolean {
  if (box.left < 4 || box.right > width - 4 || box.top < 4 || box.bottom > height - 4) return false;
  return taken.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
}
