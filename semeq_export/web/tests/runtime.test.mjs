/** What the module promises: mixes, sides of the monitor, blocks, and an audio thread without garbage. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";

import { files, model, noise, peak, play, semeq } from "./given.mjs";

const { Stream } = semeq;
const FREQS_HZ = Array.from({ length: 40 }, (_, i) => 20 * 1000 ** (i / 39));
const curve = (eq) => model.responseDb(eq, FREQS_HZ, 48_000);
const isClose = (a, b, most = 1e-4) => assert.ok(a.every((value, i) => Math.abs(value - b[i]) <= most));

test("amounts add up, and less of a word is its opposite", () => {
  assert.ok(model.words.length > 50 && model.words.includes("warm"));
  assert.deepEqual(model.eqFor({}).bands, []);
  isClose(curve(model.eqFor({ WARM: 0.5 }, 2)), curve(model.eqFor({ " warm ": 1 })));
  isClose(curve(model.eqFor({ warm: -1 })), curve(model.eqFor({ warm: 1 }, -1)));
  isClose(curve(model.eqFor({ warm: 2, harsh: -1 })), curve(model.eqFor({ warm: 1, harsh: -0.5 }, 2)));
  assert.ok(curve(model.eqFor({ warm: 1 }, 0)).every((db) => db === 0));
});

test("a model outlives the files it was loaded from", async () => {
  const given = files();
  const bytes = Uint8Array.from(given.wasm);
  const own = await semeq.Model.load({ ...given, wasm: bytes });
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  const stream = await Stream.create(own, 48_000, 1);
  stream.setMix({ warm: 1 });
  assert.ok(peak(play(stream, [noise(1_000)])[0]) > 0.01);
});

test("an EQ that came out goes in again", () => {
  const eq = model.eqFor({ bright: 1 }, 1.3);
  const off = { ...eq, bands: eq.bands.map((band) => ({ ...band, enabled: false })) };
  assert.ok(curve(off).every((db) => db === 0));
  const plain = { ...eq, bands: eq.bands.map(({ enabled, ...band }) => band), preamp_db: -3 };
  isClose(curve(plain), curve(eq).map((db) => db - 3), 1e-12);
  const many = Array.from({ length: 10_000 }, (_, i) => i);
  assert.equal(model.responseDb(eq, many, 48_000)[5_000], model.responseDb(eq, [5_000], 48_000)[0]);
});

test("any cut into blocks gives the same bits, while everything changes", async () => {
  const audio = [noise(60_000), noise(60_000, 0.1, 2), noise(60_000, 0.1, 3)];
  const results = [];
  for (const block of [1, 128, 1_000, 5_000]) {
    const stream = await Stream.create(model, 44_100, 3);
    stream.setMix({ warm: 1 });
    const result = [];
    [[0, 20_000], [20_000, 40_000], [40_000, 60_000]].forEach(([from, to], i) => {
      if (i === 1) stream.setMix({ bright: 1 }), stream.setMonitor("delta", -3);
      if (i === 2) stream.setEq({ bands: [], preamp_db: -6 }), stream.setMonitor("dry"), stream.setMonitor("eq");
      result.push(...play(stream, audio.map((channel) => channel.subarray(from, to)), block));
    });
    results.push(result);
  }
  for (const result of results) assert.deepEqual(result, results[0]);
});

test("dry is the input to the bit, delta is what the EQ adds, and gains are those asked for", async () => {
  const audio = [noise(30_000)];
  const heard = {};
  for (const [name, monitor, gain_db] of [["eq", "eq", 0], ["dry", "dry", 0], ["delta", "delta", 0], ["loud", "eq", 6], ["soft", "dry", -6]]) {
    const stream = await Stream.create(model, 48_000, 1);
    stream.setMix({ bright: 1 });
    stream.setMonitor(monitor, gain_db);
    heard[name] = play(stream, audio)[0];
  }
  assert.deepEqual(heard.dry, audio[0]);
  const difference = (a, b) => peak(a.map((value, i) => value - b(i)));
  assert.ok(difference(heard.delta, (i) => heard.eq[i] - heard.dry[i]) < 1e-7);
  assert.ok(difference(heard.loud, (i) => heard.eq[i] * 10 ** 0.3) < 1e-7);
  assert.ok(difference(heard.soft, (i) => heard.dry[i] * 10 ** -0.3) < 1e-7);
  assert.ok(peak(heard.delta) > 0.01);
});

test("after a switch the other side is heard to the bit", async () => {
  const stream = await Stream.create(model, 48_000, 1);
  stream.setMix({ warm: 1 });
  const audio = [noise(20_000)];
  play(stream, [noise(5_000)]);
  stream.setMonitor("dry");
  const result = play(stream, audio)[0];
  assert.notDeepEqual(result.subarray(0, 960), audio[0].subarray(0, 960));
  assert.deepEqual(result.subarray(960), audio[0].subarray(960));
});

/** The processor as an audio thread would have it, with a port whose two ends are here. */
async function processor(rate) {
  let made;
  Object.assign(globalThis, {
    sampleRate: rate,
    AudioWorkletProcessor: class {
      said = [];
      port = { postMessage: (answer) => this.said.push(answer) };
    },
    registerProcessor: (name, Processor) => (made = { name, Processor }),
  });
  (0, eval)(readFileSync(new URL("../built/semeq-worklet.js", import.meta.url), "utf8"));
  assert.equal(made.name, "semeq");
  return made.Processor;
}

