/** What the server adds to saving: presets of every format, installing, processing at full quality. */

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Format } from "../server/api";
import type { Exporter } from "../server/exporter";
import { sayError } from "../state";
import { useParts, useStudio } from "./context";
import { Button } from "./controls";
import { Session } from "./Session";

const FIRST_FORMAT = "eqapo";

export function Export({ exporter }: { exporter: Exporter }): JSX.Element {
  const { store } = useParts();
  const { clip } = useStudio();
  const [formats, setFormats] = useState<readonly Format[]>([]);
  const [chosen, setChosen] = useState(FIRST_FORMAT);
  const [lossy, setLossy] = useState(false);
  const [replace, setReplace] = useState(false);
  const [notes, setNotes] = useState<readonly string[]>([]);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    exporter.formats().then(setFormats, (error: unknown) => sayError(store, error));
  }, [exporter, store]);
  const format = formats.find(({ id }) => id === chosen) ?? formats[0];
  if (format === undefined) return <p class="quiet">The server lists its formats …</p>;
  const run = (work: () => Promise<readonly string[]>): void => {
    setBusy(true);
    setNotes([]);
    void work().then((said) => {
      setNotes(said);
      setBusy(false);
    });
  };
  return (
    <div class="export" aria-busy={isBusy}>
      <div class="row">
        <label class="pick">
          <span class="label">Preset for</span>
          <select value={format.id} onChange={(event) => setChosen(event.currentTarget.value)}>
            {(["verified", "nominal"] as const).map((kind) => (
              <optgroup key={kind} label={kind === "verified" ? "Measured in the host itself" : "By the format's description"}>
                {formats
                  .filter(({ verified }) => verified === kind)
                  .map(({ id, title }) => (
                    <option key={id} value={id}>
                      {title}
                    </option>
                  ))}
              </optgroup>
            ))}
          </select>
        </label>
        <Button class="strong" disabled={isBusy} onClick={() => run(() => exporter.preset(format.id, lossy))}>
          Export
        </Button>
        {format.can_install && (
          <Button disabled={isBusy} onClick={() => run(() => exporter.install(format.id, replace))}>
            Install
          </Button>
        )}
        <Button
          disabled={isBusy || clip === null}
          hint="The whole file through the EQ, in its own format"
          onClick={() => run(() => exporter.process())}
        >
          Process the file
        </Button>
      </div>
      <div class="row">
        <label class="tick">
          <input type="checkbox" checked={lossy} onChange={(event) => setLossy(event.currentTarget.checked)} /> Export also what the format
          cannot hold exactly
        </label>
        {format.can_install && (
          <label class="tick">
            <input type="checkbox" checked={replace} onChange={(event) => setReplace(event.currentTarget.checked)} /> Install over the same
            preset
          </label>
        )}
      </div>
      <p class="quiet fine">{format.import}</p>
      <Session exporter={exporter} run={run} isBusy={isBusy} />
      <div role="status" aria-label="Notes">
        {notes.length > 0 && (
          <ul class="notes">
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}
