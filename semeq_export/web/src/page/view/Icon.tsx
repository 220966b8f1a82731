/** The few signs that the page uses, drawn on a grid of 24. */

import type { JSX } from "preact";

const PATHS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  undo: "M9 5 4 10l5 5v-3.6h5a3.6 3.6 0 0 1 0 7.2H8V21h6a6 6 0 0 0 0-12H9z",
  redo: "m15 5 5 5-5 5v-3.6h-5a3.6 3.6 0 0 0 0 7.2h6V21h-6a6 6 0 0 1 0-12h5z",
  theme: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 2.2v13.6a6.8 6.8 0 0 1 0-13.6z",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d={PATHS[name]} fill="currentColor" />
    </svg>
  );
}
