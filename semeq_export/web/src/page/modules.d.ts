/** What `build_page.mjs` resolves beside TypeScript. */

/** The text of a script, bundled with all that it imports. */
declare module "worker:*" {
  const source: string;
  export default source;
}
