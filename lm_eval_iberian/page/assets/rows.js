// Two models side by side, row by row; what was gained and lost comes first.

const ROWS = 20;
const LONG = 3000;
const OUTCOMES = {
  gained: ["Gained", "A wrong, B right"],
  lost: ["Lost", "A right, B wrong"],
  both: ["Both right", ""],
  neither: ["Both wrong", ""],
  up: ["B better", ""],
  down: ["A better", ""],
  same: ["The same", ""],
};
const HEALTH = {
  no_stop: "does not stop",
  run_on: "runs on",
  loop: "loops",
  empty: "empty",
  unclosed_thought: "unclosed thought",
  copied_prompt: "copies the prompt",
  off_language: "another language",
  source_copied: "copies the source",
  length_ratio: "length is off",
  first_line_cut: "first line cut",
};
const unpacked = new Map();

async function unpack(at) {
  if (unpacked.has(at)) return unpacked.get(at);
  if (document.readyState === "loading") {
    await new Promise((done) => { document.addEventListener("DOMContentLoaded", done, { once: true }); });
  }
  if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot unpack the rows; one of 2023 or later can");
  const text = atob(document.getElementById(`chunk-${at}`).textContent);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const found = JSON.parse(await new Response(stream).text());
  unpacked.set(at, found);
  return found;
}

/** A text that may be cut: `[what is kept, how long it was]`. */
function whole(text) {
  return Array.isArray(text) ? text[0] : text;
}

function promptText(prompt, pieces) {
  return prompt.at.map((one) => pieces[one]).join("\n".repeat(prompt.b));
}

/** A long text: its beginning, or of a prompt its end, and a button for the rest. */
function textBlock(text, { lang, cut, end = false, shown = LONG, empty = "(nothing)" } = {}) {
  const block = make("div", { class: "text-block" });
  const body = make("div", { class: "said", lang, dir: "auto" });
  const fill = (part, before, after) => body.replaceChildren(...(before ? [make("span", { class: "more" }, "… ")] : []), ...visibleNodes(part), ...(after ? [make("span", { class: "more" }, " …")] : []));
  block.append(body);
  if (!text) {
    body.append(make("span", { class: "nothing", lang: "en" }, empty));
  } else if (text.length <= shown + 200) {
    fill(text);
  } else {
    if (end) fill(text.slice(-shown), true);
    else fill(text.slice(0, shown), false, true);
    const button = make("button", { type: "button", class: "go", onclick: () => {
      fill(text);
      button.remove();
      body.tabIndex = -1;
      body.focus();
    } }, `Show all ${counted(text.length)} characters`);
    block.append(button);
  }
  if (cut) block.append(make("p", { class: "hint" }, `Cut in this page: it has ${counted(cut)} characters.`));
  return block;
}

class RowView {
  constructor(place) {
    this.place = place;
    this.benchmarks = data.rows;
    this.first = 0;
    this.outcome = "";
    this.words = "";
    this.pairs = [];
    this.asked = 0;
  }

  /** Whether both models have answers to a benchmark in this page. */
  has(a, b, key) {
    const one = this.benchmarks.find((row) => row.key === key);
    return Boolean(one) && a !== b && [a, b].every((model) => one.runs.some((run) => run.m === model));
  }

