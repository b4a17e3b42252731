"use strict";
/* The page of `mplfit explore`: a law of the loss, evaluated here, under schedules that a person
   draws. No library and no network. The parts, in this order: schedules, cells of updates, laws,
   predictions, the search, text forms of a schedule, the page itself.

   `DATA` (made by mplfit/show/explore/__init__.py) holds the law, its parameters, their factor of
   the covariance, draws of them, the constants of the intervals and the training runs. */

const DATA = JSON.parse(document.getElementById("data").textContent);

// ---------------------------------------------------------------- schedules

/* A schedule is {shape, steps, peak, warmup, final, decay, knots}; the shapes and their rounding
   are those of mplfit.schedule.shapes. `rate(s)` gives the function of the update t. */

const SHAPES = {
  constant: { label: "constant", start: (s) => s.steps, falls: () => 0, keys: [] },
  cosine: { label: "cosine", start: (s) => s.warmup, falls: (x) => 0.5 * (1 + Math.cos(Math.PI * x)), keys: ["final"] },
  linear: { label: "linear decay", start: (s) => s.warmup, falls: (x) => 1 - x, keys: ["final"] },
  wsdld: { label: "WSD, linear decay", start: (s) => s.steps - s.decay, falls: (x) => 1 - x, keys: ["decay", "final"] },
  sqrt: { label: "WSD, 1-sqrt decay", start: (s) => s.steps - s.decay, falls: (x) => 1 - Math.sqrt(x), keys: ["decay", "final"] },
  wsd: { label: "WSD, exponential decay", start: (s) => s.steps - s.decay, keys: ["decay", "final"] },
  knots: { label: "own knots", keys: [] },
};

function rate(s) {
  const warm = (t, to) => (s.warmup > 1 ? (to * t) / (s.warmup - 1) : 0);
  if (s.shape === "knots") {
    const at = s.knots;
    const line = (t) => {
      let i = 1;
      while (i < at.length - 1 && at[i][0] < t) i++;
      if (at.length === 1 || t >= at[at.length - 1][0]) return at[at.length - 1][1];
      const [t0, y0] = at[i - 1], [t1, y1] = at[i];
      return y0 + ((y1 - y0) * (t - t0)) / (t1 - t0);
    };
    const top = line(s.warmup);
    return (t) => (t < s.warmup ? warm(t, top) : line(t));
  }
  const shape = SHAPES[s.shape], start = shape.start(s), length = s.steps - start;
  return (t) => {
    if (t < s.warmup) return warm(t, s.peak);
    if (t < start || s.shape === "constant") return s.peak;
    const x = (t - start) / length;
    if (s.shape === "wsd") return s.peak * Math.pow(s.final / s.peak, x);
    return s.final + (s.peak - s.final) * shape.falls(x);
  };
}

/* Updates at which the rate may bend or jump, and the two ends. */
function bends(s) {
  const at = [0, 1, s.warmup, s.steps];
  if (s.shape === "knots") for (const [t] of s.knots) at.push(t, t + 1);
  else at.push(SHAPES[s.shape].start(s));
  return [...new Set(at)].filter((t) => t >= 0 && t <= s.steps).sort((a, b) => a - b);
}

// ---------------------------------------------------------------- cells of updates

const GROWTH = 1.15, LARGEST = 1 / 250;

/* Stretches of neighbouring updates: single ones beside every bend, longer ones away from it. Each
   has its first update, how many it has, the mean rate and the rate of its last update. */
function cells(s) {
  const edges = [], marks = bends(s), most = Math.max(1, s.steps * LARGEST);
  for (let k = 0; k + 1 < marks.length; k++) {
    const left = [], right = [];
    let a = marks[k], b = marks[k + 1], size = 1;
    while (a < b) {
      left.push(a);
      a = Math.min(a + Math.floor(size), b);
      if (a < b) {
        b = Math.max(b - Math.floor(size), a);
        right.push(b);
      }
      size = Math.min(size * GROWTH, most);
    }
    edges.push(...left, ...right.reverse());
  }
  const first = [...new Set(edges)], lr = rate(s), count = first.length;
  const n = new Float64Array(count), mean = new Float64Array(count), last = new Float64Array(count);
  for (let j = 0; j < count; j++) {
    const from = first[j], to = (j + 1 < count ? first[j + 1] : s.steps) - 1;
    n[j] = to - from + 1;
    last[j] = lr(to);
    mean[j] = (lr(from) + 4 * lr((from + to) / 2) + last[j]) / 6;
  }
  return { first, n, mean, last, peak: last.reduce((a, b) => Math.max(a, b), 0) };
}

