// Shared by the figures of the page: texts of numbers, colours, and the class Figure. The files of
// this folder become one script, in the order that CMakeLists.txt lists (web/start.js comes last).

const report = JSON.parse(document.getElementById("report-data").textContent);

/** Colours of what Chart.js draws; the style sheet has them. On paper always those of light. */
function palette() {
  if (palette.isPrinting) {
    return { text: "#000000", soft: "#333333", line: "#cccccc", page: "#ffffff" };
  }
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  return { text: read("--text"), soft: read("--soft"), line: read("--line"), page: read("--page") };
}
palette.isPrinting = false;

function seriesColour(index) {
  return report.colours[index % report.colours.length];
}

/** A colour of the report with an opacity from 0 to 1. */
function withOpacity(colour, opacity) {
  return colour + Math.round(opacity * 255).toString(16).padStart(2, "0");
}

const numberFormat = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

function numberText(value) {
  return value === null || !Number.isFinite(value) ? "unknown" : numberFormat.format(value);
}

/** Unit for an axis of energy that ends at `largest` joules. */
function energyUnit(largest) {
  const units = [["GJ", 1e9], ["MJ", 1e6], ["kJ", 1e3], ["J", 1], ["mJ", 1e-3]];
  const [name, size] = units.find((unit) => largest >= unit[1]) || units[units.length - 1];
  return { name, size };
}

function energyText(joules) {
  if (joules === null || !Number.isFinite(joules)) {
    return "unknown";
  }
  const unit = energyUnit(Math.abs(joules));
  return numberText(joules / unit.size) + " " + unit.name;
}

function energyRangeText(low, high) {
  return low === null || high === null ? "unknown" : energyText(low) + " to " + energyText(high);
}

/** Seconds as "12.3 s", "4:05" (min:s) or "3:04:05" (h:min:s). */
function timeText(seconds, span) {
  if (span < 180) {
    return numberFormat.format(Number(seconds.toPrecision(6))) + " s";
  }
  const whole = Math.round(seconds);
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 || span >= 7200
    ? hours + ":" + two(minutes) + ":" + two(whole % 60)
    : minutes + ":" + two(whole % 60);
}

function shortened(text, most) {
  const characters = Array.from(text);
  return characters.length <= most ? text : characters.slice(0, most - 1).join("") + "…";
}

/** A new element with text and attributes; nothing is ever read as markup. */
function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text) {
    made.textContent = text;
  }
  for (const [key, value] of Object.entries(attributes || {})) {
    made.setAttribute(key, value);
  }
  return made;
}

/** One figure of the page: its canvas, controls, legend, reading line and table of values. */
class Figure {
  constructor(name) {
    this.name = name;
    this.root = document.querySelector('[data-figure="' + name + '"]');
    const part = (selector) => this.root.querySelector(selector);
    this.canvas = part("canvas");
    this.plot = part(".plot");
    this.controls = part(".controls");
    this.legend = part(".legend");
    this.reading = part(".reading");
    this.values = part("details");
    this.chart = null;
    this.hidden = new Set();
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    this.values.addEventListener("toggle", () => this.updateValues());
  }

  /** Say what is at the cursor, for the eye and for screen readers. */
  say(text) {
    this.reading.textContent = text;
  }

  addButton(text, action) {
    const button = element("button", text, { type: "button" });
    button.addEventListener("click", action);
    this.controls.append(button);
    return button;
  }

  /** A labelled list of choices; nothing where there is no choice. */
  addChoice(text, choices, action) {
    if (choices.length < 2) {
      return;
    }
    const label = element("label", text + " ");
    const select = element("select");
    choices.forEach((choice, index) => {
      select.append(element("option", shortened(choice, 48), { value: String(index) }));
    });
    select.addEventListener("change", () => action(Number(select.value)));
    label.append(select);
    this.controls.append(label);
  }

  /** One button for each series, pressed while the series is shown. */
  setLegend(entries) {
    this.legend.replaceChildren();
    this.hidden.clear();
    entries.forEach((entry, index) => {
      const button = element("button", "", { type: "button", "aria-pressed": "true" });
      const swatch = element("span", "", { class: "swatch", "aria-hidden": "true" });
      swatch.style.background = entry.colour;
      button.append(swatch, entry.text);
      button.addEventListener("click", () => {
        const isShown = this.hidden.has(index);
        isShown ? this.hidden.delete(index) : this.hidden.add(index);
        button.setAttribute("aria-pressed", String(isShown));
        this.onToggle();
      });
      this.legend.append(button);
    });
  }

  onToggle() {
    this.draw();
  }

  onKey() {}

  /** Rows of the table of values, heading first; texts only. */
  valueRows() {
    return [[]];
  }

  valuesCaption() {
    return "";
  }

  /** Fill the table behind the figure, once somebody opens it. */
  updateValues() {
    const place = this.values.querySelector(".scroll");
    if (!this.values.open) {
      return;
    }
    const [heading, ...rows] = this.valueRows();
    const table = element("table", "", { class: "wide" });
    table.append(element("caption", this.valuesCaption()));
    const head = element("tr");
    heading.forEach((text) => head.append(element("th", text, { scope: "col" })));
    table.append(element("thead"));
    table.tHead.append(head);
    const body = element("tbody");
    for (const row of rows) {
      const line = element("tr");
      row.forEach((text, index) => line.append(
        index === 0 ? element("th", text, { scope: "row" }) : element("td", text)));
      body.append(line);
    }
    table.append(body);
    place.replaceChildren(table);
  }

  /** Replace the chart; `options` are those that differ between figures. */
  setChart(type, datasets, options, plugins) {
    const { text, line } = palette();
    if (this.chart) {
      this.chart.destroy();
    }
    for (const scale of Object.values(options.scales)) {
      scale.ticks = Object.assign({ color: text }, scale.ticks);
      scale.grid = Object.assign({ color: line, borderColor: line }, scale.grid);
      scale.title = Object.assign({ display: true, color: text }, scale.title);
    }
    const common = {
      animation: false, responsive: true, maintainAspectRatio: false,
      font: { family: "system-ui, sans-serif" },
    };
    options.plugins = Object.assign({ legend: { display: false } }, options.plugins);
    this.chart = new Chart(this.canvas,
      { type, data: datasets, options: Object.assign(common, options), plugins });
    this.updateValues();
  }

  /** The width that the plot may take, in pixels of the style sheet. */
  get isNarrow() {
    return this.plot.clientWidth < 560;
  }
}

/** Draws a line with ends from `low` to `high`, upright or lying. */
function drawWhisker(context, x1, y1, x2, y2, end) {
  const isUpright = x1 === x2;
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  for (const [x, y] of [[x1, y1], [x2, y2]]) {
    context.moveTo(isUpright ? x - end : x, isUpright ? y : y - end);
    context.lineTo(isUpright ? x + end : x, isUpright ? y : y + end);
  }
  context.stroke();
}
