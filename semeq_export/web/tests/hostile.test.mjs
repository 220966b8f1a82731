/** What is wrong is refused in one clear line, and nothing that is not finite comes out. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { files, model, noise, peak, play, reference, semeq } from "./given.mjs";

const { Model, SemeqError, Stream } = semeq;
const FLAT = { bands: [], preamp_db: 0 };
const band = (changes) => ({ bands: [{ kind: "peak", freq_hz: 1000, gain_db: 3, q: 1, ...changes }], preamp_db: 0 });

function isRefused(run, expected) {
  assert.throws(run, (error) => {
    assert.ok(error instanceof SemeqError, String(error));
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

async function isNotLoaded(changes, expected) {
  await assert.rejects(Model.load({ ...files(), ...changes }), (error) => {
    assert.ok(error instanceof SemeqError, String(error));
    assert.match(error.message, expected);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** Files with a manifest that holds the hash of what was changed: the damage itself must be found. */
function resealed(name, data) {
  const manifest = JSON.parse(files().manifest);
  manifest.files[name].sha256 = createHash("sha256").update(data).digest("hex");
  return { [name.split(".")[0]]: data, manifest: JSON.stringify(manifest) };
}

test("a model of damaged files", async () => {
  const { decoder, centroids, manifest } = files();
  for (const size of [0, 1, 63, 64, 1000, decoder.length - 64, decoder.length - 1]) {
    await isNotLoaded({ decoder: decoder.subarray(0, size) }, /^decoder\.semeq: differs from its SHA-256/);
    await isNotLoaded(resealed("decoder.semeq", decoder.subarray(0, size)), /^decoder\.semeq: offset 0x[0-9a-f]+: /);
  }
  const flipped = Uint8Array.from(decoder);
  flipped[100_000] ^= 1;
  await isNotLoaded(resealed("decoder.semeq", flipped), /offset 0xc: CRC-32 does not match/);
  const texts = ["", "{", "[]", "{}", '{"terms": {}}', '{"terms": {"warm": {"z": [NaN]}}}', '{"terms": {"warm": {"z": [1, 2]}}}', centroids.subarray(0, 5000)];
  for (const text of texts) {
    await isNotLoaded({ centroids: text }, /^centroids\.json: differs from its SHA-256/);
    await isNotLoaded(resealed("centroids.json", text), /^centroids\.json: /);
  }
  for (const text of ["", "{", "null", "[]", '{"schema": "1.1"}', '{"schema": "2.0"}', manifest.subarray(0, 400)]) await isNotLoaded({ manifest: text }, /^manifest\.json: /);
  for (const piece of [undefined, null, 3, {}]) await isNotLoaded({ decoder: piece }, /^decoder\.semeq: is neither bytes nor a text/);
});

test("a program that is none, or another one", async () => {
  await isNotLoaded({ wasm: new Uint8Array(0) }, /^semeq\.wasm: is no WebAssembly/);
  await isNotLoaded({ wasm: files().wasm.subarray(0, 9_000) }, /^semeq\.wasm: is no WebAssembly/);
  await isNotLoaded({ wasm: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0) }, /^semeq\.wasm: does not start/);
  await isNotLoaded({ wasm: undefined }, /^semeq\.wasm: is neither bytes nor a text/);
});

test("memory that grows under a call changes nothing", async () => {
  const own = await Model.load(files());
  const audio = Array.from({ length: 64 }, (_, c) => noise(20_000, 0.1, c + 1));
  assert.equal(own.loudness(audio, 48_000), model.loudness(audio, 48_000));
  const eq = own.eqFor({ warm: 1 });
  const stream = await Stream.create(own, 384_000, 64);
  for (const size of [1e5, 1e6, 1e7]) isRefused(() => own.eqFor({ ["x".repeat(size)]: 1 }), /^unknown word/);
  isRefused(() => stream.setListening(true, "x".repeat(3_000_000)), /^reference: /);
  assert.deepEqual(own.eqFor({ warm: 1 }), eq);
  assert.deepEqual(own.apply(eq, audio, 48_000), model.apply(eq, audio, 48_000));
  assert.ok(play(stream, audio).every((channel) => peak(channel) > 0.01));
});

