/** Prints the sample rates that sound files say they have, as the page reads them: node rates.mjs FILE... */
import { readFileSync } from "node:fs";

import { partsOf } from "./page_parts.mjs";

const { sampleRateOf } = await partsOf("audio/rate");
const rates = process.argv.slice(2).map((file) => {
  const bytes = readFileSync(file);
  return sampleRateOf(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
});
process.stdout.write(JSON.stringify(rates));
