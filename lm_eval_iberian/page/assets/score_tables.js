// The tables of scores and of differences, and the filters that hold for all of them.

const data = JSON.parse(document.getElementById("data").textContent);
const comparisonsByKey = new Map(data.comparisons.flatMap((row) => [row.alone || row.key, row.key]
  .map((key) => [`${row.b} ${key} ${row.metric}`, row])));
const numbersByKey = new Map(data.numbers.map((number) => [`${number.m} ${number.key}`, number]));
const filters = { name: "", lang: "", family: "", metric: "", method: "", telling: false };
const shown = shortNames(data.models.map((one) => one.name));
const drawn = [];

function comparisonOf(number) {
  return comparisonsByKey.get(`${number.m} ${number.key} ${number.metric}`);
}

function numberOf(model, key) {
  return numbersByKey.get(`${model} ${key}`);
}

function mark(sign) {
  if (!sign) return null;
  return make("span", { class: sign > 0 ? "better" : "worse", "aria-hidden": "true" }, sign > 0 ? " ▲" : " ▼");
}

function inWords(sign) {
  return { 1: ", better than the baseline", "-1": ", worse than the baseline" }[sign] || "";
}

/** A number as a button that opens it. */
function numberButton(at, best) {
  const number = data.numbers[at];
  const row = comparisonOf(number);
  const sign = row ? row.sign : 0;
  const range = interval(number.low, number.high, 1);
  const label = `${fixed(number.value)}${range ? `, interval ${range}` : ""}${inWords(sign)}${best ? ", the best" : ""}; ${number.t}, ${data.models[number.m].name}`;
  return make("button", { type: "button", class: best ? "number best" : "number", "aria-label": label, "aria-haspopup": "dialog", onclick: () => openNumber(at) },
    make("span", { class: "value" }, fixed(number.value), mark(sign)),
    range ? make("span", { class: "range", "aria-hidden": "true" }, `${fixed(number.low, 1)} – ${fixed(number.high, 1)}`) : null);
}

function modelCell(model) {
  const name = data.models[model].name;
  return make("div", { class: "name", title: shown[model] === name ? null : name },
    named(shown[model]), model === data.baseline ? make("span", { class: "badge" }, "baseline") : null);
}

function modelColumn(title = "Model", of = (row) => row) {
  return { title, text: true, head: true, value: (row) => data.models[of(row)].name, cell: (row) => modelCell(of(row)) };
}

/** A column for each thing that is known of models and differs among them. */
function aboutColumns(of, only = null) {
  const names = [...new Set(data.models.flatMap((one) => Object.keys(one.about)))];
  return names.filter((name) => (only ? only.includes(name) : true)).filter((name) => data.models.some((one) => one.about[name])).map((name) => {
    const values = data.models.map((one) => one.about[name]).filter(Boolean);
    const numeric = values.every((one) => one.trim() !== "" && Number.isFinite(Number(one)));
    const value = (row) => {
      const found = data.models[of(row)].about[name];
      return found && numeric ? Number(found) : found;
    };
    const title = name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
    return { title, text: !numeric, value, cell: (row) => make("div", { class: numeric ? null : "name" }, numeric ? visibleNodes(data.models[of(row)].about[name] || "") : named(data.models[of(row)].about[name] || "")) };
  });
}

function keepsModel(model) {
  const one = data.models[model];
  if (filters.name && !one.name.toLowerCase().includes(filters.name)) return false;
  return !filters.method || model === data.baseline || one.about.method === filters.method;
}

function keepsColumn(column) {
  return (!filters.lang || column.l.includes(filters.lang)) && (!filters.family || column.f.includes(filters.family))
    && (!filters.metric || column.metric === filters.metric);
}

function scoreColumn(column) {
  const values = Object.values(column.n).map((at) => data.numbers[at].value);
  const best = values.length > 1 ? (column.low ? Math.min(...values) : Math.max(...values)) : null;
  const at = (model) => column.n[model];
  const value = (model) => (at(model) === undefined ? undefined : data.numbers[at(model)].value);
  return {
    title: column.t,
    note: column.low ? "lower is better" : null,
    value,
    cell: (model) => (at(model) === undefined ? make("span", { class: "missing" }, make("span", { "aria-hidden": "true" }, "–"), make("span", { class: "unseen" }, "none")) : numberButton(at(model), value(model) === best)),
    tells: (model) => at(model) !== undefined && (comparisonOf(data.numbers[at(model)]) || {}).sign,
    about: column,
  };
}

