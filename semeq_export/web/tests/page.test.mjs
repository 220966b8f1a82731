/** What the page's parts promise for any input: the map's blend, undo, links, bands under hands, names on the map, files of sound. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { partsOf } from "./page_parts.mjs";

const {
  blendAt,
  editedEq,
  editTo,
  extentOf,
  freqAt,
  fromFile,
  fromHash,
  gainAt,
  History,
  labelled,
  loopOf,
  mixText,
  placeIn,
  pointIn,
  presetText,
  START,
  toFile,
  toHash,
  waveOf,
  xOf,
  yOf,
} = await partsOf(
  "words/blend",
  "document/document",
  "document/history",
  "document/link",
  "view/labels",
  "view/scales",
  "audio/wav",
  "audio/loop",
  "save/preset",
);

/** Numbers of 0..1, the same each time. */
function chance(seed) {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

function randomMap(next, count) {
  return new Map(Array.from({ length: count }, (_, i) => [`w${i}`, [20 * next() - 10, 4 * next() - 2]]));
}

test("a blend is of at most three words, sums to one, and is a word alone where the word stands", () => {
  const next = chance(1);
  for (let round = 0; round < 300; round++) {
    const words = randomMap(next, 1 + Math.floor(12 * next()));
    const extent = extentOf(words.values(), 0.1);
    const shares = Object.values(blendAt(pointIn(extent, [next(), next()]), words, extent));
    assert.ok(shares.length >= 1 && shares.length <= 3);
    assert.ok(shares.every((share) => share > 0));
    assert.ok(Math.abs(shares.reduce((a, b) => a + b) - 1) < 1e-9);
    for (const [word, at] of words) assert.deepEqual(blendAt(at, words, extent), { [word]: 1 });
  }
});

test("nothing jumps by more than the least share while the pad moves", () => {
  const next = chance(2);
  const words = randomMap(next, 30);
  const extent = extentOf(words.values(), 0.1);
  const step = 0.0002;
  for (let round = 0; round < 4_000; round++) {
    const at = [next(), next()];
    const here = blendAt(pointIn(extent, at), words, extent);
    const there = blendAt(pointIn(extent, [at[0] + step, at[1]]), words, extent);
    const nearest = Math.min(...[...words.values()].map((word) => Math.hypot(...placeIn(extent, word).map((x, i) => x - at[i]))));
    if (nearest < 0.02) continue; // beside a word a step is long
    for (const word of new Set([...Object.keys(here), ...Object.keys(there)]))
      assert.ok(Math.abs((here[word] ?? 0) - (there[word] ?? 0)) < 0.08);
  }
});

test("undo and redo walk the same steps, and a gesture is one", () => {
  const history = new History(0);
  for (let value = 1; value <= 5; value++) history.push(value, `to ${value}`, "", value);
  for (let value = 6; value <= 9; value++) history.push(value, `to ${value}`, "drag", 10 + value);
  history.seal();
  history.push(10, "to 10", "drag", 20);
  const back = [];
  while (history.canUndo) back.push([history.undo(), history.value]);
  assert.deepEqual(
    back.map(([, value]) => value),
    [9, 5, 4, 3, 2, 1, 0],
  );
  assert.equal(history.undo(), null);
  const forth = [];
  while (history.canRedo) forth.push([history.redo(), history.value]);
  assert.deepEqual(
    forth.map(([, value]) => value),
    [1, 2, 3, 4, 5, 9, 10],
  );
  history.undo();
  history.push(11, "another way", "", 99);
  assert.equal(history.redo(), null);
});

test("links and files recall what they were made of", () => {
  const next = chance(3);
  const rounded = (most) => Number((most * (2 * next() - 1)).toFixed(4));
  for (let round = 0; round < 200; round++) {
    const doc = {
      mix: { "bright@metal": rounded(2), frío: rounded(2) },
      pad: round % 2 ? [rounded(50), rounded(20)] : null,
      phrase: round % 3 ? "warm & airy, 50 % less mud: ¿sí? #1" : null,
      second: round % 5 ? { word: "muddy", amount: rounded(2) } : null,
      intensity: rounded(3),
      edits: {
        0: { gain_db: rounded(24), freq: 1.5, q: 0.25, enabled: false },
        4: { gain_db: rounded(24), freq: 0.01, q: 9, enabled: true },
      },
    };
    const recalled = { doc, example: round % 2 ? "drums" : null };
    assert.deepEqual(fromHash(`#${toHash(recalled)}`), recalled);
    assert.deepEqual(fromFile(toFile(recalled, "1.0")), recalled);
  }
  assert.equal(toHash({ doc: START, example: null }), "");
  assert.deepEqual(fromHash("").doc, START);
});

test("what is wrong in a link or a file is said in one line", () => {
  const wrong = [
    "words=warm",
    "words=warm:x",
    "words=:1",
    "words=warm:1e9",
    "words=warm:NaN",
    "pad=1,2,3",
    "pad=a,b",
    "second=warm:3",
    "intensity=4",
    "intensity=",
    "bands=x:1:1:1",
    "bands=1:1:0:1",
    "bands=1:1:1:-1",
    "bands=1.5:1:1:1",
    `words=${"a:1,".repeat(40)}a:1`,
  ];
  for (const hash of wrong)
    assert.throws(
      () => fromHash(hash),
      (error) => error.message.startsWith("the link's ") && !error.message.includes("\n"),
      hash,
    );
  for (const text of [
    "",
    "[]",
    "null",
    "{}",
    '{"format":"semeq-studio","version":"2.0","state":""}',
    '{"format":"semeq-studio","version":"1.0"}',
  ]) {
    assert.throws(() => fromFile(text), /^Error: is (not )?a state file of (the studio|version)/);
  }
});

test("a band goes where a hand asks it to go, inside the limits, and back", () => {
  const band = { kind: "peak", freq_hz: 500, gain_db: -3, q: 0.8, enabled: true };
  const eq = { bands: [band], preamp_db: 0 };
  const wanted = { freq_hz: 1_234, gain_db: 5.5, q: 2 };
  const [moved] = editedEq(eq, { 0: editTo(band, wanted) }).bands;
  for (const name of Object.keys(wanted)) assert.ok(Math.abs(moved[name] - wanted[name]) < 1e-9, name);
  const far = editedEq(eq, { 0: editTo(band, { freq_hz: 1e6, gain_db: -99, q: 0 }) }).bands[0];
  assert.deepEqual([Math.round(far.freq_hz), far.gain_db, Number(far.q.toFixed(9))], [20_000, -24, 0.1]);
  assert.deepEqual(editedEq(eq, {}), eq);
});

test("scales are their own inverse", () => {
  for (const freqHz of [20, 137, 1_000, 20_000]) assert.ok(Math.abs(freqAt(xOf(freqHz, 777), 777) / freqHz - 1) < 1e-9);
  for (const gainDb of [-12, 0, 3.3]) assert.ok(Math.abs(gainAt(yOf(gainDb, 18, 300), 18, 300) - gainDb) < 1e-9);
});

test("no two names on the map lie on each other", () => {
  const next = chance(4);
  for (let round = 0; round < 50; round++) {
    const size = { width: 300 + 400 * next(), height: 240 + 200 * next() };
    const places = Array.from({ length: 40 }, (_, i) => ({
      word: `word${i}`,
      rows: Math.floor(600 * next() ** 8),
      x: size.width * next(),
      y: size.height * next(),
    }));
    const boxes = labelled(places, size).flatMap(({ label, rank, word }) =>
      label === null ? [] : [{ ...label, wide: word.length * [16, 13.5, 12][rank] * 0.56, high: [16, 13.5, 12][rank] }],
    );
    assert.ok(boxes.length > 5);
    const left = ({ x, anchor, wide }) => (anchor === "start" ? x : anchor === "end" ? x - wide : x - wide / 2);
    for (const a of boxes) {
      for (const b of boxes) {
        if (a === b) continue;
        const apart = left(a) + a.wide <= left(b) || left(b) + b.wide <= left(a) || Math.abs(a.y - b.y) >= 0.7 * Math.min(a.high, b.high);
        assert.ok(apart);
      }
    }
  }
});

test("a wave of 24 bits cuts what is above full scale and counts it; floats hold it", () => {
  const channels = [Float32Array.of(0, 0.5, 1.5, -2), Float32Array.of(-1, 1, 0.25, 2 ** -23)];
  const whole = waveOf(channels, 44_100, "24");
  const view = new DataView(whole.bytes.buffer);
  assert.equal(whole.clipped, 2);
  assert.equal(view.getUint32(4, true), whole.bytes.length - 8);
  assert.deepEqual([view.getUint16(22, true), view.getUint32(24, true), view.getUint16(34, true)], [2, 44_100, 24]);
  const sample = (i) => (view.getInt8(44 + 3 * i + 2) << 16) | (view.getUint8(44 + 3 * i + 1) << 8) | view.getUint8(44 + 3 * i);
  assert.deepEqual(
    Array.from({ length: 8 }, (_, i) => sample(i)),
    [0, -8_388_608, 4_194_304, 8_388_607, 8_388_607, 2_097_152, -8_388_608, 1],
  );
  const floats = waveOf(channels, 96_000, "float32");
  const kept = new Float32Array(floats.bytes.buffer.slice(58));
  assert.equal(floats.clipped, 0);
  assert.deepEqual([...kept], [0, -1, 0.5, 1, 1.5, 0.25, -2, 2 ** -23]);
});

test("a part that goes round goes on at its seam as the sound would have", () => {
  const tone = Float32Array.from({ length: 48_000 }, (_, i) => Math.sin(i / 37));
  const [part] = loopOf([tone], 48_000, { start: 0.25, end: 0.75 });
  assert.equal(part.length, 24_000);
  assert.ok(Math.abs(part[0] - tone[36_000]) < 1e-6);
  assert.deepEqual(part.subarray(400), tone.subarray(12_400, 36_000));
  const jumps = part.map((value, i) => Math.abs(value - part[(i + part.length - 1) % part.length]));
  assert.ok(Math.max(...jumps) < 0.06); // the tone itself moves by 0.027 a sample
  const [end] = loopOf([tone], 48_000, { start: 0.9, end: 1 });
  assert.ok(Math.abs(end[0]) < 1e-6); // nothing follows the end
});

test("a preset names its words only where they are given", () => {
  const eq = { bands: [{ kind: "peak", freq_hz: 500, gain_db: -3, q: 0.8 }], preamp_db: 0 };
  const bare = JSON.parse(presetText({ name: "x", sampleRateHz: 48_000, eq, words: null }));
  assert.deepEqual([bare.version, bare.preset.words, bare.preset.eq.bands[0].enabled], ["1.0", undefined, true]);
  const said = JSON.parse(
    presetText({
      name: "x",
      sampleRateHz: 48_000,
      eq,
      words: { mix: { sparkly: 1 }, intensity: 0.5, bundle: "0".repeat(64), areGuessed: true },
    }),
  );
  assert.deepEqual([said.version, said.preset.words.weights, said.preset.words.estimated], ["1.1", [["sparkly", 1]], true]);
});

test("mixes are read as people say them", () => {
  assert.equal(mixText({ warm: 1 }), "warm");
  assert.equal(mixText({ muddy: -0.3, warm: 0.25 }), "warm 0.25 + less muddy 0.3");
});