/* The same cells at a rate that never falls: the highest so far. */
function steady(c) {
  const mean = Float64Array.from(c.mean), last = Float64Array.from(c.last);
  let top = 0;
  for (let j = 0; j < last.length; j++) {
    mean[j] = Math.max(mean[j], top);
    last[j] = Math.max(last[j], top);
    top = last[j];
  }
  return { ...c, mean, last };
}

// ---------------------------------------------------------------- laws

/* Each law gives, for parameters p (an array in the order of DATA.names) and cells c, the sources
   of its loss drop {charge, place, speed} by cell, and the functions of the clock at each cell's
   end. `losses` sums them at the cells whose numbers are in `targets`. */

const LAWS = {
  // L0 + A {s^-alpha - b Σ Δ(u^p) [1 - (1 + ΔZ/tau)^-beta]}: mplfit/laws/effective.py
  effective(values, c) {
    const v = { rho: 1, nu: 1, kB: 0, ...values }, k = DATA.constants, count = c.n.length;
    const gain = k.gain, ref = k.eta_ref;
    const clock = new Float64Array(count), time = new Float64Array(count);
    const charge = new Float64Array(count), place = new Float64Array(count), lift = new Float64Array(count);
    let norm = v.rho, Z = 0, sum = 0, before = 0, top = 0;
    for (let j = 0; j < count; j++) {
      const e = c.mean[j] / ref, n = c.n[j], end = c.last[j] / ref;
      const one = k.decays ? norm + gain * e * (e - norm) : norm + gain * e * e;
      const keep = k.decays ? Math.pow(1 - gain * e, n) : 1;
      const past = k.decays ? keep * norm + (1 - keep) * e : norm + gain * n * e * e;
      const mean = n > 1 ? 0.5 * (one + past) : past;
      const z = (n * e) / (v.nu === 1 ? mean : Math.pow(mean, v.nu));
      const power = end > 0 ? Math.pow(end / Math.sqrt(past), v.p) : 0;
      charge[j] = j ? before - power : 0;
      place[j] = Z + (z * (n - 1)) / (2 * n);
      Z += z;
      sum += (n * e) / Math.sqrt(mean);
      top = Math.max(top, end);
      clock[j] = Z;
      time[j] = v.L0 + v.A * Math.pow(sum / k.S_ref, -v.alpha);
      lift[j] = v.A * v.b * (v.kB ? Math.pow(top, v.kB) : 1);
      before = power;
      norm = past;
    }
    const left = (i, j) => Math.pow(1 + (clock[i] - place[j]) / v.tau, -v.beta);
    return { charge, time, lift, left };
  },

  // L0 + A S^-alpha - B Σ Δη [1 - (1 + C η^-gamma ΔS)^-beta]: mplfit/laws/mpl.py
  mpl(v, c) {
    const count = c.n.length;
    const clock = new Float64Array(count), time = new Float64Array(count), lift = new Float64Array(count).fill(v.B);
    const charge = new Float64Array(count), place = new Float64Array(count), speed = new Float64Array(count);
    let S = 0, before = 0;
    for (let j = 0; j < count; j++) {
      const n = c.n[j];
      charge[j] = j ? before - c.last[j] : 0;
      place[j] = S + (c.mean[j] * (n - 1)) / 2;
      speed[j] = c.mean[j] > 0 ? v.C * Math.pow(c.mean[j], -v.gamma) : Infinity;
      S += n * c.mean[j];
      clock[j] = S;
      time[j] = v.L0 + v.A * Math.pow(S, -v.alpha);
      before = c.last[j];
    }
    const left = (i, j) => {
      const passed = clock[i] - place[j];
      return passed > 0 ? Math.pow(1 + speed[j] * passed, -v.beta) : 1;
    };
    return { charge, time, lift, left };
  },

  // L0 + A S^-alpha
  onepower(v, c) {
    return LAWS.mpl({ ...v, B: 0, C: 1, beta: 1, gamma: 1 }, c);
  },
};
LAWS.amplitude = LAWS.effective; // its constants leave the norm at 1