/** Bytes that 200,000 calls leave on the heap; Infinity where it was collected meanwhile. */
async function garbageOf(work) {
  const collected = [];
  const watcher = new PerformanceObserver((list) => collected.push(...list.getEntries()));
  watcher.observe({ entryTypes: ["gc"] });
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 200_000; i++) work();
  const grown = process.memoryUsage().heapUsed - before;
  await new Promise((resolve) => setTimeout(resolve, 20)); // collections are told of a little later
  collected.push(...watcher.takeRecords());
  watcher.disconnect();
  return collected.length === 0 ? grown : Infinity;
}

test("the audio thread makes no garbage and keeps its answers short", async () => {
  const Processor = await processor(48_000);
  const eq = new Float64Array([1, 0, 1, 1000, 6, 1, 1]);
  const one = new Processor({ processorOptions: { wasm: files().wasm, channels: 2, first: [{ kind: "eq", eq, intensity: 1 }] } });
  const [inputs, outputs] = [[[noise(128), noise(128)]], [[new Float32Array(128), new Float32Array(128)]]];
  for (let i = 0; i < 20_000; i++) one.process(inputs, outputs);
  const turns = []; // garbage of every quantum shows in each of them, that of the tests before or of the engine does not
  while (turns.length < 3 && !turns.some((bytes) => bytes < 200_000 * 8)) turns.push(await garbageOf(() => one.process(inputs, outputs)));
  assert.ok(turns.at(-1) < 200_000 * 8, `${turns} bytes in 200,000 quanta`);
  assert.deepEqual(one.said, []);

  const kept = [];
  const littered = await garbageOf(() => (kept[0] = { state: one.process(inputs, outputs) }));
  assert.ok(littered > 200_000 * 8, `${littered} bytes: the count does not count`);
  one.port.onmessage({ data: { kind: "ask", number: 7 } });
  assert.equal(one.said.pop().number, 7);
  assert.equal(one.process([[]], outputs), true); // nothing is connected: the tail, then silence
  for (let i = 0; i < 2_000; i++) one.process([[]], outputs);
  assert.ok(peak(outputs[0][0]) < 1e-9);
  one.port.onmessage({ data: { kind: "close" } });
  assert.equal(one.process(inputs, outputs), false);
  const strange = new Processor({ processorOptions: { wasm: files().wasm, channels: 1, first: [] } });
  strange.port.onmessage({ data: { kind: "eq", eq: new Float64Array([1, 0, 9, 1000, 6, 1, 1]), intensity: 1 } });
  assert.match(strange.said.pop().why, /a band is no low shelf/);
});
