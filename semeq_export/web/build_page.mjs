/** Builds built/page.html: one file with the page's styles and scripts in it, and the mark `<!--semeq-data-->` where its data go. */

import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { runtimeDefine } from "./build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const OPTIONS = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  legalComments: "none",
  target: ["chrome110", "firefox115", "safari16.4"],
  charset: "utf8",
  define: await runtimeDefine(),
};

/** `worker:./x.ts` is the text of x.ts, bundled. */
const workers = {
  name: "workers",
  setup(context) {
    context.onResolve({ filter: /^worker:/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.slice("worker:".length)),
      namespace: "worker",
    }));
    context.onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => {
      const { outputFiles } = await build({ ...OPTIONS, entryPoints: [path], format: "iife", plugins: [] });
      return { contents: outputFiles[0].text, loader: "text", watchFiles: [path] };
    });
  },
};

async function textOf(entry, format) {
  const { outputFiles } = await build({
    ...OPTIONS,
    entryPoints: [join(here, entry)],
    format,
    plugins: [workers],
    jsx: "automatic",
    jsxImportSource: "preact",
  });
  return outputFiles[0].text;
}

const [template, style, script] = await Promise.all([
  readFile(join(here, "src/page/page.html"), "utf8"),
  textOf("src/page/style/main.css"),
  textOf("src/page/main.tsx", "iife"),
]);
const page = template
  .replace("/*style*/", () => style.trim())
  .replace("/*script*/", () => script.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--"));
await writeFile(join(process.argv[2] ?? join(here, "built"), "page.html"), page);