function losses(params, c, targets) {
  const values = {};
  DATA.names.forEach((name, i) => (values[name] = params[i]));
  const law = LAWS[DATA.law](values, c);
  return targets.map((i) => {
    let drop = 0;
    for (let j = 1; j <= i; j++) if (law.charge[j]) drop += law.charge[j] * (1 - law.left(i, j));
    return law.time[i] - law.lift[i] * drop;
  });
}

// ---------------------------------------------------------------- predictions

const finalLoss = (s, params = DATA.params) => {
  const c = cells(s);
  return losses(params, c, [c.n.length - 1])[0];
};

/* Standard deviations of ln L at targets, as mplfit.assess.intervals has them; null where the fit
   knows none. DATA.moves holds the parameters a little (DATA.move) to both sides of the fit along
   each column of the covariance's factor. */
function spreads(c, targets, loss) {
  const k = DATA.intervals;
  if (!k) return null;
  const variance = targets.map(() => 0);
  for (const [up, down] of DATA.moves) {
    const high = losses(up, c, targets), low = losses(down, c, targets);
    targets.forEach((_, i) => (variance[i] += (Math.log(high[i] / low[i]) / (2 * DATA.move)) ** 2));
  }
  const level = losses(DATA.params, steady(c), targets);
  const apart = k.peak > 0 ? Math.max(0, Math.log(c.peak / k.highest_peak), Math.log(k.lowest_peak / c.peak)) : 0;
  let S = 0, j = 0, top = 0, fallen = false;
  targets.forEach((target, i) => {
    for (; j <= target; j++) {
      S += c.n[j] * c.mean[j];
      fallen = fallen || top > c.last[j];
      top = Math.max(top, c.last[j]);
    }
    const reached = k.largest_gain > 0
      ? Math.min(Math.abs(level[i] - loss[i]) / loss[i] / k.largest_gain, k.furthest)
      : fallen ? k.furthest : 0;
    const beyond = Math.max(0, Math.log(S / k.largest_S));
    variance[i] = k.parameters * variance[i] + k.noise ** 2 + (k.horizon * beyond) ** 2 + (k.peak * apart) ** 2 + (k.runs * reached) ** 2;
  });
  return variance.map(Math.sqrt);
}

const QUANTILES = { 80: 1.2815515655446004, 95: 1.959963984540054 };

/* Everything that is shown of a schedule. */
function predict(s, rows = 90) {
  const c = cells(s), end = c.n.length - 1;
  const some = [];
  let next = 0;
  for (let j = 1; j < end; j++)
    if (c.first[j] + c.n[j] > next) {
      some.push(j);
      next += s.steps / rows;
    }
  some.push(end);
  const loss = losses(DATA.params, c, some);
  const wide = some.filter((_, i) => i % 3 === 0 || i === some.length - 1);
  const level = wide.map((j) => loss[some.indexOf(j)]);
  const sd = spreads(c, wide, level);
  const step = (j) => c.first[j] + c.n[j] - 1;
  return {
    final: loss[loss.length - 1],
    sd: sd ? sd[sd.length - 1] : null,
    curve: some.map((j, i) => [step(j), loss[i]]),
    band: sd ? wide.map((j, i) => [step(j), level[i], sd[i]]) : null,
  };
}

const ends = (loss, sd, level) => [loss * Math.exp(-QUANTILES[level] * sd), loss * Math.exp(QUANTILES[level] * sd)];

/* The final losses in every draw of the parameters: what two schedules share cancels in their
   difference (mplfit.assess.gains). */
function drawn(s) {
  const c = cells(s), end = [c.n.length - 1];
  return DATA.draws.map((params) => losses(params, c, end)[0]);
}

function normalShare(x) {
  // Φ(x) by erfc, W. J. Cody's rational form is not needed for two digits: |error| < 1.2e-7.
  const z = Math.abs(x) / Math.SQRT2, t = 1 / (1 + 0.5 * z);
  const poly = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 +
    t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  const tail = (t * Math.exp(-z * z + poly)) / 2;
  return x >= 0 ? 1 - tail : tail;
}

