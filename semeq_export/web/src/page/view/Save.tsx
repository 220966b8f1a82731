/** What can be taken along. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { useParts, useStudio } from "./context";
import { Button, FilePicker } from "./controls";
import { Export } from "./Export";

export function Save(): JSX.Element {
  const { saver, exporter } = useParts();
  const { clip } = useStudio();
  const picker = useRef<HTMLInputElement>(null);
  return (
    <section class="save" aria-label="Save">
      <h2>Take it along</h2>
      <div class="row">
        <Button class="strong" onClick={() => saver.savePreset()}>
          Preset (.semeq.json)
        </Button>
        <Button disabled={clip === null} onClick={() => void saver.saveWave("24")}>
          WAV, 24 bit
        </Button>
        <Button disabled={clip === null} onClick={() => void saver.saveWave("float32")}>
          WAV, 32-bit float
        </Button>
        <Button onClick={() => void saver.copyLink()}>Copy link</Button>
        <Button onClick={() => saver.saveState()}>State file</Button>
        <Button onClick={() => picker.current?.click()}>Open state …</Button>
        <FilePicker
          picker={picker}
          accept=".json"
          onFile={(file) => {
            void saver.openState(file);
          }}
        />
      </div>
      {exporter === null ? (
        <p class="quiet fine">
          Presets for your DAW: <code>semeq-export convert FILE.semeq.json OUT --to FORMAT</code>, or start <code>semeq-export studio</code>
          .
        </p>
      ) : (
        <Export exporter={exporter} />
      )}
    </section>
  );
}
