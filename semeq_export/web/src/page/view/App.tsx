/** The whole page. */

import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { startShortcuts } from "../shortcuts";
import { Amounts } from "./Amounts";
import { Bands } from "./Bands";
import type { Parts } from "./context";
import { PartsContext } from "./context";
import { Curve } from "./Curve";
import { Deck } from "./Deck";
import { Header } from "./Header";
import { Help } from "./Help";
import { Save } from "./Save";
import { WordMap } from "./WordMap";
import { Words } from "./Words";

export function App({ parts }: { parts: Parts }): JSX.Element {
  const [isHelpOpen, setHelpOpen] = useState(false);
  const isDragging = useDrop(parts);
  useLayoutEffect(() => startShortcuts(parts, () => setHelpOpen(true)), [parts]);
  return (
    <PartsContext.Provider value={parts}>
      <Header onHelp={() => setHelpOpen(true)} />
      <main>
        <Deck />
        <Words />
        <div class="place">
          <WordMap />
          <Amounts />
        </div>
        <section class="eq" aria-label="Equaliser">
          <Curve />
          <Bands />
          <Save />
        </section>
      </main>
      <Help open={isHelpOpen} onClose={() => setHelpOpen(false)} />
      {isDragging && <div class="drop">Drop it anywhere</div>}
    </PartsContext.Provider>
  );
}

/** Take what is dropped on the page: sounds, and state files by their name. Return whether something hovers over it. */
function useDrop({ sound, saver }: Parts): boolean {
  const [isOver, setOver] = useState(false);
  useLayoutEffect(() => {
    const over = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      const file = event.dataTransfer?.files[0];
      if (file === undefined) return;
      event.preventDefault();
      setOver(false);
      void (file.name.endsWith(".json") ? saver.openState(file) : sound.open(file));
    };
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, [sound, saver]);
  return isOver;
}