test("words and amounts that cannot be", () => {
  isRefused(() => model.eqFor({ wram: 1 }), /^unknown word "wram"/);
  isRefused(() => model.eqFor({ "": 1 }), /^unknown word ""/);
  isRefused(() => model.eqFor({ ["x".repeat(100_000)]: 1 }), /^unknown word "x{60}\.\.\."/);
  for (const amount of [NaN, Infinity, "1", null, undefined, 1e7]) isRefused(() => model.eqFor({ warm: amount }), /^the amount of "warm" is /);
  isRefused(() => model.eqFor({ warm: 1e6 }), /more gain than a band may have/);
  for (const intensity of [NaN, 3.01, -3.01, "1", null]) isRefused(() => model.eqFor({ warm: 1 }, intensity), /^the intensity is /);
  isRefused(() => model.eqFor(null), /^a mix is /);
  isRefused(() => model.eqFor("warm"), /^a mix is /);
});

test("bands that cannot be", () => {
  const wrong = [
    [{ kind: "notch" }, /^band 1: kind is notch, expected low_shelf, peak, high_shelf/],
    [{ freq_hz: NaN }, /^band 1: freq_hz is NaN/],
    [{ freq_hz: 0 }, /^band 1: freq_hz is 0/],
    [{ freq_hz: 200_001 }, /^band 1: freq_hz is 200001/],
    [{ gain_db: Infinity }, /^band 1: gain_db is Infinity/],
    [{ gain_db: 60.1 }, /^band 1: gain_db is 60.1/],
    [{ q: 0 }, /^band 1: q is 0/],
    [{ q: "1" }, /^band 1: q is 1, expected a number/],
  ];
  for (const [changes, expected] of wrong) {
    isRefused(() => model.apply(band(changes), [noise(10)], 48_000), expected);
    isRefused(() => model.responseDb(band(changes), [100], 48_000), expected);
    isRefused(() => model.loudness([noise(10)], 48_000, { eq: band(changes) }), expected);
  }
  isRefused(() => model.apply({ bands: Array(65).fill(band({}).bands[0]), preamp_db: 0 }, [noise(10)], 48_000), /^an EQ of 65 bands/);
  isRefused(() => model.apply({ bands: [], preamp_db: 121 }, [noise(10)], 48_000), /^preamp_db is 121/);
  isRefused(() => model.apply({ bands: [null], preamp_db: 0 }, [noise(10)], 48_000), /^band 1: kind is undefined/);
  for (const eq of [null, undefined, 3, {}, { bands: {} }]) isRefused(() => model.apply(eq, [noise(10)], 48_000), /^an EQ is /);
});

test("sound that cannot be", () => {
  for (const run of [(audio, rate) => model.apply(FLAT, audio, rate), (audio, rate) => model.loudness(audio, rate)]) {
    isRefused(() => run([], 48_000), /^0 channels, expected 1\.\.64/);
    isRefused(() => run(Array(65).fill(noise(10)), 48_000), /^65 channels/);
    isRefused(() => run([noise(10), noise(11)], 48_000), /^channels of 10 and 11 samples/);
    isRefused(() => run([[0, 1]], 48_000), /^a channel is no Float32Array/);
    isRefused(() => run(null, 48_000), /^channels are no list/);
    for (const rate of [0, 7_999, 384_001, NaN, Infinity, "48000"]) isRefused(() => run([noise(10)], rate), /^the sample rate in Hz is /);
    for (const value of [NaN, Infinity, -Infinity, 1001]) {
      const broken = noise(5_000);
      broken[3_000] = value;
      isRefused(() => run([noise(5_000), broken], 48_000), /^sample 3000 of channel 2 is (NaN|-?Infinity|1001), expected finite numbers/);
    }
  }
  isRefused(() => model.responseDb(FLAT, [24_001], 48_000), /^a frequency in Hz is 24001/);
  isRefused(() => model.loudness([noise(10)], 48_000, { weights: [-1] }), /a weight is outside 0\.\.10/);
  assert.equal(model.apply(FLAT, [new Float32Array(0)], 48_000)[0].length, 0);
  assert.equal(model.loudness([new Float32Array(0)], 48_000), -Infinity);
});