/* The probability that the schedule with the draws `mine` and the final loss `final` ends lower. */
function chance(mine, other, final) {
  if (!mine.length) return null;
  const noise = Math.max(DATA.tau * final, 1e-12);
  return mine.reduce((sum, loss, i) => sum + normalShare((other[i] - loss) / noise), 0) / mine.length;
}

// ---------------------------------------------------------------- the search

/* The best schedule of this length, peak, warmup and floor that never rises: knots, moved one or
   several at a time while the final loss falls. A generator, so that the page can draw between. */
function* best(s) {
  const from = s.warmup, last = s.steps - 1, floor = Math.max(s.final, s.peak * 1e-4), knots = [];
  const count = 16;
  for (let i = 0; i <= count; i++) {
    const x = i / count; // denser toward the end, where most of the decay is
    knots.push([Math.round(from + (last - from) * (1 - (1 - x) ** 1.6)), s.peak * (i < count * 0.6 ? 1 : 1 - (i / count - 0.6) * 2.2)]);
  }
  const start = { ...s, shape: "knots", knots: [[0, s.peak], ...knots.filter(([t], i) => t > 0 && (i === 0 || t > knots[i - 1][0]))] };
  let own = start.knots.map(([, y]) => y), at = start.knots.map(([t]) => t);
  const made = (y) => ({ ...start, knots: at.map((t, i) => [t, y[i]]) });
  let value = finalLoss(made(own));
  for (let size = 0.5; size > 0.004; ) {
    let moved = false;
    for (let i = 1; i < own.length; i++)
      for (const span of [1, 3, own.length])
        for (const factor of [1 + size, 1 / (1 + size)]) {
          const y = own.slice();
          for (let j = i; j < Math.min(i + span, y.length); j++) y[j] *= factor;
          for (let j = 1; j < y.length; j++) y[j] = Math.max(floor, Math.min(y[j], y[j - 1]));
          const next = finalLoss(made(y));
          if (next < value - 1e-9) {
            value = next;
            own = y;
            moved = true;
          }
        }
    if (!moved) size *= 0.6;
    yield made(own);
  }
}

// ---------------------------------------------------------------- text forms of a schedule

const plain = (x) => String(Number(x.toPrecision(6)));

function toSpec(s) {
  const warm = s.warmup ? `,warmup=${s.warmup}` : "";
  if (s.shape === "knots") return `knots:${s.knots.map(([t, y]) => `${t}=${plain(y)}`).join(",")}${warm},steps=${s.steps}`;
  const own = SHAPES[s.shape].keys.map((key) => `,${key}=${key === "final" ? plain(s.final) : s.decay}`).join("");
  return `${s.shape}:steps=${s.steps},peak=${plain(s.peak)}${own}${warm}`;
}

/* Reads what `toSpec` writes; null for anything else. */
function fromSpec(text) {
  const [shape, rest] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  if (!(shape in SHAPES)) return null;
  const s = { shape, steps: 0, peak: 0, warmup: 0, final: 0, decay: 0, knots: [] };
  for (const pair of rest.split(",")) {
    const [key, value] = pair.split("="), number = Number(value);
    if (!Number.isFinite(number)) return null;
    if (/^\d+$/.test(key)) s.knots.push([Number(key), number]);
    else if (key in s) s[key] = number;
    else return null;
  }
  if (shape === "knots") {
    if (!s.knots.length) return null;
    s.peak = Math.max(...s.knots.map(([, y]) => y));
    s.final = Math.min(...s.knots.map(([, y]) => y));
    s.steps = s.steps || s.knots[s.knots.length - 1][0] + 1;
  }
  if (!s.decay) s.decay = Math.max(1, Math.round(0.2 * s.steps));
  return s.steps > 0 && s.peak > 0 ? tidy(s) : null;
}

/* The nearest schedule that is one. */
function tidy(s) {
  const steps = Math.max(10, Math.min(Math.round(s.steps) || 10, 1e9));
  const warmup = Math.max(0, Math.min(Math.round(s.warmup) || 0, steps - 2));
  const decay = Math.max(1, Math.min(Math.round(s.decay) || 1, steps - warmup));
  const final = Math.max(s.shape === "wsd" ? s.peak * 1e-6 : 0, Math.min(s.final || 0, s.peak));
  return { ...s, steps, warmup, decay, final };
}

