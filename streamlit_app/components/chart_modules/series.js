// The series of the chart: price by chart type, volume, indicators and compared symbols.

import { AlertLines } from "./alerts.js"
import { fade } from "./elements.js"
import { buildPriceFormat } from "./formats.js"
import { Band, GapShades } from "./shades.js"

const PANE_WEIGHTS = { price: 4, volume: 0.9, indicator: 1.3 }
const CLEAR = "rgba(0, 0, 0, 0)"

// All series of the chart. `panes` lists, for each pane, its entries of the readout.
export class SeriesSet {
  constructor(panel) {
    this.panel = panel
    this.series = []
    this.tagged = new Set()
    this.panes = []
    this.firstVisible = 0
    const { content, library } = panel
    this.isPercent = panel.scale === "percent" || content.compared.length > 0
    this.colors = { rising: content.colors.rising, falling: content.colors.falling }
    this.format = this.isPercent ? { kind: "change", digits: 2 } : content.format
    const price = this.addPane("price", PANE_WEIGHTS.price)
    this.main = this.addMainSeries(price)
    content.compared.forEach((line, index) => {
      const entry = { id: `compared ${line.name}`, name: line.name, format: this.format, color: line.color }
      this.addLine(price, entry, `compared ${index}`)
    })
    content.overlays.forEach((overlay, number) => {
      const format = this.isPercent ? this.format : overlay.format
      this.addIndicator(price, { ...overlay, format }, `overlay ${number}`, true)
    })
    if (content.volume) this.addVolume(this.addPane("volume", PANE_WEIGHTS.volume))
    content.panes.forEach((indicator, number) => {
      const pane = this.addPane(indicator.key, PANE_WEIGHTS.indicator)
      this.addIndicator(pane, indicator, `pane ${number}`, false)
    })
    this.alertLines = new AlertLines(this)
    this.primitives = [[panel.chart.panes()[0], panel.markers]]
    this.panes.forEach((pane, index) => {
      const api = panel.chart.panes()[index]
      api.setStretchFactor(panel.paneHeights.get(pane.id) ?? pane.weight)
      this.primitives.push([api, new GapShades(panel)])
    })
    for (const [pane, primitive] of this.primitives) pane.attachPrimitive(primitive)
    this.main.priceScale().applyOptions({
      mode: panel.scale === "log" && !this.isPercent
        ? library.PriceScaleMode.Logarithmic : library.PriceScaleMode.Normal,
      autoScale: true,
    })
  }

  remove() {
    // The first pane stays, and would draw them again and again.
    for (const [pane, primitive] of this.primitives) pane.detachPrimitive(primitive)
    for (const { series } of this.series) this.panel.chart.removeSeries(series)
    while (this.panel.chart.panes().length > 1) {
      this.panel.chart.removePane(this.panel.chart.panes().length - 1)
    }
  }

  addPane(id, weight) {
    const pane = { id, weight, index: this.panes.length, entries: [] }
    this.panes.push(pane)
    return pane
  }

  // `column` has the values of a line that is tagged at the axis.
  addSeries(pane, kind, options, build, column = null) {
    const series = this.panel.chart.addSeries(this.panel.library[kind], {
      lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false, ...options,
    }, pane.index)
    this.series.push({ series, build, column })
    return series
  }

  addMainSeries(pane) {
    const { content, data } = this.panel
    const { kind, options, build } = MAIN_SERIES[data.type](this.colors)
    this.buildMain = build
    pane.entries.push({ id: "candles", isCandle: true, name: content.title, format: this.format })
    return this.addSeries(pane, kind, {
      ...options, priceFormat: buildPriceFormat(this.format, () => this.findLargest("high")),
    }, grid => build(grid, this.prices, this))
  }