function buildScores() {
  const place = document.getElementById("score-tables");
  const groups = { averages: "Averages", benchmarks: "Benchmarks by language", minis: "Mini sets, which are in no average" };
  for (const [group, title] of Object.entries(groups)) {
    const tables = data.tables.filter((one) => one.group === group);
    if (!tables.length) continue;
    const section = make("div", { class: "group" }, make("h3", {}, title));
    const blocks = tables.map((one) => buildScoreTable(one));
    section.append(...blocks.map((one) => one.element));
    place.append(section);
    drawn.push(() => {
      const there = blocks.map((one) => one.draw());
      section.hidden = !there.some(Boolean);
      return 0;
    });
  }
  if (!data.tables.length) place.append(make("p", {}, "No model has a value of any benchmark."));
}

function buildScoreTable(one) {
  const metrics = [...new Set(one.columns.map((column) => column.metric))];
  const caption = metrics.length === 1 && !one.title.includes(metrics[0]) ? `${one.title}: ${metrics[0]}` : one.title;
  const columns = one.columns.map(scoreColumn);
  const [name, methods] = [modelColumn(), aboutColumns((row) => row, ["method"])];
  const table = new SortedTable({ caption, columns: [name, ...columns, ...methods], words: ["model", "models"] });
  const draw = () => {
    const kept = columns.filter((column) => keepsColumn(column.about));
    const models = data.models.map((_, at) => at).filter(keepsModel)
      .filter((model) => kept.some((column) => column.value(model) !== undefined))
      .filter((model) => !filters.telling || model === data.baseline || kept.some((column) => column.tells(model)));
    table.element.hidden = !kept.length;
    if (kept.length) table.show(models, [name, ...kept, ...methods]);
    return kept.length;
  };
  return { element: table.element, draw };
}

/** The interval of a difference as a line about no difference. */
function strip(row, most) {
  if (row.low === undefined || row.high === undefined || !most) return null;
  const at = (value) => 60 + 56 * Math.max(-1, Math.min(1, value / most));
  const cls = row.sign > 0 ? "better" : row.sign < 0 ? "worse" : "even";
  const width = Math.max(1, at(row.high) - at(row.low));
  return make("svg", { viewBox: "0 0 120 16", width: 120, height: 16, class: `strip ${cls}`, "aria-hidden": "true", focusable: "false" },
    make("line", { class: "zero", x1: 60, x2: 60, y1: 0, y2: 16 }),
    make("rect", { class: "span", x: at(row.low), y: 6, width, height: 4, rx: 2 }),
    make("rect", { class: "point", x: at(row.difference) - 1.5, y: 3, width: 3, height: 10, rx: 1 }));
}

