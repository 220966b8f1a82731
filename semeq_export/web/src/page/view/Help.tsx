/** The keys, and what stands behind the words. */

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { SHORTCUTS, shortcutsOn, switchShortcuts } from "../shortcuts";
import { Button, Switch } from "./controls";

export function Help({ open, onClose }: { open: boolean; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (open && element?.open === false) element.showModal();
    if (!open && element?.open === true) element.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Help</h2>
      <p>
        Choose a sound and a word. A word is an EQ that many people made when they were asked for it; the number beside it says how many.
        The map blends the three nearest words, the intensity says how much, below 0 is the opposite. Nothing that you open here leaves this
        computer.
      </p>
      <table>
        <caption class="hidden">Keys</caption>
        <tbody>
          {SHORTCUTS.map(({ keys, text }) => (
            <tr key={keys}>
              <th scope="row">
                <kbd>{keys}</kbd>
              </th>
              <td>{text}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">
              <kbd>Arrows</kbd>
            </th>
            <td>
              on the map: move; on a band: gain and frequency, with Page up and down its Q, Delete off and on, Home as the words say; Shift
              for small steps
            </td>
          </tr>
        </tbody>
      </table>
      <Switch label="Single keys do things" on={shortcutsOn()} onChange={switchShortcuts} />
      <Button class="strong" onClick={() => dialog.current?.close()}>
        Close
      </Button>
    </dialog>
  );
}
