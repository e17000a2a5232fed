// A table that is sorted by any column, shown a page at a time, walked by arrow keys.

const PAGE = 25;
const PRINTED = 2000;
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const everyTable = [];

/** Compare two values of a column; what is missing comes last either way. */
function inOrder(a, b, direction) {
  const none = (one) => one === undefined || one === null || one === "" || Number.isNaN(one);
  if (none(a) || none(b)) return none(a) - none(b);
  const order = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
  return direction * order;
}

/**
 * Columns have `title`, `value(row)` to sort by, `cell(row)` to show, and may have
 * `text` (sorted upwards first), `head` (heads its row), `note` (below the title).
 */
class SortedTable {
  constructor({ caption, columns, words = ["row", "rows"], empty = "Nothing is left by the filters." }) {
    this.caption = caption;
    this.columns = columns;
    this.words = words;
    this.empty = empty;
    this.rows = [];
    this.sorted = null;
    this.first = 0;
    this.every = false;
    this.head = make("tr");
    this.body = make("tbody");
    this.table = make("table", { role: "grid", "aria-describedby": "grid-hint", onkeydown: (event) => this.walk(event), onfocusin: (event) => this.stand(event.target) },
      make("caption", {}, make("span", {}, visibleNodes(caption))), make("thead", {}, this.head), this.body);
    this.pages = make("div", { class: "pages" });
    this.element = make("div", { class: "sorted" }, make("div", { class: "scroll" }, this.table), this.pages);
    everyTable.push(this);
  }

  /** Show these rows, in the order that is asked for, from the first page on. */
  show(rows, columns = this.columns) {
    this.columns = columns;
    this.rows = rows;
    this.first = 0;
    if (this.sorted && !columns.includes(this.sorted.column)) this.sorted = null;
    this.order();
    this.draw();
  }

  order() {
    if (!this.sorted) return;
    const { column, direction } = this.sorted;
    this.rows = [...this.rows].sort((a, b) => inOrder(column.value(a), column.value(b), direction));
  }

  sort(column) {
    const first = column.text ? 1 : -1;
    const again = this.sorted && this.sorted.column === column;
    this.sorted = { column, direction: again ? -this.sorted.direction : first };
    this.first = 0;
    this.order();
    this.draw();
    this.head.children[this.columns.indexOf(column)].querySelector("button").focus();
    say(`${this.caption}: sorted by ${column.title}, ${this.sorted.direction > 0 ? "ascending" : "descending"}`);
  }

  draw() {
    this.head.replaceChildren(...this.columns.map((column) => this.heading(column)));
    const shown = this.every ? this.rows.slice(0, PRINTED) : this.rows.slice(this.first, this.first + PAGE);
    this.body.replaceChildren(...shown.map((row) => make("tr", {}, this.columns.map((column) => column.head
      ? make("th", { scope: "row" }, column.cell(row))
      : make("td", { class: column.text ? "text" : null }, column.cell(row))))));
    if (!shown.length) {
      this.body.append(make("tr", {}, make("td", { class: "none", colspan: this.columns.length }, this.empty)));
    }
    this.drawPages();
    for (const button of this.table.querySelectorAll("button")) button.tabIndex = -1;
    this.stand(this.table.querySelector("button"));
  }

  heading(column) {
    const sorted = this.sorted && this.sorted.column === column;
    const order = !sorted ? "none" : this.sorted.direction > 0 ? "ascending" : "descending";
    return make("th", { scope: "col", "aria-sort": order, class: column.text ? "text" : null },
      // on the next sheets of paper a button is not painted
      this.every ? visibleNodes(column.title) : make("button", { type: "button", onclick: () => this.sort(column) },
        visibleNodes(column.title), make("span", { class: "arrow", "aria-hidden": "true" }, { none: "", ascending: " ↑", descending: " ↓" }[order])),
      column.note ? make("small", {}, column.note) : null);
  }

  drawPages() {
    const count = this.rows.length;
    if (count <= PAGE || this.every) {
      this.pages.replaceChildren(...(this.every && count > PRINTED ? [`The first ${counted(PRINTED)} of ${counted(count)} ${this.words[1]}.`] : []));
      return;
    }
    this.pages.replaceChildren(...pager(this.first, PAGE, count, this.words, (first) => {
      this.first = first;
      this.draw();
    }, this.pages));
  }

  /** One cell at a time is in the way of the Tab key. */
  stand(target) {
    const button = target && target.closest("button");
    if (!button || !this.table.contains(button)) return;
    if (this.standing) this.standing.tabIndex = -1;
    this.standing = button;
    button.tabIndex = 0;
  }

  walk(event) {
    const cell = event.target.closest("td, th");
    if (!cell || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = this.neighbour(cell, event.key);
    if (next === undefined) return;
    event.preventDefault();
    if (next) next.focus();
  }

  /** The button that a key leads to, null where there is none; undefined: no such key. */
  neighbour(cell, key) {
    const button = (one) => one && one.querySelector("button");
    const row = cell.parentElement;
    const sideways = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (sideways) {
      let one = cell;
      do one = sideways > 0 ? one.nextElementSibling : one.previousElementSibling;
      while (one && !button(one));
      return button(one);
    }
    const cells = [...row.children].filter(button);
    if (key === "Home") return button(cells[0]);
    if (key === "End") return button(cells[cells.length - 1]);
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (!step) return undefined;
    const rows = [...this.table.rows];
    const column = [...row.children].indexOf(cell);
    for (let at = rows.indexOf(row) + step; rows[at]; at += step) {
      const found = button(rows[at].children[column]);
      if (found) return found;
    }
    return null;
  }
}

/** Previous and next, and which of how many are shown. */
function pager(first, size, count, words, go, place) {
  const last = Math.min(first + size, count);
  const step = (text, to, there) => make("button", { type: "button", "aria-disabled": there ? null : "true", onclick: () => {
    if (!there) return;
    go(to);
    const again = [...place.querySelectorAll("button")].find((one) => one.textContent === text);
    if (again) again.focus();
    say(`${words[1]} ${counted(to + 1)} to ${counted(Math.min(to + size, count))} of ${counted(count)}`);
  } }, text);
  return [
    step("Previous", Math.max(0, first - size), first > 0),
    make("span", {}, ` ${counted(first + 1)}–${counted(last)} of ${plural(count, ...words)} `),
    step("Next", first + size, last < count),
  ];
}