function toTorch(s) {
  const lines = ["from bisect import bisect_right", "", "from torch.optim.lr_scheduler import LambdaLR", ""];
  const points = s.shape === "knots" ? asKnots(s).knots : asKnots(s, 200).knots;
  const name = SHAPES[s.shape].label + (s.shape === "knots" ? "" : ", as knots");
  lines.push(`# ${name}: ${toSpec(s)}`, `PEAK, WARMUP, STEPS = ${plain(s.peak)}, ${s.warmup}, ${s.steps}`);
  lines.push(`KNOTS = [${points.map(([t, y]) => `(${t}, ${plain(y)})`).join(", ")}]`, "", "");
  lines.push("def rate(step: int) -> float:", '    """The learning rate of the update `step`, counted from 0."""');
  lines.push("    if step < WARMUP:", "        return rate(WARMUP) * step / max(WARMUP - 1, 1)");
  lines.push("    after = bisect_right(KNOTS, (step, float('inf')))", "    if after == len(KNOTS):", "        return KNOTS[-1][1]");
  lines.push("    (t0, y0), (t1, y1) = KNOTS[after - 1], KNOTS[after]", "    return y0 + (y1 - y0) * (step - t0) / (t1 - t0)", "", "");
  lines.push("# The optimizer is made with lr=PEAK; call scheduler.step() after every update.");
  lines.push("scheduler = LambdaLR(optimizer, lambda step: rate(min(step, STEPS - 1)) / PEAK)", "");
  return lines.join("\n");
}

function toCsv(s) {
  const lr = rate(s), rows = ["step,lr"];
  for (let t = 0; t < s.steps; t++) rows.push(`${t},${lr(t)}`);
  return rows.join("\n") + "\n";
}

/* The schedule as knots, to be dragged: few for a person, many for code. */
function asKnots(s, count = 8) {
  if (s.shape === "knots") return s;
  const lr = rate(s), last = s.steps - 1, start = Math.min(Math.max(SHAPES[s.shape].start(s), s.warmup), last);
  const at = new Set([0, start, last]);
  if (s.warmup) at.add(s.warmup);
  if (s.shape !== "constant") for (let i = 1; i < count; i++) at.add(Math.round(start + ((last - start) * i) / count));
  else at.add(Math.round(0.7 * last)).add(Math.round(0.9 * last));
  const steps = [...at].filter((t) => t === 0 || t >= s.warmup).sort((a, b) => a - b);
  return { ...s, shape: "knots", knots: steps.map((t) => [t, t < s.warmup ? s.peak : lr(t)]) };
}

// ---------------------------------------------------------------- the page

const $ = (id) => document.getElementById(id);
const COLOURS = ["var(--pin1)", "var(--pin2)", "var(--pin3)"];
let current = null, pins = [], scheduled = false, running = null;

const W = 640, H = 300, LEFT = 52, RIGHT = 10, TOP = 12, BOTTOM = 34;

function axes(id, xs, ys, xname, yname) {
  const x = (v) => LEFT + ((v - xs[0]) / (xs[1] - xs[0])) * (W - LEFT - RIGHT);
  const y = (v) => TOP + ((ys[1] - v) / (ys[1] - ys[0])) * (H - TOP - BOTTOM);
  const parts = [];
  for (const v of ticks(xs, 5)) parts.push(`<line class="grid" x1="${x(v)}" x2="${x(v)}" y1="${TOP}" y2="${H - BOTTOM}"/><text x="${x(v)}" y="${H - BOTTOM + 15}" text-anchor="middle">${short(v)}</text>`);
  for (const v of ticks(ys, 5)) parts.push(`<line class="grid" x1="${LEFT}" x2="${W - RIGHT}" y1="${y(v)}" y2="${y(v)}"/><text x="${LEFT - 5}" y="${y(v) + 4}" text-anchor="end">${short(v)}</text>`);
  parts.push(`<text x="${(W + LEFT) / 2}" y="${H - 3}" text-anchor="middle">${xname}</text><text x="${LEFT}" y="${TOP - 2}">${yname}</text>`);
  $(id).innerHTML = parts.join("");
  return { x, y };
}

function ticks([low, high], count) {
  const raw = (high - low) / count, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * size).find((k) => k >= raw), found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step) found.push(Math.abs(v) < 1e-12 * step ? 0 : v);
  return found;
}

