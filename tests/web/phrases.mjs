/** Reads phrases with the built module: node phrases.mjs MODULE ASKED.json, and prints what came of each. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, asked] = process.argv.slice(2);
const { PhraseError, readPhrase, suggest } = await import(pathToFileURL(module).href);
const { data, texts, prefixes } = JSON.parse(readFileSync(asked, "utf8"));

function read([text, guess]) {
  try {
    return readPhrase(text, data, { guess });
  } catch (error) {
    if (!(error instanceof PhraseError)) throw error;
    return { refused: error.message, code: error.code, suggestions: error.suggestions };
  }
}

process.stdout.write(JSON.stringify({ read: texts.map(read), suggested: prefixes.map(([prefix, limit]) => suggest(prefix, data, limit)) }));
