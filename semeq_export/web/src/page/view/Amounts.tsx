/** How much: the intensity, a second word, and whether the dose follows the sound. */

import type { JSX } from "preact";
import { MAX_INTENSITY, MAX_SECOND, mixText } from "../document/document";
import { groupsOf } from "../words/order";
import { useParts, useStudio } from "./context";
import { Button, Choice, NumberField, Slider, Switch } from "./controls";

const TICKS: readonly (readonly [number, string])[] = [
  [-3, "−3"],
  [-1, "opposite"],
  [0, "0"],
  [1, "as meant"],
  [3, "3"],
];

export function Amounts(): JSX.Element {
  const { studio, data } = useParts();
  const { doc, mix } = useStudio();
  const doubts = data.words.filter(({ word, doubts: said }) => said !== "" && mix[word] !== undefined).map(({ doubts: said }) => said);
  const hasWords = Object.keys(mix).length > 0;
  return (
    <section class="amounts" aria-label="Amounts">
      <div class="now">
        <span class="label">Now</span>
        <output class={hasWords ? "" : "empty"} aria-live="polite" data-testid="mix">
          {hasWords ? mixText(mix) : "no word yet"}
        </output>
        {hasWords && (
          <Button class="small" onClick={() => studio.clear()}>
            Clear
          </Button>
        )}
        {doubts.map((doubt) => (
          <p key={doubt} class="quiet fine">
            {doubt}
          </p>
        ))}
      </div>
      <div class="intensity">
        <Slider
          class="large"
          label="Intensity"
          value={doc.intensity}
          min={-MAX_INTENSITY}
          max={MAX_INTENSITY}
          step={0.05}
          text={intensityText(doc.intensity)}
          onInput={(value) => studio.setIntensity(value)}
          onEnd={() => studio.endGesture()}
        />
        <NumberField
          label="Intensity as a number"
          unit=""
          value={doc.intensity}
          min={-MAX_INTENSITY}
          max={MAX_INTENSITY}
          step={0.1}
          digits={2}
          onChange={(value) => studio.setIntensity(value)}
        />
        <div class="ticks" aria-hidden="true">
          {TICKS.map(([at, text]) => (
            <span key={at} style={{ left: `${(100 * (at + MAX_INTENSITY)) / (2 * MAX_INTENSITY)}%` }}>
              {text}
            </span>
          ))}
        </div>
      </div>
      <SecondWord />
      <Listen />
    </section>
  );
}

function intensityText(value: number): string {
  return `${value.toFixed(2)}${value < 0 ? ", the opposite" : value === 0 ? ", flat" : value === 1 ? ", as people meant it" : ""}`;
}

function SecondWord(): JSX.Element {
  const { studio, data } = useParts();
  const { doc } = useStudio();
  const { second } = doc;
  const sign = second !== null && second.amount < 0 ? "less" : "more";
  return (
    <div class="second">
      <label class="pick">
        <span class="label">Second word</span>
        <select
          value={second?.word ?? ""}
          onChange={(event) => studio.setSecond(event.currentTarget.value === "" ? null : event.currentTarget.value)}
        >
          <option value="">none</option>
          {groupsOf(data.words).map(({ title, words }) => (
            <optgroup key={title} label={title}>
              {words.map(({ word }) => (
                <option key={word} value={word}>
                  {word}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </label>
      {second !== null && (
        <>
          <Choice
            label="More or less of the second word"
            name="sign"
            value={sign}
            options={[
              { value: "more", text: "More" },
              { value: "less", text: "Less" },
            ]}
            onChange={(value) => studio.setSecondAmount(Math.abs(second.amount) * (value === "less" ? -1 : 1))}
          />
          <Slider
            label={`Amount of ${second.word}`}
            labelHidden
            value={Math.abs(second.amount)}
            min={0.05}
            max={MAX_SECOND}
            step={0.05}
            text={`${sign} ${second.word}, ${Math.abs(second.amount).toFixed(2)}`}
            onInput={(value) => studio.setSecondAmount(sign === "less" ? -value : value)}
            onEnd={() => studio.endGesture()}
          />
          <output class="figures">{Math.abs(second.amount).toFixed(2)}</output>
        </>
      )}
    </div>
  );
}

function doseText(factor: number): string {
  const meaning = factor < 0.1 ? ": the sound has it already" : factor > 1.1 ? ": the sound lacks more" : "";
  return `dose × ${factor.toFixed(2)}${meaning}`;
}

function Listen(): JSX.Element {
  const { sound, data } = useParts();
  const { listening, dose, reference, playing } = useStudio();
  const kinds = Object.keys(data.references);
  if (kinds.length === 0) return <></>;
  return (
    <div class="listen">
      <Switch
        label="Listen first"
        hint="Adds only as much as the sound still lacks (L)"
        on={listening}
        onChange={(on) => sound.setListening(on)}
      />
      {listening && (
        <>
          <label class="pick">
            <span class="label">Compared with</span>
            <select value={reference} onChange={(event) => sound.setReference(event.currentTarget.value)}>
              {kinds.map((kind) => (
                <option key={kind} value={kind}>
                  {kind === "any" ? "any music" : kind}
                </option>
              ))}
            </select>
          </label>
          <output class="figures dose" data-testid="dose">
            {dose === null || dose.dose === null ? (playing ? "listening …" : "play to listen") : doseText(dose.factor)}
          </output>
        </>
      )}
      {!listening && <span class="quiet fine">Adds only as much as the sound still lacks.</span>}
    </div>
  );
}
