/** Firefox as Debian ships it, by WebDriver BiDi (W3C): open a page, run JavaScript in it. Node 20 needs --experimental-websocket. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 60_000;
const PREFERENCES = [
  ["media.autoplay.default", 0], // sound without a click
  ["media.autoplay.blocking_policy", 0],
  ["media.cubeb.force_mock_context", true], // a sound card made of nothing, for machines without one
];

export class Firefox {
  #process;
  #profile;
  #socket;
  #waiting = new Map();
  #number = 0;
  #tab;

  static async launch(executable = "firefox-esr") {
    const firefox = new Firefox();
    firefox.#profile = mkdtempSync(join(tmpdir(), "semeq-firefox-"));
    writeFileSync(join(firefox.#profile, "user.js"), PREFERENCES.map(([name, value]) => `user_pref("${name}", ${value});\n`).join(""));
    const options = ["--headless", "--no-remote", "--profile", firefox.#profile, "--remote-debugging-port", "0"];
    firefox.#process = spawn(executable, options, { stdio: ["ignore", "ignore", "pipe"] });
    try {
      const address = await firefox.#address();
      firefox.#socket = new WebSocket(`${address}/session`);
      await new Promise((resolve, reject) => {
        firefox.#socket.onopen = resolve;
        firefox.#socket.onerror = () => reject(new Error("Firefox does not take the connection"));
      });
      firefox.#socket.onmessage = (event) => firefox.#hear(JSON.parse(event.data));
      await firefox.send("session.new", { capabilities: {} });
      firefox.#tab = (await firefox.send("browsingContext.create", { type: "tab" })).context;
    } catch (error) {
      await firefox.close();
      throw error;
    }
    return firefox;
  }

  /** Send a command and return its result. */
  send(method, params) {
    const id = ++this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async goto(url) {
    await this.send("browsingContext.navigate", { context: this.#tab, url, wait: "complete" });
  }

  /** Run a function in the page, with one argument and a result that JSON can hold; promises are awaited. */
  async evaluate(run, argument = null) {
    const { result, exceptionDetails } = await this.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${run})(${JSON.stringify(argument)})) ?? "null")()`,
      target: { context: this.#tab },
      awaitPromise: true,
      userActivation: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  async close() {
    this.#socket?.close();
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once("exit", resolve));
      this.#process.kill("SIGKILL");
      await ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #address() {
    return new Promise((resolve, reject) => {
      let said = "";
      const timer = setTimeout(() => reject(new Error(`Firefox does not start: ${said}`)), START_MS);
      this.#process.once("error", reject);
      this.#process.stderr.on("data", (text) => {
        said += text;
        const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said);
        if (found === null) return;
        clearTimeout(timer);
        resolve(found[1]);
      });
    });
  }

  #hear({ id, type, result, error, message }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (type === "success") waiting?.resolve(result);
    else waiting?.reject(new Error(`${error}: ${message}`));
  }
}
