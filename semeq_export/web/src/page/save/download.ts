/** Hands a file to the browser to keep. */

const KEEP_MS = 60_000;

export function download(name: string, content: BlobPart, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS); // at once would end a download that the browser asks about first
}

/** Return the name of a file without its ending. */
export function withoutEnding(name: string): string {
  return name.replace(/\.[A-Za-z0-9]{1,5}$/, "");
}

/** Return a text as the stem of a file name on any system. */
export function fileStem(text: string): string {
  const stem = text.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
  return stem.slice(0, 80) || "semeq";
}
