/** The one line in which the page says what happened. */

import type { JSX } from "preact";
import { useParts, useStudio } from "./context";
import { Button } from "./controls";

/** Both regions stand from the start: screen readers only hear changes of those that they know. */
export function NoticeLine(): JSX.Element {
  const { store } = useParts();
  const { notice } = useStudio();
  const isError = notice?.kind === "error";
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