  addVolume(pane) {
    const format = this.panel.content.volume
    const entry = { id: "volume", key: "volume", name: "Volume" }
    pane.entries.push({ ...entry, format, column: "volume", isDirected: true })
    this.addSeries(pane, "HistogramSeries", {
      priceFormat: buildPriceFormat(format, () => this.findLargest("volume")), base: 0,
    }, ({ times, rows }) => {
      const { open, close, volume } = this.columns
      const colors = [fade(this.colors.falling, 0.55), fade(this.colors.rising, 0.55)]
      return mapPeriods(times, rows, row => ({
        value: volume[row], color: colors[Number(close[row] >= open[row])],
      }))
    })
  }

  addIndicator(pane, indicator, column, isOnPrice) {
    const { key, name, format, lines, range, width } = indicator
    const lineSeries = new Map()
    lines.forEach((line, index) => {
      const entry = { id: key, key, name, format, color: line.color, label: line.label, isOnPrice }
      const source = `${column} ${index}`
      if (line.bars) this.addBars(pane, entry, source)
      else lineSeries.set(line.column, { ...line, source, series: this.addLine(pane, entry, source, range, width) })
    })
    if (indicator.band) {
      const [one, other] = indicator.band.map(name => lineSeries.get(name))
      const color = fade(one.color, 0.1)
      one.series.attachPrimitive(new Band(this, one.series, one.source, other.source, color, isOnPrice))
    }
    const { series } = this.series.at(-1)
    if (indicator.range) series.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.08 } })
    for (const value of isOnPrice ? [] : indicator.levels) {
      series.createPriceLine({
        price: value, color: "rgba(128, 138, 152, 0.9)", lineWidth: 1, lineStyle: 2,
        axisLabelVisible: false,
      })
    }
  }

  addLine(pane, entry, column, range = null, width = 1.6) {
    const { color, isOnPrice = true } = entry
    pane.entries.push({ ...entry, column, isOnPrice })
    return this.addSeries(pane, "LineSeries", {
      color, lineWidth: width, crosshairMarkerVisible: true, crosshairMarkerRadius: 3,
      priceFormat: buildPriceFormat(entry.format, () => this.findLargest(column)),
      ...(range && {
        autoscaleInfoProvider: () => ({ priceRange: { minValue: range[0], maxValue: range[1] } }),
      }),
    }, ({ times, rows }) => {
      const values = this.columns[column]
      const convert = this.chooseConversion(column, isOnPrice)
      return breakAtGaps(times, rows, values, row => ({ value: convert(values[row]) }))
    }, column)
  }

  // Bars in the rising color above zero and the falling one below; paler if they shrink.
  addBars(pane, entry, column) {
    pane.entries.push({ ...entry, column })
    const shades = ["falling", "rising"].map(name => [0.4, 0.75].map(part => fade(this.colors[name], part)))
    this.addSeries(pane, "HistogramSeries", {
      priceFormat: buildPriceFormat(entry.format, () => this.findLargest(column)), base: 0,
    }, ({ times, rows }) => {
      const values = this.columns[column]
      return mapPeriods(times, rows, row => Number.isNaN(values[row]) ? null : {
        value: values[row],
        color: shades[Number(values[row] >= 0)][
          Number(Math.abs(values[row]) >= Math.abs(values[row - 1] || 0))],
      })
    })
  }

  get columns() {
    return this.panel.loaded.columns
  }

  findLargest(column) {
    let largest = 0
    for (const value of this.columns[column] ?? []) {
      if (Math.abs(value) > largest) largest = Math.abs(value)
    }
    return largest
  }

  // Prices as they are drawn: as changes since the first visible close if the scale is percent.
  convertPrices() {
    const { open, high, low, close, state } = this.columns
    const prices = { open, high, low, close }
    if (this.isPercent) {
      const convert = this.chooseConversion("close", true)
      for (const name of Object.keys(prices)) prices[name] = prices[name].map(convert)
    }
    const drawn = { ...prices, state }
    return this.panel.data.type === "heikin-ashi" ? averageCandles(drawn) : drawn
  }

  // How a value of a column is drawn: as it is, or as the change since the first visible one.
  chooseConversion(column, isOnPrice) {
    if (!this.isPercent || !isOnPrice) return value => value
    const base = this.findBase(column.startsWith("compared") ? column : "close")
    return value => value / base - 1
  }

  // The first line of an indicator, or the prices without a key.
  findSeries(key) {
    if (!key) return this.main
    const column = this.panes.flatMap(pane => pane.entries).find(entry => entry.key === key)?.column
    return this.series.find(one => one.column === column)?.series ?? null
  }

  readPriceAt(y) {
    const value = this.main.coordinateToPrice(y)
    return value === null || !this.isPercent ? value : this.findBase("close") * (1 + value)
  }

  findBase(column) {
    const { loaded, grid } = this.panel
    const values = loaded.columns[column]
    const first = Math.max(0, grid.findRow(this.firstVisible))
    return values.subarray(first).find(value => value > 0) ?? NaN
  }

  setFirstVisible(index) {
    if (this.firstVisible === index) return
    const type = this.panel.data.type
    this.firstVisible = index
    if (this.isPercent) this.fill()
    else if (type === "baseline") this.fitBaseline()
  }

  fitBaseline() {
    const base = this.findBase("close")
    this.main.applyOptions({ baseValue: { type: "price", price: this.isPercent ? 0 : base } })
  }

  fill() {
    const { grid } = this.panel
    this.prices = this.convertPrices()
    for (const { series, build } of this.series) series.setData(build(grid))
    if (this.panel.data.type === "baseline" && grid.times.length) this.fitBaseline()
    this.markLastPrice()
    this.alertLines.draw(this.panel.data.alerts)
  }

  // The newest stored price, wherever the viewer has scrolled.
  markLastPrice() {
    const { last } = this.panel
    if (this.lastPrice) this.main.removePriceLine(this.lastPrice)
    this.lastPrice = null
    if (!last) return
    const [, open, close] = last
    const price = this.chooseConversion("close", true)(close)
    if (Number.isNaN(price)) return
    this.lastPrice = this.main.createPriceLine({
      price, color: close >= open ? this.colors.rising : this.colors.falling,
      lineWidth: 1, lineStyle: 1, axisLabelVisible: true, axisLabelTextColor: "#FFFFFF", title: "",
    })
  }

  // A tag at the axis has the last visible value; in history it would pass for the newest.
  showLastValues(isNewestVisible) {
    for (const { series, column } of this.series) {
      if (!column) continue
      const isShown = isNewestVisible && !Number.isNaN(this.columns[column].at(-1))
      if (this.tagged.has(series) === isShown) continue
      // First, because the library reports the crosshair again while it applies an option.
      if (isShown) this.tagged.add(series)
      else this.tagged.delete(series)
      series.applyOptions({ lastValueVisible: isShown })
    }
  }

  get isAutoScaled() {
    return this.main.priceScale().options().autoScale
  }

  fitScales(isFitted = true) {
    this.panes.forEach((pane, index) => {
      this.panel.chart.priceScale("right", index).applyOptions({ autoScale: isFitted })
    })
  }
}