function short(v) {
  if (v !== 0 && (Math.abs(v) < 0.01 || Math.abs(v) >= 1e6)) return v.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return Math.abs(v) >= 1e4 ? `${Number((v / 1000).toPrecision(4))}k` : String(Number(v.toPrecision(4)));
}

const path = (points, { x, y }) => "M" + points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("L");

function rates(s) {
  const lr = rate(s), at = new Set([0, s.steps - 1]);
  for (const t of bends(s)) for (const near of [t - 1, t]) if (near >= 0 && near < s.steps) at.add(near);
  if (s.shape !== "knots") for (let i = 1; i < 120; i++) at.add(Math.round((i / 120) * (s.steps - 1)));
  return [...at].sort((a, b) => a - b).map((t) => [t, lr(t)]);
}

let scale = null; // of the schedule's figure, for dragging

function draw() {
  scheduled = false;
  const began = performance.now(), s = current, made = predict(s);
  const longest = Math.max(s.steps, ...pins.map((pin) => pin.schedule.steps));
  // The losses: from the band and the runs, without the steep beginning.
  const late = (points) => points.filter(([t]) => t > 0.08 * longest).map(([, v]) => v);
  const seen = [...late(made.curve), ...pins.flatMap((pin) => late(pin.curve)), ...DATA.runs.flatMap((run) => late(run.points.filter(([t]) => t < longest)))];
  if (made.band) seen.push(...made.band.filter(([t]) => t > 0.08 * longest).flatMap(([, v, sd]) => ends(v, sd, 95)));
  const low = Math.min(...seen), high = Math.max(...seen), pad = 0.05 * (high - low) || 0.01;
  const loss = axes("loss-axes", [0, longest], [low - pad, high + pad], "update", "loss");
  const between = (level) => path([...made.band.map(([t, v, sd]) => [t, ends(v, sd, level)[1]]), ...made.band.map(([t, v, sd]) => [t, ends(v, sd, level)[0]]).reverse()], loss) + "Z";
  for (const level of [80, 95]) $(`band${level}`).setAttribute("d", made.band ? between(level) : "");
  $("curve").setAttribute("d", path(made.curve, loss));
  $("pins").innerHTML = pins.map((pin, i) => `<path class="line" stroke="${COLOURS[i]}" d="${path(pin.curve, loss)}"/>`).join("");
  $("runs").innerHTML = DATA.runs.map((run) => run.points.map(([t, v]) => (t < longest && v < high + pad ? `<circle r="1.4" cx="${loss.x(t).toFixed(1)}" cy="${loss.y(v).toFixed(1)}"/>` : "")).join("")).join("");

  const top = 1.08 * Math.max(s.peak, DATA.peak || 0, ...pins.map((pin) => pin.schedule.peak));
  scale = { ...axes("lr-axes", [0, longest], [0, top], "update", "learning rate"), longest, top };
  $("schedule").setAttribute("d", path(rates(s), scale));
  $("pinned").innerHTML = pins.map((pin, i) => `<path class="line" stroke="${COLOURS[i]}" d="${path(rates(pin.schedule), scale)}"/>`).join("");
  const own = asKnots(s).knots.filter(([t]) => t > 0 || !s.warmup), handles = $("handles");
  while (handles.children.length > own.length) handles.lastChild.remove();
  while (handles.children.length < own.length) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    made.setAttribute("r", 8);
    made.setAttribute("tabindex", 0);
    made.setAttribute("role", "slider");
    handles.append(made);
  }
  own.forEach(([t, y], i) => {
    const one = handles.children[i];
    one.setAttribute("cx", scale.x(t));
    one.setAttribute("cy", scale.y(y));
    one.setAttribute("aria-label", `learning rate at update ${t}`);
    one.setAttribute("aria-valuenow", plain(y));
    one.setAttribute("aria-valuemin", 0);
    one.setAttribute("aria-valuemax", plain(top));
    one.dataset.knot = i;
  });
  tell(made);
  document.body.dataset.ms = (performance.now() - began).toFixed(1);
}