  build() {
    if (!this.benchmarks.length) {
      this.place.append(make("p", {}, "No samples lie beside these results. lm-eval writes them with --log_samples."));
      return;
    }
    const models = [...new Set(this.benchmarks.flatMap((one) => one.runs.map((run) => run.m)))].sort((a, b) => a - b);
    const options = models.map((at) => [String(at), shown[at]]);
    const a = models.includes(data.baseline) ? data.baseline : models[0];
    const b = models.find((one) => one !== a && this.shared(a, one).length) ?? models.find((one) => one !== a) ?? a;
    const again = () => { this.first = 0; this.load(); };
    this.a = choice("A", options, () => this.offer(), String(a));
    this.b = choice("B", options, () => this.offer(), String(b));
    this.benchmark = choice("Benchmark", [], again);
    this.run = choice("Run", [], again);
    const swap = make("button", { type: "button", onclick: () => {
      [this.a.select.value, this.b.select.value] = [this.b.select.value, this.a.select.value];
      this.offer();
    } }, "Swap A and B");
    this.search = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    this.search.addEventListener("input", debounced(() => { this.words = this.search.value.trim().toLowerCase(); this.filter(true); }));
    this.outcomes = make("fieldset", { class: "chips" });
    this.summary = make("p", { class: "summary" });
    this.bar = make("div", { class: "share", "aria-hidden": "true" });
    this.list = make("div", { class: "rows" });
    this.pages = make("div", { class: "pages" });
    const form = make("form", { role: "search", "aria-label": "Choose rows", class: "choose", onsubmit: (event) => event.preventDefault() },
      this.a.label, this.b.label, swap, this.benchmark.label, this.run.label,
      field("Text", this.search), this.outcomes);
    this.place.append(form, this.summary, this.bar, this.list, this.pages);
    this.offer(false);
    // unpacked when somebody comes near, not before the first picture of the page
    const near = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      near.disconnect();
      this.watched = true;
      this.load();
    }, { rootMargin: "400px" });
    near.observe(this.place);
  }

  shared(a, b) {
    return this.benchmarks.filter((one) => [a, b].every((model) => one.runs.some((run) => run.m === model)));
  }

  models() {
    return [Number(this.a.select.value), Number(this.b.select.value)];
  }

  /** Offer the benchmarks that the two models share. */
  offer(load = true) {
    const before = this.benchmark.select.value;
    const shared = this.shared(...this.models());
    this.benchmark.select.replaceChildren(...shared.map((one) => make("option", { value: one.key }, visible(one.title))));
    if (shared.some((one) => one.key === before)) this.benchmark.select.value = before;
    this.first = 0;
    if (load) this.load();
  }

  go(a, b, key) {
    this.a.select.value = String(a);
    this.b.select.value = String(b);
    this.offer(false);
    this.benchmark.select.value = key;
    this.outcome = "";
    this.words = this.search.value = "";
    this.watched = true;
    this.load();
    const title = document.getElementById("rows-title");
    title.scrollIntoView();
    title.focus();
  }

  async load() {
    const asked = this.asked += 1;
    const one = this.benchmarks.find((row) => row.key === this.benchmark.select.value);
    if (!one) {
      this.pairs = [];
      this.outcomes.hidden = true;
      this.list.replaceChildren(make("p", {}, "The two have no benchmark in common that has samples here."));
      this.summary.textContent = "";
      this.bar.replaceChildren();
      this.pages.replaceChildren();
      return;
    }
    const [a, b] = this.models();
    const runs = Math.max(...[a, b].map((model) => one.runs.filter((run) => run.m === model).length));
    this.run.label.hidden = runs < 2;
    const run = Math.min(Number(this.run.select.value || 0), runs - 1);
    this.run.select.replaceChildren(...Array.from({ length: runs }, (_, at) => make("option", { value: at }, String(at + 1))));
    this.run.select.value = String(run);
    const chunk = (model) => {
      const mine = one.runs.filter((found) => found.m === model);
      return (mine.find((found) => found.run === run) || mine[0]).chunk;
    };
    this.place.setAttribute("aria-busy", "true");
    this.summary.textContent = "Unpacking the rows …";
    try {
      const [asks, ofA, ofB] = await Promise.all([one.items, chunk(a), chunk(b)].map(unpack));
      if (asked !== this.asked) return;
      this.now = one;
      this.pieces = asks.pieces;
      this.pair(asks.items, ofA.answers, ofB.answers);
      this.filter();
    } catch (error) {
      this.summary.textContent = `The rows cannot be shown: ${visible(error.message)}`;
      this.list.replaceChildren();
    } finally {
      this.place.removeAttribute("aria-busy");
    }
  }

  pair(items, ofA, ofB) {
    const others = new Map(ofA.map((one) => [one.i, one]));
    const pairs = [];
    for (const b of ofB) {
      const a = others.get(b.i);
      if (a) pairs.push({ item: items[b.i], at: b.i, a, b, outcome: this.outcomeOf(a, b) });
    }
    const first = { gained: 0, lost: 1, up: 0, down: 1 };
    const rank = (one) => first[one.outcome] ?? 2;
    const apart = (one) => (one.outcome === "up" || one.outcome === "down" ? -Math.abs(one.a.s - one.b.s) : 0);
    this.pairs = pairs.sort((x, y) => rank(x) - rank(y) || apart(x) - apart(y) || x.at - y.at);
    this.counts = {};
    for (const one of pairs) this.counts[one.outcome] = (this.counts[one.outcome] || 0) + 1;
    if (!this.counts[this.outcome]) this.outcome = "";
  }

  outcomeOf(a, b) {
    if (a.g !== undefined && b.g !== undefined) return a.g ? (b.g ? "both" : "lost") : (b.g ? "gained" : "neither");
    if (a.s === undefined || b.s === undefined || a.s === b.s) return "same";
    return (b.s > a.s) !== Boolean(this.now.low) ? "up" : "down";
  }

  filter(told = false) {
    this.first = 0;
    this.kept = this.pairs.filter((one) => (!this.outcome || one.outcome === this.outcome) && (!this.words || this.holds(one)));
    this.drawOutcomes();
    this.draw();
    if (told) say(plural(this.kept.length, "row"));
  }

  holds({ item, a, b }) {
    const texts = [item.t, ...(item.c || []), a.a, b.a].map(whole);
    return texts.some((text) => text && text.toLowerCase().includes(this.words))
      || [item.p, a.p, b.p].some((prompt) => prompt && promptText(prompt, this.pieces).toLowerCase().includes(this.words));
  }

  drawOutcomes() {
    const counts = Object.keys(OUTCOMES).filter((name) => this.counts[name]);
    const [a, b] = this.models().map((at) => shown[at]);
    const focused = this.outcomes.contains(document.activeElement);
    const radio = (value, text, count) => make("label", { class: `chip ${value}` },
      make("input", { type: "radio", name: "outcome", value, checked: this.outcome === value, onchange: () => { this.outcome = value; this.filter(true); } }),
      `${text} `, make("span", { class: "count" }, counted(count)));
    this.outcomes.hidden = false;
    this.outcomes.replaceChildren(make("legend", {}, "Rows"), radio("", "All", this.pairs.length), ...counts.map((name) => radio(name, OUTCOMES[name][0], this.counts[name])));
    if (focused) this.outcomes.querySelector("input:checked").focus();
    const { thin, kept, n } = this.now;
    const part = thin ? ` Of ${counted(n)} items, ${counted(kept)} are in this page: those in which a model and the baseline differ.` : "";
    this.summary.replaceChildren(`${plural(this.pairs.length, "item")} that both answered${thin ? " here" : ""}. A is `, named(a), ", B is ", named(b), `. Scores: ${this.now.metric}.${part}`);
    this.bar.replaceChildren(...counts.map((name) => {
      const share = make("span", { class: name });
      share.style.flexGrow = this.counts[name];
      return share;
    }));
  }

  draw() {
    const rows = this.kept.slice(this.first, this.first + ROWS);
    this.list.replaceChildren(...rows.map((one) => this.row(one)));
    if (!rows.length) this.list.append(make("p", {}, "No row is left by the filters."));
    this.pages.replaceChildren(...(this.kept.length > ROWS ? pager(this.first, ROWS, this.kept.length, ["row", "rows"], (first) => {
      this.first = first;
      this.draw();
      this.summary.scrollIntoView({ block: "nearest" });
    }, this.pages) : []));
  }

  row(one) {
    const [title, why] = OUTCOMES[one.outcome];
    const summary = make("summary", {},
      make("span", { class: `outcome ${one.outcome}`, title: why }, title),
      make("span", { class: "item" }, `item ${counted(one.at + 1)}`),
      make("span", { class: "asks", lang: this.promptLang(), dir: "auto" }, visibleNodes(this.excerpt(one))),
      make("span", { class: "scores" }, this.score("A", one.a), this.score("B", one.b)));
    const element = make("details", { class: "row", onkeydown: (event) => {
      if (event.key === "Escape" && element.open) {
        element.open = false;
        summary.focus();
      }
    } }, summary);
    element.fill = () => {
      if (element.children.length < 2) element.append(this.opened(one));
    };
    element.addEventListener("toggle", () => { if (element.open) element.fill(); });
    return element;
  }

  score(name, answer) {
    const shown = answer.g !== undefined ? (answer.g ? "✓" : "✗") : fixed(answer.s, 1) || "–";
    const said = answer.g !== undefined ? (answer.g ? "right" : "wrong") : shown;
    return make("span", { class: answer.g === undefined ? "score" : answer.g ? "score right" : "score wrong" },
      `${name} `, make("span", { "aria-hidden": "true" }, shown), make("span", { class: "unseen" }, said));
  }

  /** The language of prompts; those of translations are in several. */
  promptLang() {
    return this.now.mt ? "" : this.now.lang;
  }

  /** The language of answers; empty: it is not known. */
  answerLang() {
    return this.now.lang === "mt" ? "" : this.now.lang;
  }

  /** The end of what was asked: of a prompt with examples, the question itself. */
  excerpt({ item }) {
    const pieces = item.p.at.map((at) => this.pieces[at]).filter((text) => text.trim());
    let text = "";
    while (pieces.length && text.length < 100) text = `${pieces.pop()} ${text}`;
    return text.slice(0, 400).replace(/\s+/g, " ").trim().slice(0, 160);
  }

  opened({ item, a, b }) {
    const [modelA, modelB] = this.models().map((at) => shown[at]);
    const own = a.p || b.p;
    const ask = (title, prompt) => [make("h3", {}, title), textBlock(promptText(prompt, this.pieces), { lang: this.promptLang(), cut: prompt.n, end: true, shown: 1500, empty: "(no prompt)" })];
    return make("div", { class: "opened" },
      own ? [ask("Prompt to A", a.p || item.p), ask("Prompt to B", b.p || item.p)] : ask("Prompt", item.p),
      item.t !== undefined && !item.c ? [make("h3", {}, "Target"), textBlock(whole(item.t), { lang: this.answerLang(), cut: Array.isArray(item.t) ? item.t[1] : 0 })] : null,
      item.c ? this.choices(item, a, b) : null,
      make("div", { class: "sides" }, this.side("A", modelA, a, item), this.side("B", modelB, b, item)));
  }

  choices(item, a, b) {
    const chosen = (at) => [a.x === at ? make("span", { class: "badge" }, "A chose it") : null, b.x === at ? make("span", { class: "badge" }, "B chose it") : null];
    return make("div", { class: "scroll" }, make("table", { class: "choices" },
      make("caption", {}, item.r === undefined ? "Choices and log likelihoods (which is right is not said)" : "Choices and log likelihoods"),
      make("thead", {}, make("tr", {}, ["Choice", "A", "B"].map((text) => make("th", { scope: "col", class: text === "Choice" ? "text" : null }, text)))),
      make("tbody", {}, item.c.map((text, at) => make("tr", { class: item.r === at ? "right" : null },
        make("th", { scope: "row" }, make("span", { lang: this.answerLang(), dir: "auto", class: "choice-text" }, visibleNodes(whole(text))), item.r === at ? make("span", { class: "badge right" }, "✓ right") : null, chosen(at)),
        [a, b].map((one) => make("td", { class: one.x === at ? "chosen" : null }, fixed((one.l || [])[at]) || "none")))))));
  }

  side(name, model, answer, item) {
    return make("section", { class: "side", "aria-label": `${name}: ${model}` },
      make("h3", {}, `${name}: `, named(model), " ", this.score("", answer)),
      answer.a !== undefined ? textBlock(whole(answer.a), { lang: this.answerLang(), cut: Array.isArray(answer.a) ? answer.a[1] : 0, empty: "(an empty answer)" }) : null,
      answer.f !== undefined ? make("details", { class: "filtered" }, make("summary", {}, "What was scored of it"), textBlock(whole(answer.f), { lang: this.answerLang(), empty: "(nothing)" })) : null,
      !item.c && answer.l ? make("p", {}, `Log likelihood ${fixed(answer.l[0])}`) : null,
      answer.s !== undefined && answer.g === undefined ? make("p", {}, `${this.now.metric}: ${fixed(answer.s)}`) : null,
      this.health(answer),
      answer.v ? this.verdicts(answer.v) : null,
      make("p", { class: "where" }, visibleNodes(answer.w)));
  }

  health(answer) {
    const found = Object.entries(answer.h || {});
    if (found.length) {
      return make("ul", { class: "health", "aria-label": "What is wrong with the answer" }, found.map(([name, why]) => make("li", {},
        make("span", { class: "badge warn" }, HEALTH[name] || name.replaceAll("_", " ")), why ? [" ", visibleNodes(why)] : null)));
    }
    return answer.o ? make("p", { class: "health" }, make("span", { class: "badge" }, "stops"), " nothing wrong was found") : null;
  }

  verdicts(verdicts) {
    const word = (one) => (one === null ? "none" : one ? "followed" : "not followed");
    return make("ul", { class: "verdicts", "aria-label": "Instructions" }, verdicts.map(([id, stored, now, reason]) => {
      const shown = stored ?? now;
      const differs = stored !== null && now !== null && stored !== now;
      return make("li", { class: shown === null ? "unknown" : shown ? "followed" : "failed" },
        make("span", { class: "sign", "aria-hidden": "true" }, shown === null ? "?" : shown ? "✓" : "✗"), make("span", { class: "unseen" }, `${word(shown)}: `),
        make("code", {}, visibleNodes(id)), " ", visibleNodes(reason),
        differs ? make("p", { class: "differs" }, `Disagreement: the samples say ${word(stored)}, scored again it is ${word(now)}.`) : null);
    }));
  }
}

const rowView = new RowView(document.getElementById("row-view"));
