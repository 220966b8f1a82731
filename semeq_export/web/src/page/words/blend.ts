/**
 * Which words a point of the map means.
 *
 * The three nearest words share it by inverse distance, as Franke and Little weigh neighbours: word i at distance d_i counts
 * ((R - d_i) / (R d_i))^2 where R is the distance of the fourth nearest, and the shares are made to sum to 1. At a word it is that word
 * alone, and because a word's share is 0 where another takes its place among the three, nothing jumps while the pad moves; shares under
 * 3 % are left to the others.
 *
 * Distances are those that are drawn: both axes fill the map, so each counts in units of its own extent.
 *
 * Source: R. Franke, Scattered data interpolation: tests of some methods, Mathematics of Computation 38 (1982), on modified quadratic
 * Shepard weights.
 */

import type { Mix } from "../../runtime/semeq";
import type { Point } from "../data";

const NEIGHBOURS = 3;
/** Less than this of a word cannot be heard and only makes the words hard to read. */
const LEAST_SHARE = 0.03;

/** What the map shows along each axis. */
export interface Extent {
  readonly low: Point;
  readonly high: Point;
}

/** Return the extent of points, with a margin in shares of it so that no word stands on the rim. */
export function extentOf(points: Iterable<Point>, margin: number): Extent {
  const all = [...points];
  const range = (axis: 0 | 1): readonly [number, number] => {
    const values = all.map((point) => point[axis]);
    const low = Math.min(...values);
    const high = Math.max(...values, low + 1e-9);
    return [low - margin * (high - low), high + margin * (high - low)];
  };
  const [[x0, x1], [y0, y1]] = all.length > 0 ? [range(0), range(1)] : [[-1, 1] as const, [-1, 1] as const];
  return { low: [x0, y0], high: [x1, y1] };
}

/** Return where a point stands in an extent: 0..1 along each axis. */
export function placeIn({ low, high }: Extent, [x, y]: Point): Point {
  return [(x - low[0]) / (high[0] - low[0]), (y - low[1]) / (high[1] - low[1])];
}

/** Return the point that stands at a place, held inside. */
export function pointIn({ low, high }: Extent, [x, y]: Point): Point {
  const inside = (value: number): number => Math.min(Math.max(value, 0), 1);
  return [low[0] + inside(x) * (high[0] - low[0]), low[1] + inside(y) * (high[1] - low[1])];
}

/** Return shares that sum to 1; nothing where there are no words. */
export function blendAt(point: Point, points: ReadonlyMap<string, Point>, extent: Extent): Mix {
  const [x, y] = placeIn(extent, point);
  const near = [...points]
    .map(([word, at]) => {
      const [wordX, wordY] = placeIn(extent, at);
      return { word, distance: Math.hypot(wordX - x, wordY - y) };
    })
    .sort((a, b) => a.distance - b.distance);
  const first = near[0];
  if (first === undefined) return {};
  const reach = near[NEIGHBOURS]?.distance ?? Infinity;
  if (first.distance < 1e-9 || reach <= first.distance) return { [first.word]: 1 };
  const weighed = near
    .slice(0, NEIGHBOURS)
    .map(({ word, distance }) => ({ word, weight: (reach === Infinity ? 1 / distance : (reach - distance) / (reach * distance)) ** 2 }));
  return shared(weighed);
}

function shared(weighed: readonly { word: string; weight: number }[]): Mix {
  const sum = weighed.reduce((total, { weight }) => total + weight, 0);
  const kept = weighed.filter(({ weight }) => weight / sum >= LEAST_SHARE);
  const rest = kept.reduce((total, { weight }) => total + weight, 0);
  return Object.fromEntries(kept.map(({ word, weight }) => [word, weight / rest]));
}
