/** Reads phrases with the built module: node phrases.mjs MODULE ASKED.json, and prints what came of each. */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, asked] = process.argv.slice(2);
const { guessBands, PhraseError, readPhrase, suggest } = await import(pathToFileURL(module).href);
const { data, texts, prefixes, mixes } = JSON.parse(readFileSync(asked, "utf8"));

function read([text, guess]) {
  try {
    return readPhrase(text, data, { guess });
  } catch (error) {
    if (!(error instanceof PhraseError)) throw error;
    return { refused: error.message, code: error.code, suggestions: error.suggestions };
  }
}

const found = {
  read: texts.map(read),
  suggested: prefixes.map(([prefix, limit]) => suggest(prefix, data, limit)),
  bands: mixes.map((mix) => guessBands(mix, data)),
};
process.stdout.write(JSON.stringify(found));
