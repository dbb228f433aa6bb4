// Power over time of one run: a line for each channel, its spread, and the phases as bands.

const kMostValueRows = 200;

/** Steps of a time axis, in seconds. */
const kTimeSteps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60,
  120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000];

function timeTicks(min, max, most) {
  const step = kTimeSteps.find((each) => (max - min) / each <= most) || (max - min) / most;
  const ticks = [];
  for (let i = Math.ceil(min / step); i * step <= max * (1 + 1e-12); ++i) {
    ticks.push({ value: i * step });
  }
  return ticks;
}

/** A series as stretches of time: begin[i], end[i], mean[i] (null = a gap), low[i], high[i]. */
function stretchesOf(series) {
  const count = series.mean.length;
  const end = series.end || series.mean.map((_, i) => series.begin + (i + 1) * series.step);
  const begin = end.map((_, i) => (i === 0 ? series.begin : end[i - 1]));
  return { begin, end, mean: series.mean, low: series.low || series.mean,
    high: series.high || series.mean, count };
}

/** The first stretch that ends after `time`. */
function stretchAt(stretches, time) {
  let low = 0;
  let high = stretches.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    stretches.end[middle] > time ? (high = middle) : (low = middle + 1);
  }
  return low;
}

/** Corners of the line; a gap is a point without a value. */
function linePoints(stretches) {
  const points = [];
  for (let i = 0; i < stretches.count; ++i) {
    if (stretches.mean[i] === null) {
      points.push({ x: stretches.begin[i], y: NaN });
    } else {
      points.push({ x: stretches.begin[i], y: stretches.mean[i] });
      points.push({ x: stretches.end[i], y: stretches.mean[i] });
    }
  }
  return points;
}

/** Mean power from `from` to `to` over what is known, with least and largest; null if unknown. */
function summaryOf(stretches, from, to) {
  let energy = 0;
  let seconds = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let i = stretchAt(stretches, from); i < stretches.count && stretches.begin[i] < to; ++i) {
    const length = Math.min(to, stretches.end[i]) - Math.max(from, stretches.begin[i]);
    if (stretches.mean[i] !== null && length > 0) {
      energy += stretches.mean[i] * length;
      seconds += length;
      low = Math.min(low, stretches.low[i]);
      high = Math.max(high, stretches.high[i]);
    }
  }
  return seconds > 0 ? { mean: energy / seconds, low, high } : null;
}

class PowerFigure extends Figure {
  constructor() {
    super("power");
    this.addChoice("Run", report.power.map((run) => run.label), (index) => this.setRun(index));
    this.addButton("Zoom in", () => this.zoom(0.5));
    this.addButton("Zoom out", () => this.zoom(2));
    this.addButton("Earlier", () => this.pan(-0.5));
    this.addButton("Later", () => this.pan(0.5));
    this.addButton("Whole run", () => this.setView(0, this.run.end_s));
    this.listenToPointer();
    this.setRun(0);
  }

  setRun(index) {
    this.run = report.power[index];
    this.series = this.run.series.map((series) => ({ ...series, stretches: stretchesOf(series) }));
    this.view = { min: 0, max: this.run.end_s };
    this.cursor = null;
    this.setLegend(this.series.map((series, i) => ({
      colour: seriesColour(i),
      text: series.component + " (" + series.channel + "), " + series.provenance,
    })));
    this.say("");
    const facts = this.series.map((series) => {
      const all = summaryOf(series.stretches, 0, this.run.end_s);
      return series.component + " (" + series.provenance + "): " + (all
        ? "mean " + numberText(all.mean) + " W, largest " + numberText(all.high) + " W"
        : "unknown");
    });
    this.canvas.setAttribute("aria-label", "Power over time of " + this.run.label + ", " +
      timeText(this.run.end_s, this.run.end_s) + ". " + facts.join(". ") +
      ". Arrow keys read values, plus and minus zoom, 0 shows the whole run.");
    this.draw();
  }

  shown() {
    return this.series.filter((_, index) => !this.hidden.has(index));
  }

  largestInView() {
    let largest = 0;
    for (const series of this.shown()) {
      const inView = summaryOf(series.stretches, this.view.min, this.view.max);
      largest = Math.max(largest, inView ? inView.high : 0);
    }
    return largest > 0 ? largest * 1.08 : 1;
  }