// How the lines of a message are drawn, as text.
export function describeStyle({ overlays, panes, compared }) {
  return JSON.stringify([
    ...[...overlays, ...panes].map(({ width, lines }) => [width, lines.map(line => line.color)]),
    ...compared.map(line => line.color),
  ])
}

// A candle is drawn hollow while it is forming, and hollow and faded if it is partial.
function styleCandle(color, state) {
  if (state === 0) return null
  const line = state === 2 ? fade(color, 0.5) : color
  return { color: state === 2 ? CLEAR : fade(color, 0.15), borderColor: line, wickColor: line }
}

function buildCandles(chooseStyle) {
  return ({ times, rows }, { open, high, low, close, state }, { colors }) => (
    mapPeriods(times, rows, row => {
      const color = close[row] >= open[row] ? colors.rising : colors.falling
      const values = { open: open[row], high: high[row], low: low[row], close: close[row] }
      return { ...values, ...chooseStyle(color, state[row], close[row] >= open[row]) }
    })
  )
}

// Heikin-Ashi candles: each is averaged with the one before it.
function averageCandles({ open, high, low, close, state }) {
  const averaged = { open: [], high: [], low: [], close: [], state }
  for (let row = 0; row < open.length; row++) {
    const middle = (open[row] + high[row] + low[row] + close[row]) / 4
    const start = row
      ? (averaged.open[row - 1] + averaged.close[row - 1]) / 2 : (open[row] + close[row]) / 2
    averaged.open.push(start)
    averaged.close.push(middle)
    averaged.high.push(Math.max(high[row], start, middle))
    averaged.low.push(Math.min(low[row], start, middle))
  }
  return averaged
}

