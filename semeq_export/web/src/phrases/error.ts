/** Why a phrase is refused, in one line for people. */

export type PhraseErrorCode = "unknown-term" | "doubtful-term" | "invalid-target";

export class PhraseError extends Error {
  override readonly name = "PhraseError";

  /** code: a stable name for programs. suggestions: words that may be meant. */
  constructor(
    message: string,
    readonly code: PhraseErrorCode = "invalid-target",
    readonly suggestions: readonly string[] = [],
  ) {
    super(message);
  }
}
