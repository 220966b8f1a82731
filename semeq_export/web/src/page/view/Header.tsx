/** Name, undo, theme, help. */

import type { JSX } from "preact";
import { useParts, useStudio } from "./context";
import { Button } from "./controls";
import { Icon } from "./Icon";
import { NoticeLine } from "./Notice";
import { toggleTheme } from "./theme";

export function Header({ onHelp }: { onHelp: () => void }): JSX.Element {
  const { studio, data } = useParts();
  const { canUndo, canRedo } = useStudio();
  return (
    <header class="masthead">
      <h1>
        semeq <span>studio</span>
      </h1>
      <p class="quiet tagline">{data.words.length} words, as people set their equalisers to them</p>
      <NoticeLine />
      <div class="tools">
        <Button class="plain icon-only" label="Undo" hint="Undo (Ctrl-Z)" disabled={!canUndo} onClick={() => studio.undo()}>
          <Icon name="undo" />
        </Button>
        <Button class="plain icon-only" label="Redo" hint="Redo (Shift-Ctrl-Z)" disabled={!canRedo} onClick={() => studio.redo()}>
          <Icon name="redo" />
        </Button>
        <Button class="plain icon-only" label="Light or dark" hint="Light or dark" onClick={toggleTheme}>
          <Icon name="theme" />
        </Button>
        <Button class="plain" hint="Keys, and what this is (?)" onClick={onHelp}>
          Help
        </Button>
      </div>
    </header>
  );
}
