// Energy against tokens: a point for each run, with the range of its energy.

class TokenFigure extends Figure {
  constructor() {
    super("tokens");
    this.points = report.tokens.points;
    this.sorted = [...this.points].sort((a, b) => a.tokens - b.tokens || a.energy_j - b.energy_j);
    this.kinds = [...new Set(this.points.map((point) => point.kind))];
    this.at = -1;
    this.scaleButton = this.addButton("Logarithmic axes", () => {
      this.isLogarithmic = !this.isLogarithmic;
      this.draw();
    });
    const isWide = (values) => Math.min(...values) > 0 &&
      Math.max(...values) > 100 * Math.min(...values);
    this.isLogarithmic = isWide(this.points.map((point) => point.tokens)) ||
      isWide(this.points.map((point) => point.energy_j));
    this.setLegend(this.kinds.map((kind, i) => ({ colour: seriesColour(i), text: kind })));
    this.canvas.setAttribute("aria-label", "Energy against " + report.tokens.tokens_name + ": " +
      this.sorted.map((point) => this.pointText(point)).join("; ") +
      ". Arrow keys left and right read the points.");
    this.draw();
  }

  pointText(point) {
    return point.label + ": " + numberText(point.tokens) + " tokens, " +
      energyText(point.energy_j) + (point.low_j === null || point.high_j === null
        ? "" : " (" + energyRangeText(point.low_j, point.high_j) + ")");
  }

  draw() {
    this.scaleButton.setAttribute("aria-pressed", String(this.isLogarithmic));
    const unit = energyUnit(Math.max(...this.points.map((point) => point.high_j || point.energy_j)));
    const datasets = this.kinds.map((kind, i) => ({
      label: kind, hidden: this.hidden.has(i), backgroundColor: seriesColour(i),
      borderColor: seriesColour(i), pointRadius: 4.5, pointHoverRadius: 7,
      data: this.points.filter((point) => point.kind === kind)
        .map((point) => ({ x: point.tokens, y: point.energy_j / unit.size, point })),
    }));
    const type = this.isLogarithmic ? "logarithmic" : "linear";
    const highest = Math.max(...this.points.map((point) => point.high_j || point.energy_j));
    const options = {
      parsing: false, layout: { padding: { right: 16, top: 8 } },
      interaction: { mode: "nearest", intersect: false },
      scales: {
        x: { type, beginAtZero: !this.isLogarithmic, grace: "5%", title: { text: report.tokens.tokens_name },
          ticks: { maxRotation: 0, maxTicksLimit: this.isNarrow ? 4 : 9, callback: (value) =>
            Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value) } },
        y: { type, beginAtZero: !this.isLogarithmic, suggestedMax: (highest / unit.size) * 1.04,
          title: { text: "energy (" + unit.name + ")" }, ticks: { maxTicksLimit: 8, callback: (value) => numberText(value) } },
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: (items) => items.length > 0 ? items[0].raw.point.label : "",
            label: (item) => this.pointText(item.raw.point).slice(item.raw.point.label.length + 2),
          },
        },
      },
    };
    const ranges = { id: "ranges", beforeDatasetsDraw: (chart) => this.drawRanges(chart, unit) };
    this.setChart("scatter", { datasets }, options, [ranges]);
  }

  drawRanges(chart, unit) {
    const context = chart.ctx;
    const { left, top, right, bottom } = chart.chartArea;
    context.save();
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    context.lineWidth = 1.4;
    chart.data.datasets.forEach((dataset, i) => {
      if (!chart.isDatasetVisible(i)) {
        return;
      }
      context.strokeStyle = dataset.borderColor;
      for (const { x, point } of dataset.data) {
        if (point.low_j !== null && point.high_j !== null) {
          const at = chart.scales.x.getPixelForValue(x);
          drawWhisker(context, at, chart.scales.y.getPixelForValue(point.low_j / unit.size), at,
            chart.scales.y.getPixelForValue(point.high_j / unit.size), 4);
        }
      }
    });
    context.restore();
  }

  onKey(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (!(event.key in steps)) {
      return;
    }
    event.preventDefault();
    this.at = Math.max(0, Math.min(this.sorted.length - 1, this.at + steps[event.key]));
    const point = this.sorted[this.at];
    const datasetIndex = this.kinds.indexOf(point.kind);
    const index = this.chart.data.datasets[datasetIndex].data.findIndex(
      (each) => each.point === point);
    if (this.chart.isDatasetVisible(datasetIndex)) {
      const { x, y } = this.chart.getDatasetMeta(datasetIndex).data[index];
      this.chart.setActiveElements([{ datasetIndex, index }]);
      this.chart.tooltip.setActiveElements([{ datasetIndex, index }], { x, y });
      this.chart.update("none");
    }
    this.say(this.pointText(point));
  }

  valuesCaption() {
    return "Energy against " + report.tokens.tokens_name;
  }

  valueRows() {
    return [["Run", "Kind", "Tokens", "Energy", "Range"], ...this.points.map((point) => [
      point.label, point.kind, new Intl.NumberFormat("en").format(point.tokens),
      energyText(point.energy_j), energyRangeText(point.low_j, point.high_j)])];
  }
}
