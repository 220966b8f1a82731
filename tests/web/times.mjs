/**
 * How long semeq.js takes, in milliseconds, for `seconds` of stereo noise, and the EQ of each word at `intensities`: `run(semeq, data)`.
 * Read by tests/bench/web_report.py.
 */

const HOP_S = 2048 / 48_000; // from one transform to the next

export async function run(semeq, data) {
  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const files = { wasm: bytes(data.wasm), decoder: bytes(data.decoder), centroids: data.centroids, manifest: data.manifest };
  const found = { times: {}, words: [] };
  const time = async (name, turns, work) => {
    const start = performance.now();
    let result;
    for (let i = 0; i < turns; i++) result = await work(i);
    found.times[name] = (performance.now() - start) / turns;
    return result;
  };
  const model = await time("load_ms", 1, () => semeq.Model.load(files));
  const eq = await time("decode_ms", 100, (i) => model.eqFor({ [model.words[i % model.words.length]]: 1 }));
  for (const intensity of data.intensities) {
    for (const word of model.words) found.words.push({ word, intensity, eq: model.eqFor({ [word]: 1 }, intensity) });
  }
  const audio = [1, 2].map(() => Float32Array.from({ length: data.seconds * data.rate }, () => Math.random() - 0.5));
  await time("loudness_ms", 1, () => model.loudness(audio, data.rate));
  await time("apply_ms", 1, () => model.apply(eq, audio, data.rate));
  if (typeof OfflineAudioContext === "undefined") {
    for (const rate of [44_100, 48_000, 96_000]) Object.assign(found.times, await transforming(semeq, model, data, rate));
    return found;
  }

  const buffer = new AudioBuffer({ length: audio[0].length, numberOfChannels: 2, sampleRate: data.rate });
  audio.forEach((channel, c) => buffer.copyToChannel(channel, c));
  const render = async (mix) => {
    const context = new OfflineAudioContext(2, buffer.length, data.rate);
    const source = new AudioBufferSourceNode(context, { buffer });
    if (mix === undefined) source.connect(context.destination);
    else source.connect((await semeq.SemeqNode.create(context, model, { mix })).node).connect(context.destination);
    source.start();
    const start = performance.now();
    await context.startRendering();
    return performance.now() - start;
  };
  const [bare, through] = [await render(), await render({ warm: 1 })];
  const quanta = buffer.length / 128;
  found.times.quantum_us = ((through - bare) / quanta) * 1000;
  found.times.quantum_share = (through - bare) / quanta / ((128 / data.rate) * 1000);
  return found;
}

/** Microseconds of a block of 128 samples in a stream that listens: the usual one, and one that transforms, as one of fifteen does at 44.1 kHz. */
async function transforming(semeq, model, data, rate) {
  const stream = await semeq.Stream.create(model, rate, 2);
  stream.setMix({ warm: 1 });
  stream.setListening(true, data.reference);
  const block = [0, 1].map(() => Float32Array.from({ length: 128 }, () => Math.random() - 0.5));
  const result = block.map(() => new Float32Array(128));
  const times = [];
  for (let i = 0; i < 20_000; i++) {
    const start = performance.now();
    stream.process(block, result);
    times.push((performance.now() - start) * 1000);
  }
  times.splice(0, 2_000);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)];
  return { [`block_at_${rate}_us`]: at(0.5), [`transforming_at_${rate}_us`]: at(1 - 64 / (HOP_S * rate)) };
}