  draw() {
    const datasets = this.series.map((series, index) => ({
      label: series.channel, data: linePoints(series.stretches), hidden: this.hidden.has(index),
      borderColor: seriesColour(index), borderWidth: 1.6, pointRadius: 0,
    }));
    const options = {
      parsing: false, events: [], layout: { padding: { top: 20, right: 12 } },
      plugins: { tooltip: { enabled: false } },
      scales: {
        x: {
          type: "linear", min: this.view.min, max: this.view.max,
          afterBuildTicks: (axis) => {
            axis.ticks = timeTicks(axis.min, axis.max, Math.max(2, this.plot.clientWidth / 90));
          },
          ticks: { maxRotation: 0, autoSkip: false,
            callback: (value) => timeText(value, this.run.end_s).replace(" s", "") },
          title: { text: "time since the start (" + (this.run.end_s < 180 ? "s"
            : this.run.end_s < 7200 ? "min:s" : "h:min:s") + ")" },
        },
        y: { min: 0, max: this.largestInView(), title: { text: "power (W)" },
          ticks: { includeBounds: false, callback: (value) => numberText(value) } },
      },
    };
    const overlay = {
      id: "phasesAndSpread",
      beforeDatasetsDraw: (chart) => this.drawBelow(chart),
      afterDatasetsDraw: (chart) => this.drawAbove(chart),
    };
    this.setChart("line", { datasets }, options, [overlay]);
  }

  /** Bands of the phases with their names, and the spread of each line. */
  drawBelow(chart) {
    const context = chart.ctx;
    const { left, right, top, bottom } = chart.chartArea;
    const x = (time) => Math.min(right, Math.max(left, chart.scales.x.getPixelForValue(time)));
    const y = (power) => chart.scales.y.getPixelForValue(power);
    context.save();
    context.font = "12px system-ui, sans-serif";
    context.textAlign = "center";
    this.run.phases.forEach((phase, index) => {
      const from = x(phase.begin_s);
      const to = x(phase.end_s);
      context.fillStyle = index % 2 === 0 ? "#80808030" : "#80808014";
      context.fillRect(from, top, to - from, bottom - top);
      if (context.measureText(phase.name).width + 6 < to - from) {
        context.fillStyle = palette().text;
        context.fillText(phase.name, (from + to) / 2, top - 6);
      }
    });
    this.series.forEach((series, index) => {
      if (!series.low || this.hidden.has(index)) {
        return;
      }
      const { begin, end, mean, low, high, count } = series.stretches;
      context.fillStyle = withOpacity(seriesColour(index), 0.28);
      for (let i = stretchAt(series.stretches, this.view.min);
        i < count && begin[i] < this.view.max; ++i) {
        if (mean[i] !== null) {
          context.fillRect(x(begin[i]), y(high[i]), x(end[i]) - x(begin[i]), y(low[i]) - y(high[i]));
        }
      }
    });
    context.restore();
  }

  /** The cursor, and the stretch that is being chosen. */
  drawAbove(chart) {
    const context = chart.ctx;
    const { top, bottom, left, right } = chart.chartArea;
    context.save();
    if (this.drag) {
      context.fillStyle = withOpacity(seriesColour(0), 0.25);
      context.fillRect(this.drag.from, top, this.drag.to - this.drag.from, bottom - top);
    }
    const at = this.cursor === null ? NaN : chart.scales.x.getPixelForValue(this.cursor);
    if (at >= left - 1 && at <= right + 1) {
      context.strokeStyle = palette().text;
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(at, top);
      context.lineTo(at, bottom);
      context.stroke();
    }
    context.restore();
  }

  setView(min, max) {
    const least = this.run.end_s * 1e-5;
    const width = Math.min(this.run.end_s, Math.max(least, max - min));
    const from = Math.min(this.run.end_s - width, Math.max(0, min));
    this.view = { min: from, max: from + width };
    this.chart.options.scales.x.min = this.view.min;
    this.chart.options.scales.x.max = this.view.max;
    this.chart.options.scales.y.max = this.largestInView();
    this.chart.update("none");
    this.updateValues();
  }