function buildCloses(clearColors) {
  return ({ times, rows }, { close }) => (
    breakAtGaps(times, rows, close, row => ({ value: close[row] }), clearColors)
  )
}

const candleOptions = ({ rising, falling }) => ({
  upColor: rising, borderUpColor: rising, wickUpColor: rising,
  downColor: falling, borderDownColor: falling, wickDownColor: falling,
})

// By chart type: the library's series, its options, and how its data is built.
const MAIN_SERIES = {
  candles: colors => ({
    kind: "CandlestickSeries", options: candleOptions(colors), build: buildCandles(styleCandle),
  }),
  hollow: colors => ({
    kind: "CandlestickSeries",
    options: candleOptions(colors),
    build: buildCandles((color, state, isRising) => (
      styleCandle(color, state) ?? (isRising ? { color: CLEAR } : null)
    )),
  }),
  bars: ({ rising, falling }) => ({
    kind: "BarSeries",
    options: { upColor: rising, downColor: falling },
    build: buildCandles((color, state) => state ? { color: fade(color, 0.5) } : null),
  }),
  line: ({ rising }) => ({
    kind: "LineSeries",
    options: { color: rising, lineWidth: 2 },
    build: buildCloses({ color: CLEAR }),
  }),
  area: ({ rising }) => ({
    kind: "AreaSeries",
    options: {
      lineColor: rising, topColor: fade(rising, 0.35), bottomColor: fade(rising, 0.02), lineWidth: 2,
    },
    build: buildCloses({ lineColor: CLEAR, topColor: CLEAR, bottomColor: CLEAR }),
  }),
  baseline: ({ rising, falling }) => ({
    kind: "BaselineSeries",
    options: {
      topLineColor: rising, topFillColor1: fade(rising, 0.28), topFillColor2: fade(rising, 0.04),
      bottomLineColor: falling, bottomFillColor1: fade(falling, 0.04),
      bottomFillColor2: fade(falling, 0.28), lineWidth: 2,
    },
    build: buildCloses({
      topLineColor: CLEAR, topFillColor1: CLEAR, topFillColor2: CLEAR,
      bottomLineColor: CLEAR, bottomFillColor1: CLEAR, bottomFillColor2: CLEAR,
    }),
  }),
  "heikin-ashi": colors => ({
    kind: "CandlestickSeries",
    options: candleOptions(colors),
    build: buildCandles(styleCandle),
  }),
}

// One item per period, without values where the candle is missing or `describe` returns null.
function mapPeriods(times, rows, describe) {
  return times.map((time, index) => {
    const row = rows[index]
    return { time: time / 1000, ...(row < 0 ? null : describe(row)) }
  })
}

// The same for a line. A point's color is that of the line to the next point.
function breakAtGaps(times, rows, values, describe, clearColors = { color: CLEAR }) {
  const items = []
  for (let index = 0; index < times.length; index++) {
    const row = rows[index]
    if (row < 0 || Number.isNaN(values[row])) {
      items.push({ time: times[index] / 1000 })
      continue
    }
    const next = rows[index + 1]
    const isLast = index + 1 === rows.length
    const isBroken = !isLast && (next < 0 || Number.isNaN(values[next]))
    items.push({ time: times[index] / 1000, ...describe(row), ...(isBroken && clearColors) })
  }
  return items
}
