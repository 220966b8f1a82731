/** Several sounds with their words, gathered one after the other, as one project for a DAW. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { mixText } from "../document/document";
import type { Exporter, Track } from "../server/exporter";
import { useStudio } from "./context";
import { Button } from "./controls";

const NAME = "semeq session";

interface SessionProps {
  readonly exporter: Exporter;
  /** Starts work that ends with notes. */
  readonly run: (work: () => Promise<readonly string[]>) => void;
  readonly isBusy: boolean;
}

export function Session({ exporter, run, isBusy }: SessionProps): JSX.Element {
  const { clip } = useStudio();
  const [tracks, setTracks] = useState<readonly Track[]>([]);
  const add = (): void => {
    const track = exporter.track();
    if (track === null) return;
    setTracks([...tracks.filter(({ file }) => file.name !== track.file.name), track]); // the same sound again: with the words of now
  };
  return (
    <div class="session">
      <div class="row">
        <span class="label">Session</span>
        <Button
          disabled={clip === null}
          hint="This sound and its words become a track; bands that a hand changed stay as the words say"
          onClick={add}
        >
          Add as a track
        </Button>
        <Button disabled={isBusy || tracks.length === 0} onClick={() => run(() => exporter.session(NAME, tracks))}>
          Save session
        </Button>
      </div>
      <ul aria-label="Tracks">
        {tracks.map((track) => (
          <li key={track.file.name}>
            {track.file.name} <span class="quiet">{Object.keys(track.mix).length === 0 ? "no EQ" : mixText(track.mix)}</span>{" "}
            <Button
              class="plain small"
              label={`Remove the track ${track.file.name}`}
              onClick={() => setTracks(tracks.filter((one) => one !== track))}
            >
              ✕
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}
