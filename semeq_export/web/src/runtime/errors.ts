/** What was wrong, in one line that says what to do. Everything in this module that is refused raises it. */
export class SemeqError extends Error {
  override readonly name = "SemeqError";
}
