// Energy as stacked bars: phases of one run, or runs by component or by phase, with their ranges.

const kBarsAtOnce = 25;

class BarFigure extends Figure {
  constructor() {
    super("bars");
    this.addChoice("Show", report.bars.map((bars) => bars.title), (index) => this.setBars(index));
    this.back = this.addButton("Previous", () => this.turn(-kBarsAtOnce));
    this.next = this.addButton("Next", () => this.turn(kBarsAtOnce));
    this.setBars(0);
  }

  setBars(index) {
    this.bars = report.bars[index];
    this.first = 0;
    this.row = -1;
    this.setLegend(this.bars.parts.map((part, i) => ({ colour: seriesColour(i), text: part })));
    this.say("");
    this.canvas.setAttribute("aria-label", this.bars.title + ": " + this.bars.rows.map(
      (row) => row.label + " " + energyText(row.total_j)).join(", ") +
      ". Arrow keys up and down read the bars.");
    this.draw();
  }

  turn(by) {
    this.first = Math.max(0, Math.min(this.first + by, this.bars.rows.length - 1));
    this.row = -1;
    this.draw();
  }

  draw() {
    const all = this.bars.rows;
    const rows = all.slice(this.first, this.first + kBarsAtOnce);
    this.rows = rows;
    this.back.hidden = this.next.hidden = all.length <= kBarsAtOnce;
    this.back.disabled = this.first === 0;
    this.next.disabled = this.first + kBarsAtOnce >= all.length;
    const largest = Math.max(...rows.map((row) => Math.max(row.total_j, row.high_j || 0)));
    const unit = energyUnit(largest);
    this.plot.style.height = 84 + 28 * rows.length + "px";
    const datasets = this.bars.parts.map((part, i) => ({
      label: part, data: rows.map((row) => row.parts_j[i] / unit.size), hidden: this.hidden.has(i),
      backgroundColor: seriesColour(i), barPercentage: 0.8, categoryPercentage: 0.9,
    }));
    const most = this.isNarrow ? 14 : 30;
    const options = {
      indexAxis: "y",
      interaction: { mode: "index", axis: "y", intersect: false },
      layout: { padding: { right: 12 } },
      scales: {
        x: { stacked: true, min: 0, suggestedMax: (largest / unit.size) * 1.04,
          title: { text: "energy (" + unit.name + ")" }, ticks: { maxRotation: 0 } },
        y: { stacked: true, title: { display: false }, grid: { display: false },
          ticks: { autoSkip: false } },
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: (items) => items.length > 0 ? rows[items[0].dataIndex].label : "",
            label: (item) => item.dataset.label + ": " +
              energyText(rows[item.dataIndex].parts_j[item.datasetIndex]),
            footer: (items) => items.length > 0 ? this.totalText(rows[items[0].dataIndex]) : "",
          },
        },
      },
    };
    const ranges = { id: "ranges", afterDatasetsDraw: (chart) => this.drawRanges(chart, unit) };
    const labels = rows.map((row) => shortened(row.label, most));
    this.setChart("bar", { labels, datasets }, options, [ranges]);
  }

  totalText(row) {
    return "total: " + energyText(row.total_j) +
      (row.low_j === null || row.high_j === null ? ", range unknown"
        : ", range " + energyRangeText(row.low_j, row.high_j));
  }

  /** The range belongs to the total, so it is shown while all parts are. */
  drawRanges(chart, unit) {
    if (this.hidden.size > 0) {
      return;
    }
    const context = chart.ctx;
    context.save();
    context.strokeStyle = palette().text;
    context.lineWidth = 1.4;
    this.rows.forEach((row, index) => {
      if (row.low_j !== null && row.high_j !== null) {
        const y = chart.scales.y.getPixelForValue(index);
        drawWhisker(context, chart.scales.x.getPixelForValue(row.low_j / unit.size), y,
          chart.scales.x.getPixelForValue(row.high_j / unit.size), y, 4);
      }
    });
    context.restore();
  }

  onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (!(event.key in steps) || this.rows.length === 0) {
      return;
    }
    event.preventDefault();
    this.row = Math.max(0, Math.min(this.rows.length - 1, this.row + steps[event.key]));
    const row = this.rows[this.row];
    const active = this.chart.data.datasets.map((_, i) => ({ datasetIndex: i, index: this.row }))
      .filter((item) => this.chart.isDatasetVisible(item.datasetIndex));
    if (active.length > 0) {
      const bar = this.chart.getDatasetMeta(active[0].datasetIndex).data[this.row];
      this.chart.setActiveElements(active);
      this.chart.tooltip.setActiveElements(active, { x: bar.x, y: bar.y });
      this.chart.update("none");
    }
    this.say(row.label + ": " + this.bars.parts.map(
      (part, i) => part + " " + energyText(row.parts_j[i])).join(", ") + "; " + this.totalText(row));
  }

  valuesCaption() {
    return this.bars.title;
  }

  valueRows() {
    return [["", ...this.bars.parts, "Total", "Range"], ...this.bars.rows.map((row) => [row.label,
      ...row.parts_j.map(energyText), energyText(row.total_j),
      energyRangeText(row.low_j, row.high_j)])];
  }
}
