/** What the loopback server adds, where the page came from one. Types and paths: `semeq_export/studio/server.py`. */

import type { Eq, Mix } from "../../runtime/semeq";

export interface Format {
  readonly id: string;
  readonly title: string;
  readonly host: string;
  readonly verified: "verified" | "nominal";
  readonly suffixes: readonly string[];
  readonly can_install: boolean;
}

export interface SavedFile {
  readonly name: string;
  readonly base64: string;
}

/** An EQ, or words from which the server makes one itself. */
export type Wanted = { readonly eq: Eq } | { readonly mix: Mix; readonly intensity: number };

export class Server {
  constructor(private readonly token: string) {}

  phrase(text: string): Promise<{ mix: Mix; says: string[]; estimated: boolean }> {
    return this.ask("phrase", { text });
  }

  formats(): Promise<Format[]> {
    return this.ask("formats", {});
  }

  preset(format: string, name: string, wanted: Wanted, lossy: boolean): Promise<{ files: SavedFile[]; notes: string[] }> {
    return this.ask("preset", { format, name, ...wanted, lossy });
  }

  install(format: string, name: string, wanted: Wanted): Promise<{ installed: string[]; notes: string[] }> {
    return this.ask("install", { format, name, ...wanted });
  }

  process(file: SavedFile, wanted: Wanted): Promise<SavedFile & { notes: string[]; lufs_before: number | null; lufs_after: number | null }> {
    return this.ask("process", { ...file, ...wanted, options: {} });
  }

  private async ask<Answer>(what: string, body: object): Promise<Answer> {
    let response: Response;
    try {
      response = await fetch(`/api/${what}`, { method: "POST", headers: { "Content-Type": "application/json", "X-Semeq-Token": this.token }, body: JSON.stringify(body) });
    } catch {
      throw new Error("the studio's server does not answer: start `semeq-export studio` again and open the address that it prints");
    }
    const answer = (await response.json().catch(() => ({ error: `the server answered ${response.status} without a reason` }))) as Answer & { error?: string };
    if (!response.ok) throw new Error(answer.error ?? `the server answered ${response.status}`);
    return answer;
  }
}
