/** Keys that work anywhere on the page. Single keys can be switched off (WCAG 2.1, 2.1.4). */

import type { Parts } from "./view/context";

export interface Shortcut {
  readonly keys: string;
  readonly text: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: "Space", text: "play, pause" },
  { keys: "A", text: "before, after" },
  { keys: "D", text: "only the difference" },
  { keys: "M", text: "equal loudness on, off" },
  { keys: "L", text: "listen first on, off" },
  { keys: "[ and ]", text: "less, more intensity" },
  { keys: "/", text: "say what you want" },
  { keys: "?", text: "this help" },
  { keys: "Ctrl Z", text: "undo" },
  { keys: "Shift Ctrl Z", text: "redo" },
];

const INTENSITY_STEP = 0.1;
let singleKeys = true;

export function shortcutsOn(): boolean {
  return singleKeys;
}

export function switchShortcuts(on: boolean): void {
  singleKeys = on;
}

/** Listen for keys until the page is gone. */
export function startShortcuts(parts: Parts, openHelp: () => void): () => void {
  const press = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    const done = event.ctrlKey || event.metaKey ? withControl(event, parts) : singleKeys && !event.altKey && single(event, parts, openHelp);
    if (done) event.preventDefault();
  };
  document.addEventListener("keydown", press);
  document.addEventListener("click", letGo);
  return () => {
    document.removeEventListener("keydown", press);
    document.removeEventListener("click", letGo);
  };
}

/** What was clicked with a pointer does not keep the keyboard: the next Space is for playing. What was reached by keys keeps it. */
function letGo(event: MouseEvent): void {
  const { activeElement } = document;
  if (event.detail > 0 && activeElement instanceof HTMLElement && activeElement.matches("button, input[type=checkbox]"))
    activeElement.blur();
}

function withControl(event: KeyboardEvent, { studio }: Parts): boolean {
  if (isText(event.target)) return false; // undo of typing
  const key = event.key.toLowerCase();
  if (key === "z" && event.shiftKey) studio.redo();
  else if (key === "z") studio.undo();
  else if (key === "y") studio.redo();
  else return false;
  return true;
}

function single(event: KeyboardEvent, { sound, studio, store }: Parts, openHelp: () => void): boolean {
  const { target } = event;
  if (isText(target)) return false;
  if (event.key === " ") {
    if (target instanceof Element && target.closest("button, select, summary, a, input[type=checkbox]") !== null) return false;
    void sound.toggle();
    return true;
  }
  if (target instanceof Element && target.closest("select, [role=listbox]") !== null) return false; // letters look for words there
  const { monitor, matched, listening, doc } = store.state;
  const actions: Readonly<Record<string, () => void>> = {
    a: () => sound.setMonitor(monitor === "eq" ? "dry" : "eq"),
    d: () => sound.setMonitor(monitor === "delta" ? "eq" : "delta"),
    m: () => sound.setMatched(!matched),
    l: () => sound.setListening(!listening),
    "[": () => studio.setIntensity(doc.intensity - INTENSITY_STEP),
    "]": () => studio.setIntensity(doc.intensity + INTENSITY_STEP),
    "/": () => document.getElementById("search")?.focus(),
    "?": openHelp,
  };
  const action = actions[event.key.toLowerCase()];
  action?.();
  return action !== undefined;
}

function isText(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement
    ? !["range", "checkbox", "radio", "button"].includes(target.type)
    : target instanceof HTMLTextAreaElement;
}
