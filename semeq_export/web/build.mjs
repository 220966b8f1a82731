/** Builds built/ from src/: `npm run build`. What is built is committed, and CI compares. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DECLARED = ["errors", "types", "messages", "model", "controls", "stream", "node"];
const INTERNAL = /^export (?=(?:type (?:Setting|Message|Answer)|declare abstract class Controls)\b)/gm;
const common = { absWorkingDir: HERE, bundle: true, write: false, minify: true, charset: "ascii", target: "es2022", legalComments: "none" };

/** The worklet as one script, and what a build that imports src/runtime/semeq.ts must define. */
export async function runtimeDefine() {
  const worklet = await build({ ...common, entryPoints: ["src/runtime/worklet.ts"], format: "iife" });
  return { SEMEQ_WORKLET: JSON.stringify(worklet.outputFiles[0].text) };
}

async function buildRuntime(folder) {
  const define = await runtimeDefine();
  const header = "// SPDX-License-Identifier: MIT\n// semeq: words to EQ. Built from semeq_export/web/src/runtime.\n";
  const module = await build({ ...common, entryPoints: ["src/runtime/semeq.ts"], format: "esm", define });
  writeFileSync(join(folder, "semeq.js"), header + module.outputFiles[0].text);
  writeFileSync(join(folder, "semeq-worklet.js"), header + JSON.parse(define.SEMEQ_WORKLET));
  writeFileSync(join(folder, "semeq.d.ts"), header + declarations());
}

/** The types of the public modules in one file. */
function declarations() {
  const folder = mkdtempSync(join(tmpdir(), "semeq-"));
  try {
    const tsc = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));
    const options = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--stripInternal", "--outDir", folder];
    execFileSync(process.execPath, [tsc, "-p", HERE, ...options], { stdio: "inherit" });
    const texts = DECLARED.map((name) => readFileSync(join(folder, "runtime", `${name}.d.ts`), "utf8"));
    return `${texts.join("").replaceAll(/^import .*\n/gm, "").replaceAll(INTERNAL, "")}export {};\n`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const isCommand = process.argv[1] === fileURLToPath(import.meta.url);
if (isCommand) await buildRuntime(process.argv[2] ?? join(HERE, "built"));