  zoom(factor) {
    const { min, max } = this.view;
    const isInside = this.cursor !== null && this.cursor >= min && this.cursor <= max;
    const centre = isInside ? this.cursor : (min + max) / 2;
    this.setView(centre - (centre - min) * factor, centre + (max - centre) * factor);
  }

  pan(share) {
    const width = this.view.max - this.view.min;
    this.setView(this.view.min + width * share, this.view.max + width * share);
  }

  setCursor(time) {
    this.cursor = Math.min(this.run.end_s, Math.max(0, time));
    if (this.cursor < this.view.min || this.cursor > this.view.max) {
      this.pan(this.cursor < this.view.min ? -0.5 : 0.5);
    }
    const phases = this.run.phases.filter(
      (phase) => phase.begin_s <= this.cursor && this.cursor < phase.end_s);
    const values = this.shown().map((series) => {
      const i = stretchAt(series.stretches, this.cursor);
      const { begin, mean, low, high, count } = series.stretches;
      if (i >= count || begin[i] > this.cursor || mean[i] === null) {
        return series.component + " unknown";
      }
      const spread = low[i] < high[i]
        ? " (" + numberText(low[i]) + " to " + numberText(high[i]) + ")" : "";
      return series.component + " " + numberText(mean[i]) + " W" + spread;
    });
    this.say("At " + timeText(this.cursor, this.run.end_s) +
      (phases.length > 0 ? ", " + phases.map((phase) => phase.name).join(", ") : "") + ": " +
      (values.join(", ") || "nothing is shown"));
    this.chart.draw();
  }

  listenToPointer() {
    const timeAt = (event) => this.chart.scales.x.getValueForPixel(event.offsetX);
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.drag) {
        this.drag.to = event.offsetX;
      }
      this.setCursor(Math.min(this.view.max, Math.max(this.view.min, timeAt(event))));
    });
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "touch" && event.button === 0) {
        this.drag = { from: event.offsetX, to: event.offsetX, time: timeAt(event) };
        this.canvas.setPointerCapture(event.pointerId);
      }
    });
    this.canvas.addEventListener("pointerup", (event) => {
      const drag = this.drag;
      this.drag = null;
      if (drag && Math.abs(drag.to - drag.from) > 8) {
        const time = timeAt(event);
        this.setView(Math.min(drag.time, time), Math.max(drag.time, time));
      }
    });
    this.canvas.addEventListener("pointercancel", () => { this.drag = null; });
    this.canvas.addEventListener("dblclick", () => this.setView(0, this.run.end_s));
  }

  onKey(event) {
    const step = (this.view.max - this.view.min) / (event.shiftKey ? 10 : 100);
    const from = this.cursor === null ? this.view.min : this.cursor;
    const actions = {
      ArrowLeft: () => this.setCursor(from - step),
      ArrowRight: () => this.setCursor(from + step),
      Home: () => this.setCursor(this.view.min),
      End: () => this.setCursor(this.view.max),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.setView(0, this.run.end_s),
    };
    if (actions[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      actions[event.key]();
      event.preventDefault();
    }
  }

  valuesCaption() {
    return "Mean power of " + this.run.label + " in the time shown; in brackets least and largest";
  }

  valueRows() {
    const shown = this.shown();
    const { min, max } = this.view;
    let count = 1;
    for (const { stretches } of shown) {
      count = Math.max(count, stretchAt(stretches, max) - stretchAt(stretches, min));
    }
    count = Math.min(count, kMostValueRows);
    const rows = [["From", "To", ...shown.map((series) => series.component + " (" +
      series.channel + "), W")]];
    for (let i = 0; i < count; ++i) {
      const from = min + (max - min) * i / count;
      const to = min + (max - min) * (i + 1) / count;
      rows.push([timeText(from, this.run.end_s), timeText(to, this.run.end_s),
        ...shown.map((series) => {
          const all = summaryOf(series.stretches, from, to);
          return all === null ? "unknown" : all.low < all.high ? numberText(all.mean) + " (" +
            numberText(all.low) + " to " + numberText(all.high) + ")" : numberText(all.mean);
        })]);
    }
    return rows;
  }
}
