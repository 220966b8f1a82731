/**
 * What semeq.js does with inputs that Python chose, in Node or in a page: `run(semeq, data)`. Python compares (test_runtime.py, test_browsers.py).
 * Samples travel as base64 of float32.
 */

export async function run(semeq, data) {
  const model = await semeq.Model.load({
    wasm: bytes(data.wasm),
    decoder: bytes(data.decoder),
    centroids: data.centroids,
    manifest: data.manifest,
  });
  const results = { vectors: await vectors(semeq, model, data) };
  const play = typeof OfflineAudioContext === "undefined" ? inStream : inContext;
  const audio = data.audio.map(floats);
  results.played = [];
  for (const { mix, intensity } of data.asked) {
    const eq = model.eqFor(mix, intensity);
    const loudness = [model.loudness(audio, data.rate), model.loudness(audio, data.rate, { eq })];
    const applied = model.apply(eq, audio, data.rate);
    const played = await play(semeq, model, data.rate, audio, { mix, intensity }, []);
    results.played.push({ eq, loudness, applied: applied.map(text), played: played.map(text), again: model.loudness(applied, data.rate) });
  }
  const sine = [floats(data.sine)];
  const canMove = play === inStream || "suspend" in OfflineAudioContext.prototype;
  const moves = { eq: data.moves.map((mix) => (node) => node.setMix(mix)), monitor: data.moves.map((_, i) => monitors(i)) };
  for (const [name, steps] of Object.entries(moves)) {
    results[name] = canMove ? text((await play(semeq, model, data.rate, sine, { mix: data.moves[0] }, steps))[0]) : null;
  }
  results.sides = await sides(semeq, model, data, audio, play);
  results.live = play === inStream ? null : await live(semeq, model, data);
  return results;
}

const monitors = (i) => (node) => node.setMonitor(["dry", "eq", "delta"][i % 3], [0, -1.5, 6][i % 3]);

/** The largest error of each kind of vector, as a multiple of its tolerance, and how many there were. */
async function vectors(semeq, model, data) {
  const found = {};
  const add = (kind, error, tolerance) => {
    const worst = (found[kind] ??= { count: 0, worst: 0 });
    worst.count += 1;
    if (!(error <= tolerance * worst.worst)) worst.worst = error / tolerance;
  };
  const layout = JSON.parse(data.manifest).layout.slots;
  const response = data.vectors.response;
  response.params.forEach((params, row) => {
    const got = model.responseDb(eqOf(layout, params), response.freqs_hz, response.sample_rate_hz);
    got.forEach((db, i) => add("response", Math.abs(db - response.response_db[row][i]), response.tolerance_db));
  });
  for (const one of data.vectors.impulse.cases) {
    const stream = await semeq.Stream.create(model, one.sample_rate_hz, 1);
    stream.setMix(one.second_word === "" ? { [one.word]: 1 } : sum([one.word, 1 - one.morph], [one.second_word, one.morph]), one.intensity);
    const samples = new Float32Array(one.impulse.length);
    samples[0] = 1;
    for (let start = 0; start < samples.length; start += 100) {
      const part = [samples.subarray(start, start + 100)];
      stream.process(part, part);
    }
    samples.forEach((sample, i) => add("impulse", Math.abs(sample - one.impulse[i]), one.tolerance));
  }
  for (const one of data.vectors.mix.cases) {
    const [first, second, third] = one.weights;
    const eq = model.eqFor(sum([one.word, first], [one.second_word, second], [one.less, third]));
    const got = model.responseDb(eq, one.freqs_hz, one.sample_rate_hz);
    got.forEach((db, i) => add("mix", Math.abs(db - one.response_db[i]), one.tolerance_db));
  }
  for (const one of data.vectors.dose.cases.filter((one) => one.is_target === 0)) {
    const stream = await semeq.Stream.create(model, one.sample_rate_hz, one.channels);
    stream.setMix({ [one.word]: 1 }, one.intensity);
    stream.setListening(true, data.references[one.reference]);
    const noises = Array.from({ length: one.channels }, (_, c) => noise(one.sample_rate_hz, c + 1));
    let position = 0;
    one.position.forEach((at, i) => {
      for (; position <= at; position += 512) {
        const block = noises.map((next) => Float32Array.from({ length: 512 }, next));
        stream.process(block, block);
      }
      const { dose, factor } = stream.dose;
      add("dose", Math.abs(dose - one.dose[i]), one.tolerance);
      add("dose", Math.abs(factor * one.intensity - one.gain[i]), one.tolerance);
    });
  }
  return found;
}

/** What each side of the monitor gives, against what it must give, as the largest differences. */
async function sides(semeq, model, data, audio, play) {
  const asked = { mix: data.asked[0].mix, intensity: data.asked[0].intensity };
  const heard = {};
  for (const monitor of ["eq", "dry", "delta"]) heard[monitor] = await play(semeq, model, data.rate, audio, { ...asked, monitor, gain_db: 0 }, []);
  const worst = (of) => Math.max(...audio.map((channel, c) => channel.reduce((most, _, i) => Math.max(most, Math.abs(of(c, i))), 0)));
  return {
    dry: worst((c, i) => heard.dry[c][i] - audio[c][i]),
    delta: worst((c, i) => heard.delta[c][i] - (heard.eq[c][i] - audio[c][i])),
    changed: worst((c, i) => heard.delta[c][i]),
  };
}