function tell(made) {
  const s = current, span = (level) => ends(made.final, made.sd, level).map((v) => v.toFixed(3)).join(" to ");
  $("answer").textContent = `Predicted final loss ${made.final.toFixed(4)}` + (made.sd === null ? "" : ` (80 %: ${span(80)}; 95 %: ${span(95)})`) + ` after ${s.steps.toLocaleString("en")} updates.`;
  document.body.dataset.final = made.final;
  document.body.dataset.sd = made.sd ?? "";
  const mine = DATA.draws.length && pins.length ? drawn(s) : [];
  $("pin-rows").innerHTML = pins.map((pin, i) => {
    const gain = pin.final - made.final, p = chance(mine, pin.draws, made.final);
    const sure = p === null ? "" : p > 0.995 ? "> 0.99" : p < 0.005 ? "< 0.01" : p.toFixed(2);
    return `<tr><td><svg class="key" viewBox="0 0 20 4"><path class="line" stroke="${COLOURS[i]}" d="M0,2H20"/></svg> <code></code></td><td>${pin.final.toFixed(4)}</td><td>${gain >= 0 ? "+" : "−"}${Math.abs(gain).toFixed(4)}</td><td>${sure}</td><td><button data-drop="${i}">remove</button></td></tr>`;
  }).join("");
  pins.forEach((pin, i) => ($("pin-rows").rows[i].querySelector("code").textContent = toSpec(pin.schedule)));
  $("pin-table").hidden = !pins.length;
  $("spec").textContent = toSpec(s);
  const far = [];
  if (DATA.peak && s.peak > DATA.peak * 1.005) far.push(`its peak is ${(s.peak / DATA.peak).toPrecision(3)} times the largest rate that the runs had: no law knows of instability there`);
  if (DATA.steps && s.steps > DATA.steps * 1.005) far.push(`it is ${(s.steps / DATA.steps).toPrecision(3)} times as long as the longest run`);
  $("far").textContent = far.length ? `Beyond the runs: ${far.join("; ")}.` : "";
}

function refresh() {
  if (!scheduled) {
    scheduled = true;
    requestAnimationFrame(draw);
  }
}

function show(s, fields = true) {
  current = tidy(s);
  if (fields) {
    $("shape").value = current.shape;
    for (const key of ["steps", "warmup", "decay"]) $(key).value = current[key];
    for (const key of ["peak", "final"]) $(key).value = plain(current[key]);
  }
  for (const key of ["final", "decay"]) $(`${key}-field`).hidden = !SHAPES[current.shape].keys.includes(key);
  $("peak-field").hidden = current.shape === "knots";
  refresh();
}

function read() {
  stop();
  const next = { ...current };
  for (const key of ["steps", "peak", "warmup", "final", "decay"]) {
    const value = Number($(key).value);
    if ($(key).value !== "" && Number.isFinite(value) && value >= 0) next[key] = value;
  }
  if (!(next.peak > 0)) next.peak = current.peak;
  if (next.shape === "knots" && next.steps !== current.steps) {
    const by = (next.steps - 1) / (current.steps - 1);
    next.knots = current.knots.map(([t, y]) => [Math.round(t * by), y]);
  }
  const shape = $("shape").value;
  show(shape === "knots" ? asKnots(next) : { ...next, shape }, false);
}

/* Drags one knot: up and down its rate, sideways its step, between its neighbours. */
function move(knot, t, y) {
  stop();
  const s = asKnots(current), hidden = s.warmup && s.knots[0][0] === 0 && s.knots.length > 1 ? 1 : 0;
  const knots = s.knots.map((pair) => pair.slice()), i = knot + hidden;
  const lowest = i > 0 ? Math.max(knots[i - 1][0] + 1, s.warmup) : 0;
  const highest = i < knots.length - 1 ? knots[i + 1][0] - 1 : s.steps - 1;
  const fixed = i === hidden || i === knots.length - 1;
  knots[i] = [fixed ? knots[i][0] : Math.round(Math.max(lowest, Math.min(t, highest))), Math.max(0, y)];
  if (hidden && i === hidden) knots[0][1] = knots[i][1];
  const rates = knots.map((pair) => pair[1]), peak = Math.max(...rates);
  if (!(peak > 0)) return;
  show({ ...s, knots, peak, final: Math.min(...rates) }, true);
}

function stop() {
  running = null;
  $("best").textContent = "Best under these constraints";
}

