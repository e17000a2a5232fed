// Elements made of texts that others wrote: by textContent alone, never as markup.

const HIDDEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function spelled(mark) {
  return `⟨U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
}

/** A text as an attribute or an option shows it: what would not be seen is spelled. */
function visible(text) {
  return String(text).replace(HIDDEN, spelled);
}

/** The nodes of a text: what would not be seen stands in boxes of its own. */
function visibleNodes(text) {
  const nodes = [];
  let from = 0;
  for (const found of String(text).matchAll(HIDDEN)) {
    nodes.push(text.slice(from, found.index));
    nodes.push(make("span", { class: "spelled" }, spelled(found[0])));
    from = found.index + found[0].length;
  }
  nodes.push(String(text).slice(from));
  return nodes;
}

/** An element with attributes, listeners (`onclick`) and children, texts among them. */
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "line", "rect"].includes(tag);
  const element = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : visible(value));
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

/** A name that somebody else gave: set apart from the text around it. */
function named(text) {
  // a long one is broken between its parts first
  const parts = String(text).split(/(?<=[-_/=])/);
  return make("bdi", {}, parts.map((part, at) => [at ? make("wbr") : null, visibleNodes(part)]));
}

/** Names as tables show them: of long paths the end, as long as no two are one. */
function shortNames(names) {
  const short = names.map((name) => (name.length > 36 && name.includes("/") ? `…/${name.split("/").slice(-2).join("/")}` : name));
  const once = (one) => short.indexOf(one) === short.lastIndexOf(one);
  return names.map((name, at) => (short[at].length < name.length && once(short[at]) ? short[at] : name));
}

const MINUS = "\u2212";

function fixed(value, digits = 2) {
  if (value === null || value === undefined) return "";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

function signed(value, digits = 2) {
  if (value === null || value === undefined) return "";
  return value > 0 && Number(value.toFixed(digits)) !== 0 ? `+${fixed(value, digits)}` : fixed(value, digits);
}

function counted(value) {
  return value === null || value === undefined ? "" : value.toLocaleString("en-GB");
}

function plural(count, one, many = `${one}s`) {
  return `${counted(count)} ${count === 1 ? one : many}`;
}

function chance(p) {
  if (p === null || p === undefined) return "";
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}

function interval(low, high, digits = 2) {
  if (low === undefined || high === undefined || low === null || high === null) return "";
  return `${fixed(low, digits)} to ${fixed(high, digits)}`;
}

/** Tell a screen reader what has changed. */
function say(text) {
  const place = document.getElementById("said");
  // the same text twice is said twice
  place.textContent = "";
  setTimeout(() => { place.textContent = visible(text); }, 50);
}

function debounced(call, wait = 150) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, wait);
  };
}

let labelled = 0;

/** A field with its label. */
function field(label, control) {
  control.id = `field-${labelled += 1}`;
  return make("div", { class: "field" }, make("label", { for: control.id }, label), control);
}

/** A select with its label. */
function choice(label, options, onchange, value = "") {
  const select = make("select", { onchange: () => onchange(select.value) },
    options.map(([key, text]) => make("option", { value: key }, visible(text))));
  select.value = value;
  return { label: field(label, select), select };
}
