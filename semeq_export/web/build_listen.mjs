// Builds built/listen.html: the page of a listening test without a test in it; `<!--semeq-listen-data-->` is its place.
// The same source gives the same bytes: nothing of the machine or the clock goes in.

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const OPTIONS = { absWorkingDir: here, bundle: true, minify: true, write: false, legalComments: "none", charset: "ascii" };
const TARGET = ["chrome110", "firefox115", "safari16.4"];

async function textOf(entry) {
  const { outputFiles } = await build({ ...OPTIONS, target: TARGET, entryPoints: [entry], format: "iife" });
  return outputFiles[0].text.trim();
}

const hashOf = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;

const [template, style, script] = await Promise.all([
  readFile(join(here, "src/listen/page.html"), "utf8"),
  textOf("src/listen/style.css"),
  textOf("src/listen/main.ts"),
]);
if (/<\/script|<!--/i.test(script)) throw new Error("the script would end itself");
const page = template
  .replace("/*style-hash*/", () => hashOf(style))
  .replace("/*script-hash*/", () => hashOf(script))
  .replace("/*style*/", () => style)
  .replace("/*script*/", () => script);
const target = join(process.argv[2] ?? join(here, "built"), "listen.html");
await mkdir(dirname(target), { recursive: true });
await writeFile(target, page);
