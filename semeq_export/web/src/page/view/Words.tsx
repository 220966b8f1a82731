/** The words as a list with their evidence, and the box that takes phrases. */

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Word } from "../data";
import { evidenceText, groupsOf, matches } from "../words/order";
import { useParts, useStudio } from "./context";
import { Button } from "./controls";

export function Words(): JSX.Element {
  const [filter, setFilter] = useState("");
  return (
    <section class="words" aria-label="Words">
      <Search onFilter={setFilter} />
      <WordList typed={filter} />
    </section>
  );
}

/** onFilter: told what the list is to show while something is typed; all of it again once that is heard. */
function Search({ onFilter }: { onFilter: (text: string) => void }): JSX.Element {
  const { studio } = useParts();
  const { says, doubtful } = useStudio();
  const [typed, setTyped] = useState("");
  const suggestions = useMemo(() => studio.suggestions(typed), [studio, typed]);
  const type = (text: string): void => {
    setTyped(text);
    onFilter(text);
  };
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.trim() === "") return;
        studio.search(typed);
        onFilter("");
      }}
    >
      <label for="search" class="label">
        Say what you want
      </label>
      <div class="field">
        <input
          id="search"
          type="search"
          autocomplete="off"
          spellcheck={false}
          list="suggestions"
          placeholder="warm, less muddy"
          value={typed}
          onInput={(event) => type(event.currentTarget.value)}
        />
        <button type="submit" class="button">
          Hear
        </button>
      </div>
      <datalist id="suggestions">
        {suggestions.map((text) => (
          <option key={text} value={text} />
        ))}
      </datalist>
      {doubtful !== null && <Button onClick={() => studio.search(doubtful, true)}>Guess it all the same</Button>}
      {says.length > 0 && (
        <ul class="says">
          {says.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
    </form>
  );
}

function WordList({ typed }: { typed: string }): JSX.Element {
  const { studio, data } = useParts();
  const { mix } = useStudio();
  const list = useRef<HTMLDivElement>(null);
  const groups = useMemo(() => groupsOf(data.words), [data]);
  const shown = useMemo(() => {
    const found = groups
      .map((group) => ({ ...group, words: group.words.filter(({ word }) => matches(word, typed)) }))
      .filter(({ words }) => words.length > 0);
    return found.length > 0 ? found : groups; // a phrase, not a part of a word: the list stays
  }, [groups, typed]);
  const words = shown.flatMap(({ words: some }) => some.map(({ word }) => word));
  const chosen = Object.keys(mix).length === 1 ? (Object.keys(mix)[0] ?? null) : null;
  const [active, setActive] = useState<string | null>(null);
  const here = active !== null && (mix[active] ?? 0) !== 0 ? active : chosen; // a word that was chosen here and is no longer heard is forgotten
  const current = here !== null && words.includes(here) ? here : null;
  useEffect(() => {
    if (current !== null) list.current?.querySelector(`[id="${idOf(current)}"]`)?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const choose = (word: string | undefined): void => {
    if (word === undefined) return;
    setActive(word);
    studio.chooseWord(word);
  };
  return (
    <div
      class="list"
      ref={list}
      role="listbox"
      tabIndex={0}
      aria-label="Words, most evidence first"
      aria-activedescendant={current === null ? undefined : idOf(current)}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const next = nextWord(event.key, words, current);
        if (next === null) return;
        event.preventDefault();
        choose(next);
      }}
    >
      {shown.map(({ title, words: some }) => (
        <div role="group" aria-label={title} key={title}>
          <div class="group" aria-hidden="true">
            {title}
          </div>
          {some.map((word) => (
            <Option key={word.word} word={word} chosen={(mix[word.word] ?? 0) !== 0} active={word.word === current} onChoose={choose} />
          ))}
        </div>
      ))}
    </div>
  );
}

function Option({
  word,
  chosen,
  active,
  onChoose,
}: {
  word: Word;
  chosen: boolean;
  active: boolean;
  onChoose: (word: string) => void;
}): JSX.Element {
  return (
    <div
      id={idOf(word.word)}
      role="option"
      aria-selected={active}
      class={`option ${chosen ? "chosen" : ""}`}
      onClick={() => onChoose(word.word)}
    >
      <span class="name">{word.word}</span> <span class="evidence">{evidenceText(word)}</span>
    </div>
  );
}

function idOf(word: string): string {
  return `word-${word}`;
}

function nextWord(key: string, words: readonly string[], current: string | null): string | null {
  const at = current === null ? -1 : words.indexOf(current);
  switch (key) {
    case "ArrowDown":
      return words[Math.min(at + 1, words.length - 1)] ?? null;
    case "ArrowUp":
      return words[Math.max(at - 1, 0)] ?? null;
    case "Home":
      return words[0] ?? null;
    case "End":
      return words.at(-1) ?? null;
    default:
      return key.length === 1 && key !== " "
        ? (words.find((word, i) => i > at && word.startsWith(key)) ?? words.find((word) => word.startsWith(key)) ?? null)
        : null;
  }
}
