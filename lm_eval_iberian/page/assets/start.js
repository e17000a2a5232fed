// Puts everything into the page.

function chooseColours() {
  const theme = document.getElementById("theme");
  theme.addEventListener("change", () => {
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
  });
}

/** On paper every row is there and every fold is open; after it all is as before. */
function preparePrinting() {
  let closed = [];
  window.addEventListener("beforeprint", () => {
    // what is asked for when a row is opened comes too late for a printer
    for (const row of document.querySelectorAll("details.row")) row.fill();
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const one of closed) one.open = true;
    for (const table of everyTable) {
      table.every = true;
      table.draw();
    }
  });
  window.addEventListener("afterprint", () => {
    for (const one of closed) one.open = false;
    for (const table of everyTable) {
      table.every = false;
      table.draw();
    }
  });
}

chooseColours();
preparePrinting();
buildAgainst();
buildScores();
buildComparisons();
buildFilters();
rowView.build();
