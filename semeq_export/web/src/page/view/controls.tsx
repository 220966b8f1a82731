/** Small controls that several views share; native elements, dressed by the styles. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

interface SliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly text: string;
  readonly onInput: (value: number) => void;
  readonly onEnd?: () => void;
  readonly labelHidden?: boolean;
  readonly class?: string;
  readonly disabled?: boolean;
}

/** A labelled range with its value in words. It fills from zero, or from its low end. */
export function Slider({ label, value, min, max, step, text, onInput, onEnd, labelHidden, disabled, ...rest }: SliderProps): JSX.Element {
  const place = (at: number): string => `${(100 * (Math.min(Math.max(at, min), max) - min)) / (max - min)}%`;
  const zero = Math.max(min, 0);
  const style = { "--from": place(Math.min(zero, value)), "--to": place(Math.max(zero, value)) };
  return (
    <label class={`slider ${rest.class ?? ""}`}>
      <span class={labelHidden === true ? "hidden" : "label"}>{label}</span>
      <input
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        style={style}
        disabled={disabled === true}
        aria-valuetext={text}
        onInput={(event) => onInput(Number(event.currentTarget.value))}
        onChange={() => onEnd?.()}
      />
    </label>
  );
}

interface NumberProps {
  readonly label: string;
  readonly unit: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly digits: number;
  readonly onChange: (value: number) => void;
  readonly disabled?: boolean;
}

/** A number that is taken over when it is a number inside its limits: while it is typed it may be anything. */
export function NumberField({ label, unit, value, min, max, step, digits, onChange, disabled }: NumberProps): JSX.Element {
  const shown = String(Number(value.toFixed(digits)));
  const [typed, setTyped] = useState<string | null>(null);
  useEffect(() => setTyped(null), [shown]);
  const take = (text: string): void => {
    setTyped(text);
    const wanted = Number(text);
    if (text.trim() !== "" && Number.isFinite(wanted) && wanted >= min && wanted <= max) onChange(wanted);
  };
  return (
    <span class="number">
      <input
        type="number"
        inputMode="decimal"
        aria-label={label}
        min={min}
        max={max}
        step={step}
        value={typed ?? shown}
        disabled={disabled === true}
        onInput={(event) => take(event.currentTarget.value)}
        onBlur={() => setTyped(null)}
      />
      {unit !== "" && <span class="unit">{unit}</span>}
    </span>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly name: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly text: string; readonly hint?: string }[];
  readonly onChange: (value: Value) => void;
  readonly disabled?: boolean;
}

/** One of a few: radio buttons side by side. */
export function Choice<Value extends string>({ label, name, value, options, onChange, disabled }: ChoiceProps<Value>): JSX.Element {
  return (
    <fieldset class="choice" disabled={disabled === true}>
      <legend class="hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} title={option.hint}>
          <input type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.text}</span>
        </label>
      ))}
    </fieldset>
  );
}

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  readonly label?: string;
  readonly hint?: string;
  readonly class?: string;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
}

export function Button({ children, onClick, label, hint, disabled, pressed, ...rest }: ButtonProps): JSX.Element {
  return (
    <button
      type="button"
      class={`button ${rest.class ?? ""}`}
      aria-label={label}
      aria-pressed={pressed}
      title={hint}
      disabled={disabled === true}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

/** A switch: a checkbox in another dress. */
export function Switch({
  label,
  on,
  onChange,
  hint,
}: {
  label: string;
  on: boolean;
  onChange: (on: boolean) => void;
  hint?: string;
}): JSX.Element {
  return (
    <label class="switch" title={hint}>
      <input type="checkbox" role="switch" checked={on} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

interface FilePickerProps {
  readonly picker: { current: HTMLInputElement | null };
  readonly accept: string;
  readonly onFile: (file: File) => void;
}

/** A hidden file input, which a button opens by a click on `picker`. The same file may be chosen again. */
export function FilePicker({ picker, accept, onFile }: FilePickerProps): JSX.Element {
  return (
    <input
      ref={picker}
      type="file"
      class="hidden"
      tabIndex={-1}
      aria-hidden="true"
      accept={accept}
      onChange={(event) => {
        const file = event.currentTarget.files?.[0];
        if (file !== undefined) onFile(file);
        event.currentTarget.value = "";
      }}
    />
  );
}