function search() {
  if (running) return stop();
  running = best(current);
  $("best").textContent = "Stop the search";
  const mine = running;
  const go = () => {
    if (running !== mine) return;
    const until = performance.now() + 25;
    let next = null;
    do next = mine.next();
    while (!next.done && performance.now() < until);
    if (next.value) show(next.value);
    if (next.done) stop();
    else requestAnimationFrame(go);
  };
  requestAnimationFrame(go);
}

function pin(s = current) {
  const spec = toSpec(s);
  if (pins.length >= 3 || pins.some((other) => toSpec(other.schedule) === spec)) return;
  const made = predict(s);
  pins.push({ schedule: s, final: made.final, curve: made.curve, draws: DATA.draws.length ? drawn(s) : [] });
  refresh();
}

function said(text) {
  $("said").textContent = text;
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    said(`${what} copied.`);
  } catch {
    $("code").hidden = false;
    $("code").textContent = text;
    said(`${what}: copy it from the box.`);
  }
}

function link() {
  const parts = [`spec=${encodeURIComponent(toSpec(current))}`, ...pins.map((one) => `pin=${encodeURIComponent(toSpec(one.schedule))}`)];
  return `${location.href.split("#")[0]}#${parts.join("&")}`;
}

function open() {
  const asked = new URLSearchParams(location.hash.slice(1));
  pins = [];
  for (const text of asked.has("pin") || asked.has("spec") ? asked.getAll("pin") : DATA.pins) {
    const s = fromSpec(text);
    if (s) pin(s);
  }
  const s = fromSpec(asked.get("spec") || DATA.start);
  if (!s) said("The link has no schedule that this page knows: the first one is shown.");
  show(s || fromSpec(DATA.start));
}

function begin() {
  for (const [key, { label }] of Object.entries(SHAPES)) $("shape").add(new Option(label, key));
  for (const id of ["shape", "steps", "peak", "warmup", "final", "decay"]) $(id).addEventListener("input", read);
  $("pin").addEventListener("click", () => pin());
  $("best").addEventListener("click", search);
  $("copy-spec").addEventListener("click", () => copy(toSpec(current), "SPEC"));
  $("copy-torch").addEventListener("click", () => copy(toTorch(current), "The torch code"));
  $("copy-link").addEventListener("click", () => copy(link(), "The link"));
  $("csv").addEventListener("click", () => {
    const a = document.createElement("a");
    a.href = URL.createObjectURL(new Blob([toCsv(current)], { type: "text/csv" }));
    a.download = "schedule.csv";
    a.click();
    URL.revokeObjectURL(a.href);
  });
  $("pin-rows").addEventListener("click", (event) => {
    if (event.target.dataset.drop === undefined) return;
    pins.splice(Number(event.target.dataset.drop), 1);
    refresh();
  });
  const figure = $("lr-figure");
  let held = null;
  const at = (event) => {
    const box = figure.getBoundingClientRect(), px = ((event.clientX - box.left) / box.width) * W, py = ((event.clientY - box.top) / box.height) * H;
    return [((px - LEFT) / (W - LEFT - RIGHT)) * held.scale.longest, ((H - BOTTOM - py) / (H - TOP - BOTTOM)) * held.scale.top];
  };
  figure.addEventListener("pointerdown", (event) => {
    if (event.target.dataset.knot === undefined) return;
    held = { knot: Number(event.target.dataset.knot), scale };
    event.target.focus();
    try {
      figure.setPointerCapture(event.pointerId);
    } catch { /* a pointer that has ended already */ }
    event.preventDefault();
  });
  figure.addEventListener("pointermove", (event) => {
    if (held) move(held.knot, ...at(event));
  });
  for (const end of ["pointerup", "pointercancel"]) figure.addEventListener(end, () => (held = null));
  figure.addEventListener("keydown", (event) => {
    const knot = event.target.dataset.knot, way = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[event.key];
    if (knot === undefined || !way) return;
    event.preventDefault();
    const small = event.shiftKey ? 0.1 : 1, own = asKnots(current).knots.filter(([t]) => t > 0 || !current.warmup)[Number(knot)];
    move(Number(knot), own[0] + way[0] * 0.01 * small * current.steps, own[1] + way[1] * 0.02 * small * scale.top);
    $("handles").children[Number(knot)]?.focus();
  });
  addEventListener("hashchange", open);
  open();
}

begin();
