/** How alike two words are spelled: what `difflib` of Python calls close, after J. Ratcliff and D. Metzener, Dr. Dobb's Journal, July 1988. */

const CUTOFF = 0.6;

/** Return the words most like one that was typed, the closest first. */
export function closest(typed: string, words: readonly string[], count: number): string[] {
  const scored = words.map((word) => ({ word, score: likeness(Array.from(word), Array.from(typed)) }));
  const close = scored.filter(({ score }) => score >= CUTOFF);
  close.sort((a, b) => b.score - a.score || (a.word < b.word ? 1 : -1));
  return close.slice(0, count).map(({ word }) => word);
}

function likeness(a: readonly string[], b: readonly string[]): number {
  const whole = a.length + b.length;
  return whole === 0 ? 1 : (2 * matches(a, b)) / whole;
}

/** Return how many letters the longest common run has, and those left and right of it. */
function matches(a: readonly string[], b: readonly string[]): number {
  const { a: i, b: k, size } = longestRun(a, b);
  return size === 0 ? 0 : matches(a.slice(0, i), b.slice(0, k)) + size + matches(a.slice(i + size), b.slice(k + size));
}

function longestRun(a: readonly string[], b: readonly string[]): { a: number; b: number; size: number } {
  let best = { a: 0, b: 0, size: 0 };
  let before: number[] = [];
  a.forEach((letter, i) => {
    const sizes: number[] = [];
    b.forEach((other, k) => {
      if (letter !== other) return;
      const size = (before[k - 1] ?? 0) + 1;
      sizes[k] = size;
      if (size > best.size) best = { a: i - size + 1, b: k - size + 1, size };
    });
    before = sizes;
  });
  return best;
}