test("any rate and number of channels sounds, and nothing else comes out than numbers", async () => {
  const eq = model.eqFor({ bright: 1, warm: -0.5 }, 2);
  for (const rate of [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000, 384_000]) {
    for (const channels of [1, 2, 3, 64]) {
      const audio = Array.from({ length: channels }, (_, c) => noise(2_000, 0.1, c + 1));
      const stream = await Stream.create(model, rate, channels);
      stream.setEq(eq);
      const [applied, played] = [model.apply(eq, audio, rate), play(stream, audio)];
      for (let c = 0; c < channels; c++) assert.deepEqual(applied[c], played[c]);
      const level = Math.max(...applied.map(peak));
      assert.ok(level > 0.01 && level < 10, `${level} at ${rate} Hz`);
    }
  }
});

test("a stream that is told what cannot be goes on as before", async () => {
  const audio = [noise(20_000)];
  const [asked, other] = [await Stream.create(model, 48_000, 1), await Stream.create(model, 48_000, 1)];
  for (const stream of [asked, other]) stream.setMix({ warm: 1 });
  const first = play(asked, [audio[0].subarray(0, 10_000)]);
  isRefused(() => asked.setMix({ wram: 1 }), /unknown word/);
  isRefused(() => asked.setMix({ warm: 1 }, 4), /the intensity/);
  isRefused(() => asked.setEq(band({ q: NaN })), /band 1: q/);
  isRefused(() => asked.setMonitor("wet"), /^the monitor is wet/);
  isRefused(() => asked.setMonitor("eq", NaN), /^gain_db is NaN/);
  isRefused(() => asked.setListening("yes"), /^listening is yes/);
  for (const text of ["", "{", "[]", '{"schema": 2}', "x".repeat(2_000_000)]) isRefused(() => asked.setListening(true, text), /^reference: /);
  isRefused(() => asked.process([noise(10)], []), /^expected 1 channels/);
  isRefused(() => asked.process([noise(10)], [noise(11)]), /^expected 1 channels/);
  const second = play(asked, [audio[0].subarray(10_000)]);
  assert.deepEqual(Float32Array.of(...first[0], ...second[0]), play(other, audio)[0]);
  for (const [rate, channels] of [[7_999, 1], [48_000, 0], [48_000, 65], [48_000, 1.5], [NaN, 1]]) {
    await assert.rejects(Stream.create(model, rate, channels), SemeqError);
  }
});

test("broken samples in a stream stay single", async () => {
  for (const value of [NaN, Infinity, 1e30]) {
    for (const monitor of ["eq", "dry", "delta"]) {
      const stream = await Stream.create(model, 48_000, 2);
      stream.setMix({ warm: 1 });
      stream.setMonitor(monitor);
      const audio = [noise(48_000), noise(48_000, 0.1, 2)];
      audio[1][10_000] = value;
      const result = play(stream, audio);
      assert.ok(result.every((channel) => peak(channel) < 1), `${value} in ${monitor}`);
      assert.ok(result[1].subarray(20_000).some((sample) => sample !== 0));
    }
  }
});

test("a reference of a kit is taken", async () => {
  const stream = await Stream.create(model, 48_000, 1);
  stream.setMix({ warm: 1 });
  stream.setListening(true, reference("any"));
  assert.deepEqual([stream.dose.dose, stream.dose.seconds], [null, 0]);
  play(stream, [noise(96_000)]);
  assert.ok(Number.isFinite(stream.dose.dose) && stream.dose.factor >= 0 && stream.dose.seconds === 2);
});
