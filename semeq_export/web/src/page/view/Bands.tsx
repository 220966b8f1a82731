/** The bands as numbers: what the handles do, in fields with units. */

import type { JSX } from "preact";
import { isEdited, LIMITS } from "../document/document";
import { useParts, useStudio } from "./context";
import { Button, NumberField } from "./controls";
import { kindText } from "./scales";

export function Bands(): JSX.Element {
  const { studio } = useParts();
  const { doc, eq } = useStudio();
  if (eq.bands.length === 0) return <p class="quiet">Choose a word, and its bands stand here.</p>;
  return (
    <div class="bands">
      <table>
        <caption class="hidden">Bands of the EQ</caption>
        <thead>
          <tr>
            <th scope="col">On</th>
            <th scope="col">Band</th>
            <th scope="col">Frequency</th>
            <th scope="col">Gain</th>
            <th scope="col">Q</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {eq.bands.map((band, i) => {
            const name = `Band ${i + 1}`;
            return (
              <tr key={i}>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`${name} on`}
                    checked={band.enabled !== false}
                    onChange={(event) => studio.editBand(i, { enabled: event.currentTarget.checked })}
                  />
                </td>
                <th scope="row">
                  {i + 1} <span class="quiet">{kindText(band.kind)}</span>
                </th>
                <td>
                  <NumberField
                    label={`${name} frequency in Hz`}
                    unit="Hz"
                    value={band.freq_hz}
                    min={LIMITS.freq_hz[0]}
                    max={LIMITS.freq_hz[1]}
                    step={1}
                    digits={band.freq_hz < 100 ? 1 : 0}
                    onChange={(freq_hz) => studio.editBand(i, { freq_hz })}
                  />
                </td>
                <td>
                  <NumberField
                    label={`${name} gain in dB`}
                    unit="dB"
                    value={band.gain_db}
                    min={LIMITS.gain_db[0]}
                    max={LIMITS.gain_db[1]}
                    step={0.1}
                    digits={2}
                    onChange={(gain_db) => studio.editBand(i, { gain_db })}
                  />
                </td>
                <td>
                  <NumberField
                    label={`${name} Q`}
                    unit=""
                    value={band.q}
                    min={LIMITS.q[0]}
                    max={LIMITS.q[1]}
                    step={0.05}
                    digits={2}
                    onChange={(q) => studio.editBand(i, { q })}
                  />
                </td>
                <td>
                  {doc.edits[i] !== undefined && (
                    <Button class="small" label={`Reset ${name} to what the words say`} onClick={() => studio.resetBands(i)}>
                      Reset
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {isEdited(doc) && (
        <Button class="small" onClick={() => studio.resetBands()}>
          All bands as the words say
        </Button>
      )}
    </div>
  );
}