/** A page in use: two nodes in one context, one that listens, and a worklet from an address of its own. */
async function live(semeq, model, data) {
  const { SemeqError, SemeqNode } = semeq;
  const context = new AudioContext();
  const isRefused = async (run) => {
    try {
      return String(await run());
    } catch (error) {
      return error instanceof SemeqError ? "SemeqError" : String(error);
    }
  };
  try {
    const first = await SemeqNode.create(context, model, { eq: { bands: [], preamp_db: -200 / 3 } });
    const second = await SemeqNode.create(context, model, { mix: { warm: 1 } });
    const noise = context.createBuffer(1, context.sampleRate, context.sampleRate);
    noise.getChannelData(0).forEach((_, i, samples) => (samples[i] = Math.random() - 0.5));
    const source = new AudioBufferSourceNode(context, { buffer: noise, loop: true });
    const meter = new AnalyserNode(context, { fftSize: 2048 });
    source.connect(second.node).connect(meter);
    second.node.connect(first.node).connect(context.destination);
    source.start();
    await context.resume();
    second.setListening(true, data.references.any);
    const dose = await new Promise((resolve) => {
      second.onDose = (found) => found.dose !== null && resolve(found);
    });
    const heard = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(heard);
    const errors = [];
    first.onError = second.onError = (error) => errors.push(String(error));
    second.setMonitor("delta", 3);
    await second.settled();
    second.close();
    const isHttp = location.protocol === "http:";
    const elsewhere = () => new OfflineAudioContext(2, 128, 48_000);
    return {
      dose,
      peak: heard.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0),
      errors,
      ownModule: isHttp ? (await SemeqNode.create(elsewhere(), model, { moduleUrl: "semeq-worklet.js" })).node.numberOfOutputs : null,
      missingModule: await isRefused(() => SemeqNode.create(elsewhere(), model, { moduleUrl: isHttp ? "missing.js" : "file:///missing.js" })),
      wrongMix: await isRefused(() => SemeqNode.create(context, model, { mix: { wram: 1 } })),
      wrongChannels: await isRefused(() => SemeqNode.create(context, model, { channels: 0 })),
    };
  } finally {
    await context.close();
  }
}

/** steps: what to do every 51 ms, the first after 51 ms. */
async function inStream(semeq, model, rate, audio, { mix, intensity = 1, monitor, gain_db }, steps) {
  const stream = await semeq.Stream.create(model, rate, audio.length);
  stream.setMix(mix, intensity);
  if (monitor !== undefined) stream.setMonitor(monitor, gain_db);
  const result = audio.map((channel) => new Float32Array(channel.length));
  const stride = Math.round((0.051 * rate) / 128) * 128;
  for (let start = 0; start < audio[0].length; start += 128) {
    if (start > 0 && start % stride === 0) steps[start / stride - 1]?.(stream);
    const part = (channel) => channel.subarray(start, start + 128);
    stream.process(audio.map(part), result.map(part));
  }
  return result;
}

async function inContext(semeq, model, rate, audio, options, steps) {
  const context = new OfflineAudioContext(audio.length, audio[0].length, rate);
  const buffer = context.createBuffer(audio.length, audio[0].length, rate);
  audio.forEach((channel, c) => buffer.copyToChannel(channel, c));
  const source = new AudioBufferSourceNode(context, { buffer });
  const node = await semeq.SemeqNode.create(context, model, { channels: audio.length, ...options });
  source.connect(node.node).connect(context.destination);
  source.start();
  await node.settled();
  const stride = Math.round((0.051 * rate) / 128) * 128;
  steps.forEach((step, i) => {
    const at = (stride * (i + 1)) / rate;
    if (at >= audio[0].length / rate) return;
    context.suspend(at).then(async () => {
      step(node);
      await node.settled();
      context.resume();
    });
  });
  const rendered = await context.startRendering();
  node.close();
  return audio.map((_, c) => rendered.getChannelData(c));
}

function eqOf(layout, params) {
  let next = 0;
  const bands = layout.map((slot) => {
    const [gain_db, freq_hz] = [params[next++], params[next++]];
    return { kind: slot.kind, freq_hz, gain_db, q: typeof slot.q === "number" ? slot.q : params[next++] };
  });
  return { bands, preamp_db: 0 };
}

function sum(...parts) {
  const mix = {};
  for (const [word, amount] of parts) mix[word] = (mix[word] ?? 0) + amount;
  return mix;
}

/** The noise of kit_vectors.py. */
function noise(rate, seed) {
  let [state, low, count] = [seed, 0, 0];
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    low += 0.15 * (state / 2147483648 - 1 - low);
    return low * (Math.floor(count++ / (0.7 * rate)) % 3 === 2 ? 0.001 : 0.5);
  };
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function floats(base64) {
  return new Float32Array(bytes(base64).buffer);
}

function text(samples) {
  const view = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let binary = "";
  for (let start = 0; start < view.length; start += 8192) binary += String.fromCharCode(...view.subarray(start, start + 8192));
  return btoa(binary);
}
