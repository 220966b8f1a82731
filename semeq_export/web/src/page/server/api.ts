/** What the loopback server adds, where the page came from one. Its side: `semeq_export/studio/api.py`. */

import type { Eq, Mix } from "../../runtime/semeq";

export interface Format {
  readonly id: string;
  readonly title: string;
  readonly host: string;
  /** Whether a real host loaded such a file and was measured. */
  readonly verified: "verified" | "nominal";
  readonly can_install: boolean;
  /** How a person gets the file into the host. */
  readonly import: string;
}

export interface SentFile {
  readonly name: string;
  readonly base64: string;
}

export class Server {
  constructor(private readonly token: string) {}

  formats(): Promise<readonly Format[]> {
    return this.ask("formats", {});
  }

  /** lossy: also where the format cannot hold all of it; the notes say what is missing. */
  preset(format: string, name: string, eq: Eq, lossy: boolean): Promise<{ files: readonly SentFile[]; notes: readonly string[] }> {
    return this.ask("preset", { format, name, eq: settingsOf(eq), lossy });
  }

  /** replace: a preset of the same name. */
  install(format: string, name: string, eq: Eq, replace: boolean): Promise<{ installed: readonly string[]; notes: readonly string[] }> {
    return this.ask("install", { format, name, eq: settingsOf(eq), replace });
  }

  process(file: SentFile, eq: Eq): Promise<SentFile & { readonly notes: readonly string[] }> {
    return this.ask("process", { ...file, eq: settingsOf(eq) });
  }

  /** Several sounds as one DAW project, each on a track with an EQ of its words; no words, no EQ. */
  session(
    name: string,
    stems: readonly (SentFile & { readonly mix: Mix | null })[],
  ): Promise<SentFile & { readonly notes: readonly string[] }> {
    return this.ask("session", { name, stems });
  }

  private async ask<Answer>(what: string, body: object): Promise<Answer> {
    const headers = { "Content-Type": "application/json", "X-Semeq-Token": this.token };
    let response: Response;
    try {
      response = await fetch(`/api/${what}`, { method: "POST", headers, body: JSON.stringify(body) });
    } catch {
      throw new Error("the studio's server does not answer: start `semeq-export studio` again and open the address that it prints");
    }
    const answer = (await response.json().catch(() => ({}))) as Answer & { readonly error?: string };
    if (!response.ok) throw new Error(answer.error ?? `the server answered ${response.status} without a reason`);
    return answer;
  }
}

function settingsOf({ bands, preamp_db }: Eq): object {
  return { bands: bands.map((band) => ({ ...band, enabled: band.enabled !== false })), preamp_db };
}
