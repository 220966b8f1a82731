/** The one line in which the page says what happened. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useParts, useStudio } from "./context";
import { Button } from "./controls";

const SHOWN_MS = 9_000;

/** Both regions stand from the start: screen readers only hear changes of those that they know. */
export function NoticeLine(): JSX.Element {
  const { store } = useParts();
  const { notice } = useStudio();
  const isError = notice?.kind === "error";
  useEffect(() => {
    if (notice === null || isError) return undefined; // an error stays until it is read
    const timer = setTimeout(() => store.update({ notice: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [store, notice, isError]);
  return (
    <div class={`notice ${notice === null ? "empty" : ""} ${isError ? "error" : ""}`}>
      <p role="status" aria-live="polite">
        {notice !== null && !isError && <span key={notice.id}>{notice.text}</span>}
      </p>
      <p role="alert">{notice !== null && isError && <span key={notice.id}>{notice.text}</span>}</p>
      {notice !== null && (
        <Button class="plain small" label="Dismiss the message" onClick={() => store.update({ notice: null })}>
          ✕
        </Button>
      )}
    </div>
  );
}
