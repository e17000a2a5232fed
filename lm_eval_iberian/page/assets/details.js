// What a number is made of, in a dialog.

function facts(pairs) {
  return make("dl", {}, pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .map(([title, value]) => make("div", {}, make("dt", {}, title), make("dd", {}, typeof value === "string" ? visibleNodes(value) : value))));
}

const METHODS = {
  t: "Student’s t over clusters",
  bootstrap: "bootstrap over clusters",
  stored: "from a standard error that was stored; the items were not looked at",
};

function how(one) {
  return METHODS[one.method] || one.method || "";
}

function adjusted(count, expected) {
  if (count === undefined) return "";
  return expected === undefined ? counted(count) : `${counted(count)}, of which guessing explains ${fixed(expected, 1)}`;
}

function valueFacts(number) {
  return facts([
    ["Value", `${fixed(number.value)} (${number.metric})`],
    ["95 % interval", interval(number.low, number.high) || (number.why ? `none: ${number.why}` : "none")],
    ["Standard error", fixed(number.stderr)],
    ["Method", how(number)],
    ["Items", counted(number.n)],
    ["Clusters", counted(number.clusters)],
    ["Runs", number.runs > 1 ? counted(number.runs) : ""],
    ["Parts without a result", (number.missing || []).join(", ")],
  ]);
}

function differenceFacts(row) {
  const a = data.models[row.a].name;
  const verdict = row.sign ? `${row.sign > 0 ? "better" : "worse"} than the baseline` : "";
  return facts([
    ["Baseline", a],
    ["Values", `${fixed(row.a_value)} and ${fixed(row.b_value)}`],
    ["Difference", `${signed(row.difference)}${verdict ? `, ${verdict}` : ""}`],
    ["95 % interval", interval(row.low, row.high) || "none"],
    ["Why there is none", row.why],
    ["p", chance(row.p)],
    ["p, adjusted by Holm", chance(row.holm)],
    ["Paired", row.paired ? "yes, item by item" : `no: ${row.note || "from standard errors, as if the items were others"}`],
    ["Method", how(row)],
    ["Items of both", counted(row.n)],
    ["Clusters", counted(row.clusters)],
    ["Gained (wrong, then right)", adjusted(row.gained, row.gained_by_chance)],
    ["Lost (right, then wrong)", adjusted(row.lost, row.lost_by_chance)],
    ["Correlation of the two", fixed(row.correlation)],
    ["Smallest difference it could find", row.detectable === undefined ? "" : `${fixed(row.detectable)}, in four cases of five`],
    ["Mixed settings", row.mixed],
  ]);
}

function listed(title, pairs) {
  return [make("h3", {}, title), facts(pairs)];
}

function settingsOf(number) {
  const several = number.settings.length > 1;
  const found = number.settings.map((at, place) => {
    const pairs = Object.entries(data.settings[at]);
    return several
      ? make("details", { open: place === 0 }, make("summary", {}, visibleNodes(data.settings[at].task || "settings")), facts(pairs))
      : facts(pairs);
  });
  const files = number.files.map((at) => make("li", {}, make("code", {}, visibleNodes(data.files[at]))));
  return [
    found.length ? make("h3", {}, several ? `Settings of ${counted(found.length)} results` : "Settings") : null,
    found,
    files.length ? make("h3", {}, files.length > 1 ? "Files" : "File") : null,
    files.length ? make("ul", { class: "files" }, files) : null,
  ];
}

/** Open the dialog; closing it puts the focus back to where it was. */
function openDialog(title, ...content) {
  const dialog = document.getElementById("opened");
  const close = make("button", { type: "button", class: "close", onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(
    make("div", { class: "dialog-head" }, make("h2", { id: "opened-title", tabindex: "-1" }, title), close),
    make("div", { class: "dialog-body" }, ...content));
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal();
  dialog.querySelector("h2").focus();
}

function rowsButton(a, b, key) {
  if (!rowView.has(a, b, key)) return null;
  return make("p", {}, make("button", { type: "button", class: "go", onclick: () => {
    document.getElementById("opened").close();
    rowView.go(a, b, key);
  } }, "See both models’ answers row by row"));
}

function openNumber(at) {
  const number = data.numbers[at];
  const row = comparisonOf(number);
  openDialog([visibleNodes(number.t), make("small", {}, named(data.models[number.m].name))],
    valueFacts(number),
    row ? [make("h3", {}, "Against the baseline"), differenceFacts(row)] : null,
    number.m === data.baseline ? make("p", {}, "This model is the baseline.") : rowsButton(data.baseline, number.m, (row && row.alone) || number.key),
    number.parts ? listed("The mean of", number.parts.map(([title, value]) => [title, fixed(value)])) : null,
    number.also ? listed("Other metrics", number.also.map(([title, value, error]) => [title, error === null ? fixed(value) : `${fixed(value)} ± ${fixed(error)} (standard error)`])) : null,
    settingsOf(number));
}

function openComparison(row) {
  const numbers = [row.a, row.b].map((model) => numberOf(model, row.key));
  openDialog([visibleNodes(row.t), make("small", {}, named(data.models[row.b].name), " against ", named(data.models[row.a].name))],
    differenceFacts(row),
    rowsButton(row.a, row.b, row.alone || row.key),
    numbers.map((number) => number && [make("h3", { class: "model" }, named(data.models[number.m].name)), valueFacts(number), settingsOf(number)]));
}
