/** The page's parts that need no browser, bundled for Node. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { build } from "esbuild";

const ROOM = fileURLToPath(new URL("../src/page/", import.meta.url));

/** Return what modules of src/page export, all together. */
export async function partsOf(...modules) {
  const folder = mkdtempSync(join(tmpdir(), "semeq-page-"));
  try {
    const outfile = join(folder, "parts.mjs");
    const contents = modules.map((name) => `export * from "./${name}";`).join("\n");
    await build({ stdin: { contents, resolveDir: ROOM, loader: "ts" }, bundle: true, outfile, format: "esm", platform: "node" });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