function buildComparisons() {
  const place = document.getElementById("comparison-table");
  if (!data.comparisons.length) {
    place.append(make("p", {}, "No two models share a benchmark."));
    return;
  }
  const most = data.comparisons.reduce((found, row) => Math.max(found, Math.abs(row.low ?? 0), Math.abs(row.high ?? 0)), 0);
  const number = (title, value, cell) => ({ title, value, cell });
  const opener = (row) => make("button", { type: "button", class: "number", "aria-haspopup": "dialog",
    "aria-label": `${signed(row.difference)}${inWords(row.sign)}; ${row.t}, ${data.models[row.b].name}`, onclick: () => openComparison(row) },
  make("span", { class: "value" }, signed(row.difference), mark(row.sign)));
  const levels = { average: "average", mini: "mini set" };
  const columns = [
    modelColumn("Model", (row) => row.b),
    { title: "Benchmark", text: true, value: (row) => row.t, cell: (row) => [
      visibleNodes(row.t), levels[row.level] ? make("span", { class: "badge" }, levels[row.level]) : null,
      make("small", { class: "below" }, visibleNodes([data.languages[row.lang], row.metric, row.paired ? "" : "not paired"].filter(Boolean).join(", "))),
      row.mixed ? make("span", { class: "badge warn", title: row.mixed }, "mixed settings") : null] },
    number("Difference", (row) => row.difference, opener),
    number("95 % interval", (row) => (row.low === undefined ? undefined : row.low), (row) => [strip(row, most), make("span", { class: "bounds" }, interval(row.low, row.high, 1) || "none")]),
    number("p, Holm", (row) => row.holm, (row) => chance(row.holm)),
    number("Gained", (row) => row.gained, (row) => counted(row.gained)),
    number("Lost", (row) => row.lost, (row) => counted(row.lost)),
    number("Baseline", (row) => row.a_value, (row) => fixed(row.a_value)),
    number("Value", (row) => row.b_value, (row) => fixed(row.b_value)),
    number("Items", (row) => row.n, (row) => counted(row.n)),
    number("Clusters", (row) => row.clusters, (row) => counted(row.clusters)),
    number("Could find", (row) => row.detectable, (row) => fixed(row.detectable, 1)),
    { title: "Language", text: true, value: (row) => data.languages[row.lang] || row.lang, cell: (row) => visibleNodes(row.lang) },
  ];
  const table = new SortedTable({ caption: `Differences from ${data.models[data.baseline].name}`, columns, words: ["difference", "differences"] });
  place.append(table.element);
  drawn.push(() => {
    const rows = data.comparisons.filter((row) => keepsModel(row.b) && keepsColumn(row) && (!filters.telling || row.sign));
    table.show(rows);
    return rows.length;
  });
}

/** How each model stands to the baseline, in one line. */
function buildAgainst() {
  const rows = data.models.map((_, model) => ({ model, better: 0, worse: 0, even: 0 }));
  for (const row of data.comparisons) {
    if (row.sign) rows[row.b][row.sign > 0 ? "better" : "worse"] += 1;
    else rows[row.b].even += 1;
  }
  const compared = rows.filter((row) => row.better + row.worse + row.even);
  if (!compared.length) return;
  const count = (title, key) => ({ title, value: (row) => row[key], cell: (row) => counted(row[key]) });
  const columns = [modelColumn("Model", (row) => row.model), count("▲ better", "better"), count("▼ worse", "worse"), count("not told apart", "even"), ...aboutColumns((row) => row.model)];
  const table = new SortedTable({ caption: "Every model against the baseline", columns, words: ["model", "models"] });
  document.getElementById("against").append(table.element);
  table.show(compared);
}

function buildFilters() {
  const form = document.getElementById("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  const changed = () => {
    const counts = drawn.map((draw) => draw());
    const models = data.models.filter((_, at) => keepsModel(at)).length;
    const text = `${counted(models)} of ${plural(data.models.length, "model")}, ${counted(counts.at(-1) || 0)} of ${plural(data.comparisons.length, "difference")}`;
    result.textContent = text;
    say(text);
  };
  const result = make("p", { class: "result" });
  const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
  search.addEventListener("input", debounced(() => { filters.name = search.value.trim().toLowerCase(); changed(); }));
  const families = [...new Set(data.tables.flatMap((one) => one.columns.flatMap((column) => column.f)))].sort();
  const metrics = [...new Set([...data.tables.flatMap((one) => one.columns.map((column) => column.metric)), ...data.comparisons.map((row) => row.metric)])];
  const methods = [...new Set(data.models.map((one) => one.about.method).filter(Boolean))].sort();
  const fields = [field("Model", search)];
  const add = (label, name, options) => {
    if (options.length < 2) return;
    fields.push(choice(label, [["", "all"], ...options], (value) => { filters[name] = value; changed(); }).label);
  };
  add("Language", "lang", Object.entries(data.languages));
  add("Benchmark", "family", families.map((one) => [one, one.replaceAll("_", " ")]));
  add("Metric", "metric", metrics.map((one) => [one, one]));
  add("Merge method", "method", methods.map((one) => [one, one]));
  if (data.comparisons.length) {
    const only = make("input", { type: "checkbox", onchange: () => { filters.telling = only.checked; changed(); } });
    fields.push(make("label", { class: "tick" }, only, " only what differs from the baseline"));
  }
  form.append(...fields, result);
  for (const draw of drawn) draw();
}
