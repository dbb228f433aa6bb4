// Makes the figures for which the page has a place, and draws them anew where the colours change.

const kFigures = { power: PowerFigure, bars: BarFigure, tokens: TokenFigure };
const figures = [];

for (const place of document.querySelectorAll("[data-figure]")) {
  place.hidden = false;
  try {
    figures.push(new kFigures[place.dataset.figure]());
  } catch (error) {
    place.append(element("p", "This figure could not be drawn: " + error.message,
      { class: "note", role: "alert" }));
    console.error(error);
  }
}

function redraw() {
  figures.forEach((figure) => figure.draw());
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("beforeprint", () => { palette.isPrinting = true; redraw(); });
addEventListener("afterprint", () => { palette.isPrinting = false; redraw(); });
document.documentElement.dataset.figures = String(figures.length);
