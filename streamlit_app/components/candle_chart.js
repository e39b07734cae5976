// Draws candles with volume and indicators by TradingView's Lightweight Charts, and updates them in
// place.
//
// Read top-down: entry point, chart, loaded candles, drawing, time zone, readouts, picture. Markers,
// alerts, keyboard and the choice of a date have scripts of their own.
// Times are epoch ms in UTC, except in the data of the library, which takes seconds. A "logical"
// is a position on the library's time axis: the index of a period, which may be a fraction.

import { AlertLines, AlertMenu } from "./chart_alerts.js"
import { DatePicker } from "./chart_dates.js"
import { DrawingTools } from "./chart_drawings.js"
import { ChartKeyboard } from "./chart_keyboard.js"
import { EventMarkers, mergeEvents } from "./chart_markers.js"

const REST_MS = 250  // A gesture has ended after this time without a change.
const GESTURE_MS = 400  // A change of the view this long after a gesture is part of it.
const LOAD_MS = 400  // Between two requests for candles while the viewer scrolls.
const LOST_MS = 3_000  // A request without an answer is sent again.
const DAY_MS = 86_400_000
const QUARTER_HOUR_MS = 900_000
const MAX_FILLED_PERIODS = 1_000  // The width of a longer gap on the time axis.
const LOADED_CANDLES = [1_000, 5_000]  // The fewest and the most that are requested at once.
const PANE_WEIGHTS = { price: 4, volume: 0.9, indicator: 1.3 }
const CLEAR = "rgba(0, 0, 0, 0)"
const ZONE_KEY = "crypto-assets.time-zone"
const HEIGHTS_KEY = "crypto-assets.pane-heights"
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ")
// Browsers know some zones by the name of an earlier version of the IANA database.
const RENAMED_ZONES = {
  "Asia/Calcutta": "Asia/Kolkata", "Asia/Katmandu": "Asia/Kathmandu", "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh", "Atlantic/Faeroe": "Atlantic/Faroe", "Europe/Kiev": "Europe/Kyiv",
  "America/Buenos_Aires": "America/Argentina/Buenos_Aires", "America/Godthab": "America/Nuuk",
  "Africa/Asmera": "Africa/Asmara",
}
const SCALES = { log: "Logarithmic price scale", percent: "Change in percent" }

export default function (component) {
  const root = component.parentElement.querySelector(".candle-chart")
  root.panel ??= new CandlePanel(root)
  root.panel.receive(component)
  return () => {
    root.panel?.remove()
    root.panel = null
  }
}

const loadingLibraries = new Map()

function loadLibrary(name) {
  if (!loadingLibraries.has(name)) {
    loadingLibraries.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script")
      script.src = new URL(name, document.baseURI)
      script.onload = () => resolve(window.LightweightCharts)
      script.onerror = () => {
        loadingLibraries.delete(name)  // The next message of the page tries again.
        reject(new Error(`Cannot load ${script.src}`))
      }
      document.head.append(script)
    }))
  }
  return loadingLibraries.get(name)
}

// --- Chart -------------------------------------------------------------------------------------

// `view` is the visible time range of the viewer, null while the chart shows the range's own. It
// lasts until the scope changes. `loaded` are the candles received so far, `grid` their periods.
class CandlePanel {
  constructor(root) {
    this.root = root
    this.stage = createElement("div", "stage")
    this.markers = new EventMarkers(this)
    this.alertMenu = new AlertMenu(this)
    this.datePicker = new DatePicker(this)
    this.keyboard = new ChartKeyboard(this)
    this.controls = new Controls(this)
    root.prepend(this.stage, this.controls.element)
    this.stage.addEventListener("pointerleave", () => {
      if (this.drawing) this.showReadouts(null)
      this.markers.showNoteAt(null)
    })
    this.stage.addEventListener("click", event => {
      const { action, key } = event.target.closest("[data-action]")?.dataset ?? {}
      if (action) this.component.setTriggerValue("legend", { action, key })
    })
    this.updating = Promise.resolve()
    this.paneHeights = readPaneHeights()
    this.listeners = new AbortController()
    this.heightsBefore = null
    this.stage.addEventListener("pointerdown", () => { this.heightsBefore = this.describePaneHeights() })
    document.addEventListener("pointerup", () => {
      const before = this.heightsBefore
      this.heightsBefore = null
      if (before !== null && this.describePaneHeights() !== before) this.savePaneHeights()
    }, { signal: this.listeners.signal })
    this.view = null
    this.gestureAt = -Infinity
    this.loadedAt = -Infinity
    for (const kind of ["pointerdown", "pointermove", "wheel", "touchmove", "keydown"]) {
      this.stage.addEventListener(kind, event => {
        if (kind === "pointermove" && !event.buttons) return
        this.gestureAt = performance.now()
        if (kind === "pointermove" && this.drawing) this.showReadoutsSoon()  // Panes can be dragged.
      }, { passive: true, capture: true })
    }
  }

  receive(component) {
    this.component = component
    const update = async () => {
      const library = await loadLibrary(component.data.library)
      const toolkit = { createButton, createElement, formatValue, readTheme, setPressed }
      if (!this.isRemoved) this.drawingTools ??= new DrawingTools(this, toolkit)
      if (this.component === component && !this.isRemoved) this.update(library, component.data)
    }
    // A message that failed keeps no later one from being drawn.
    this.updating = this.updating.then(update, update)
  }

  remove() {
    this.isRemoved = true
    this.listeners.abort()
    this.keyboard.remove()
    clearTimeout(this.reportTimer)
    this.drawingTools?.remove()
    this.chart?.remove()
    this.root.replaceChildren()
  }

  update(library, data) {
    this.library = library
    this.data = data
    this.root.setAttribute("aria-label", data.description)
    if (this.scope !== data.scope) {
      this.scope = data.scope
      this.view = data.view
      this.isScaledByViewer = false
      this.requestedLoad = null
    }
    if (this.chosenScale === data.scale) this.chosenScale = null  // The address has it now.
    if (this.chosenMarkers === data.markers) this.chosenMarkers = null
    this.scale = this.chosenScale ?? data.scale
    this.zone = this.controls.chooseZone(data.zone)
    if (this.receivedContent !== data.content) {
      this.receivedContent = data.content
      this.content = JSON.parse(data.content)
      this.loaded = mergeCandles(this.loaded, readCandles(this.content))
    }
    this.drawingTools.receive(data.drawings)
    this.draw()
    savePicture(this, data.picture)
  }

  // Draws all that is loaded. What has not changed since the last call stays as it is.
  draw() {
    const chartKey = [this.zone.name, readTheme(this.root, "text-color")].join()
    const { type } = this.data
    const format = JSON.stringify(this.content.format)
    const style = describeStyle(this.content)
    const seriesKey = [chartKey, type, this.scale, format, this.loaded.key, style].join()
    const visible = this.chart && this.symbol === this.content.symbol ? this.readVisibleTimes() : null
    if (this.symbol !== this.content.symbol) this.isScaledByViewer = false
    this.symbol = this.content.symbol
    if (this.chartKey !== chartKey) {
      this.chart?.remove()
      this.chart = createChart(this)
      this.chartKey = chartKey
      this.drawing = null
    }
    if (this.seriesKey !== seriesKey || !this.drawing) {
      this.keepPaneHeights()
      this.drawing?.remove()
      this.drawing = new Drawing(this)
      this.seriesKey = seriesKey
      this.drawnCandles = null
    }
    if (this.drawnCandles !== this.loaded) {
      this.drawnCandles = this.loaded
      this.grid = new PeriodGrid(this.loaded.times, this.content.step)
      this.drawing.fill()
    }
    this.drawing.markLastPrice()
    this.drawingTools.attach()
    this.drawing.alertLines.draw(this.data.alerts)
    if (this.view) this.show(this.view)
    else if (this.isRangeLoaded()) this.showRange()
    else if (visible) this.show(visible)
    this.fitBase()
    this.showReadouts()
    this.finishWhenLaidOut()
  }

  // The library lays panes out in its next frame; before the first one it has no visible range.
  finishWhenLaidOut() {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (this.isRemoved) return
      this.fitBase()
      this.showReadouts()
      this.controls.update()
      this.loadMissingCandles()
    }))
  }

  // Once in a frame, however many events it has.
  showReadoutsSoon() {
    this.readoutFrame ??= requestAnimationFrame(() => {
      this.readoutFrame = null
      if (!this.isRemoved) this.showReadouts()
    })
  }

  keepPaneHeights() {
    this.drawing?.panes.forEach((pane, index) => {
      this.paneHeights.set(pane.id, this.chart.panes()[index]?.getStretchFactor())
    })
  }

  describePaneHeights() {
    return this.chart?.panes().map(pane => pane.getStretchFactor()).join()
  }

  // Keeps the heights in this browser, after the viewer has dragged a separator.
  savePaneHeights() {
    this.keepPaneHeights()
    localStorage.setItem(HEIGHTS_KEY, JSON.stringify([...this.paneHeights]))
  }

  get timeScale() {
    return this.chart.timeScale()
  }

  isRangeLoaded() {
    const [from] = this.data.home
    return this.loaded.times.length > 0 && this.loaded.window[1] >= from
  }

  // The library has coordinates for whole positions only.
  toCoordinate(logical) {
    const index = Math.floor(logical)
    const [start, end] = [index, index + 1].map(one => this.timeScale.logicalToCoordinate(one))
    return start + (logical - index) * (end - start)
  }

  // Shows the range as it is chosen, with some free space beside the newest candle.
  showRange() {
    const [from, to] = this.data.home
    const [first, end] = [this.grid.toLogical(from), this.grid.toLogical(to)]
    const isNewest = to >= this.content.stored[1]
    const space = isNewest ? Math.max(1, (end - first) * 0.03) : 0
    this.timeScale.setVisibleLogicalRange({ from: first - 0.5, to: end - 0.5 + space })
  }

  show([from, to]) {
    if (!this.grid.times.length) return
    this.timeScale.setVisibleLogicalRange({
      from: this.grid.toLogical(from), to: this.grid.toLogical(to),
    })
  }

  readVisibleTimes() {
    const range = this.grid?.times.length ? this.timeScale.getVisibleLogicalRange() : null
    return range && [range.from, range.to].map(logical => Math.round(this.grid.toTime(logical)))
  }

  // Returns to the range as it is chosen, with the newest candle.
  resetView() {
    this.view = null
    this.gestureAt = -Infinity  // The range is no view that the viewer has chosen.
    this.isScaledByViewer = false
    this.drawing.fitScales()
    if (this.isRangeLoaded()) this.showRange()
    this.finishWhenLaidOut()
    this.report()
  }

  // Moves the view by a share of its width.
  pan(share) {
    const { from, to } = this.timeScale.getVisibleLogicalRange() ?? this.grid.wholeRange
    const distance = (to - from) * share
    this.changeView({ from: from + distance, to: to + distance })
  }

  // Changes the width of the view by a factor. The newest candle stays at its place.
  zoom(factor) {
    const { from, to } = this.timeScale.getVisibleLogicalRange() ?? this.grid.wholeRange
    const fixed = this.isNewestVisible() ? to : (from + to) / 2
    this.changeView({ from: fixed + (from - fixed) * factor, to: fixed + (to - fixed) * factor })
  }

  // Shows a time in the middle of a view of the same width.
  showTime(time) {
    const [first, last] = this.content.stored
    const [from, to] = this.readVisibleTimes() ?? this.data.home
    const middle = Math.min(last, Math.max(first, time))
    this.view = [middle - (to - from) / 2, middle + (to - from) / 2].map(Math.round)
    this.show(this.view)
    this.report()
  }

  // Shows a range of positions, as a gesture does.
  changeView(range) {
    this.gestureAt = performance.now()
    this.timeScale.setVisibleLogicalRange(range)
  }

  describeView() {
    const times = this.readVisibleTimes()
    if (!times) return ""
    return `Shows ${times.map(time => formatTime(this.zone, time)).join(" to ")} ${this.zone.label}`
  }

  get areMarkersShown() {
    return this.chosenMarkers ?? this.data.markers
  }

  toggleMarkers() {
    this.chosenMarkers = !this.areMarkersShown
    this.markers.showNoteAt(null)
    this.markers.requestUpdate()
    this.controls.update()
    this.component.setTriggerValue("markers", this.chosenMarkers)
  }

  handleRangeChange() {
    const now = performance.now()
    if (now - this.gestureAt > GESTURE_MS || !this.grid.times.length) return
    this.gestureAt = now
    this.view = this.readVisibleTimes()
    clearTimeout(this.reportTimer)
    this.reportTimer = setTimeout(() => {
      this.fitBase()
      this.report()
    }, REST_MS)
    if (now - this.loadedAt > LOAD_MS) this.loadMissingCandles()
    this.showReadoutsSoon()
  }

  // Sends the view to Python, with a range of candles that are missing in it.
  report(load = this.findMissingCandles()) {
    clearTimeout(this.reportTimer)
    const [from, to] = this.view ?? [null, null]
    this.component.setTriggerValue("view", { scope: this.scope, from, to, load })
  }

  loadMissingCandles() {
    const load = this.findMissingCandles()
    const isWaiting = performance.now() - this.loadedAt < LOST_MS
    if (!load || (isWaiting && String(load) === this.requestedLoad)) return
    this.requestedLoad = String(load)
    this.loadedAt = performance.now()
    this.report(load)
  }

  // The stored candles beside those that are loaded, if the view or what is near it lacks them.
  findMissingCandles() {
    const visible = this.loaded && this.readVisibleTimes()
    if (!visible) return null
    const { stored, step } = this.content
    const [loadedFrom, loadedTo] = this.loaded.window
    const near = Math.min((visible[1] - visible[0]) / 2, 2_000 * step)
    const [fewest, most] = LOADED_CANDLES
    const count = Math.round((visible[1] - visible[0]) / step)
    const width = Math.min(most, Math.max(fewest, count)) * step
    if (visible[1] < loadedFrom || visible[0] > loadedTo) return null  // Python sends what is there.
    const from = Math.max(stored[0], loadedFrom - width)
    if (visible[0] - near < loadedFrom && from < loadedFrom) return [from, loadedFrom]
    const to = Math.min(stored[1], loadedTo + width)
    return visible[1] + near > loadedTo && to > loadedTo ? [loadedTo, to] : null
  }

  // Percent and baseline begin at the first visible candle.
  fitBase() {
    const range = this.timeScale.getVisibleLogicalRange()
    if (range) this.drawing.setFirstVisible(Math.max(0, Math.ceil(range.from)))
  }

  chooseScale(scale) {
    this.chosenScale = this.scale === scale ? "linear" : scale
    this.scale = this.chosenScale
    this.isScaledByViewer = false
    this.draw()
    this.controls.update()
    this.component.setTriggerValue("scale", this.scale)
  }

  isNewestVisible() {
    const range = this.timeScale.getVisibleLogicalRange()
    const isLoaded = this.loaded.window[1] >= this.content.stored[1]
    return !range || (isLoaded && range.to >= this.grid.times.length - 1)
  }

  showReadouts(hovered = this.hovered ?? null) {
    this.hovered = hovered
    this.drawing.showLastValues(this.isNewestVisible())
    this.controls.newest.hidden = this.isNewestVisible()
    showReadouts(this, hovered)
  }
}

function createChart(panel) {
  const { library, root, stage } = panel
  const text = readTheme(root, "text-color")
  const grid = readTheme(root, "border-color-light") || readTheme(root, "border-color")
  const label = readTheme(root, "secondary-background-color")
  const line = { color: "rgba(128, 138, 152, 0.9)", labelBackgroundColor: "#4A5568", style: 3 }
  const chart = library.createChartEx(stage, new (buildZonedTimeScale(panel))(), {
    autoSize: true,
    layout: {
      background: { type: "solid", color: CLEAR },
      textColor: text, fontSize: 12, fontFamily: readTheme(root, "font") || "sans-serif",
      panes: { separatorColor: grid, separatorHoverColor: label, enableResize: true },
      attributionLogo: true,
    },
    grid: { vertLines: { color: grid }, horzLines: { color: grid } },
    crosshair: { mode: library.CrosshairMode.Normal, vertLine: line, horzLine: line },
    rightPriceScale: { borderColor: grid, minimumWidth: 64 },
    timeScale: {
      borderColor: grid, timeVisible: true, secondsVisible: false,
      minBarSpacing: 0.03, enableConflation: true, shiftVisibleRangeOnNewBar: false,
      tickMarkFormatter: (time, kind) => formatTick(panel.zone, time * 1000, kind),
    },
    localization: {
      timeFormatter: time => formatTime(panel.zone, time * 1000, panel.content.step),
    },
    handleScale: { axisDoubleClickReset: { time: false, price: true } },
  })
  chart.timeScale().subscribeVisibleLogicalRangeChange(() => panel.handleRangeChange())
  const showNote = ({ point, paneIndex }) => panel.markers.showNoteAt(paneIndex ? null : point ?? null)
  chart.subscribeClick(showNote)
  chart.subscribeCrosshairMove(event => {
    const { logical, point } = event
    showNote(event)
    // On an entry of the legend the values stay: others could move the entry away from the pointer.
    if (point || !stage.querySelector(".readout :hover")) panel.showReadouts(point ? logical : null)
  })
  chart.subscribeDblClick(() => panel.resetView())
  return chart
}

function readPaneHeights() {
  try {
    return new Map(JSON.parse(localStorage.getItem(HEIGHTS_KEY) ?? "[]"))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return new Map()
    throw error
  }
}

export function readTheme(element, name) {
  return getComputedStyle(element).getPropertyValue(`--st-${name}`).trim()
}

// --- Candles loaded ------------------------------------------------------------------------------

// An array of doubles as `encode_floats` of float_arrays.py writes it.
function decodeFloats(text) {
  const characters = atob(text)
  const bytes = new Uint8Array(characters.length)
  for (let index = 0; index < bytes.length; index++) bytes[index] = characters.charCodeAt(index)
  return new Float64Array(bytes.buffer)
}

// The candles of one message: times and columns of equal length. `key` names all columns; candles
// of two messages can be joined if it is the same.
function readCandles(content) {
  const columns = Object.entries(content.columns)
  for (const [kind, indicators] of [["overlay", content.overlays], ["pane", content.panes]]) {
    indicators.forEach((indicator, number) => indicator.lines.forEach((line, index) => {
      columns.push([`${kind} ${number} ${index}`, line.values])
    }))
  }
  content.compared.forEach((line, index) => columns.push([`compared ${index}`, line.values]))
  const names = [...content.overlays, ...content.panes, ...content.compared].map(one => [one.key, one.name])
  return {
    key: [content.symbol, content.interval, !!content.volume, content.overlays.length, ...names].join("|"),
    window: content.window,
    times: decodeFloats(content.times),
    columns: Object.fromEntries(columns.map(([name, text]) => [name, decodeFloats(text)])),
    gaps: content.gaps,
    events: mergeEvents([], content.events, content.window),
  }
}

// How the lines of a message are drawn, as text.
function describeStyle({ overlays, panes, compared }) {
  return JSON.stringify([
    ...[...overlays, ...panes].map(({ width, lines }) => [width, lines.map(line => line.color)]),
    ...compared.map(line => line.color),
  ])
}

// Joins two messages if nothing is missing between them; the later one counts.
function mergeCandles(loaded, received) {
  if (!loaded || loaded.key !== received.key) return received
  const [from, to] = received.window
  if (from > loaded.window[1] || to < loaded.window[0]) return received
  const [before, after] = [from, to].map(time => findIndex(loaded.times, time))
  if (from >= loaded.window[0] && to <= loaded.window[1] && isLoaded(loaded, received, before, after)) {
    return loaded
  }
  const join = (old, added) => {
    const joined = new Float64Array(before + added.length + old.length - after)
    joined.set(old.subarray(0, before))
    joined.set(added, before)
    joined.set(old.subarray(after), before + added.length)
    return joined
  }
  // A gap that has been filled since is no longer among those received.
  const gaps = loaded.gaps.flatMap(([start, end, reason]) => [
    [start, Math.min(end, from), reason], [Math.max(start, to), end, reason],
  ].filter(([first, last]) => first < last))
  return {
    key: loaded.key,
    window: [Math.min(from, loaded.window[0]), Math.max(to, loaded.window[1])],
    times: join(loaded.times, received.times),
    columns: Object.fromEntries(Object.entries(received.columns).map(([name, added]) => [
      name, join(loaded.columns[name], added),
    ])),
    gaps: [...gaps, ...received.gaps].sort((one, other) => one[0] - other[0]),
    events: mergeEvents(loaded.events, received.events, received.window),
  }
}

// Whether all candles of a message are loaded already, so that nothing has to be drawn.
function isLoaded(loaded, received, before, after) {
  const isEqual = (old, added) => added.every((value, index) => Object.is(value, old[before + index]))
  return after - before === received.times.length && isEqual(loaded.times, received.times)
    && isEqualAsText(mergeEvents(loaded.events, received.events, received.window), loaded.events)
    && Object.keys(received.columns).every(name => isEqual(loaded.columns[name], received.columns[name]))
}

function isEqualAsText(one, other) {
  return JSON.stringify(one) === JSON.stringify(other)
}

// The index of the first of ascending times that is not below `time`.
function findIndex(times, time) {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}

// The periods of the time axis: those of the candles, and the missing ones between them. `rows`
// has the candle of each period, -1 if it is missing.
class PeriodGrid {
  constructor(candleTimes, step) {
    this.step = step
    this.times = []
    this.rows = []
    candleTimes.forEach((time, row) => {
      const missing = row ? Math.round((time - candleTimes[row - 1]) / step) - 1 : 0
      const stride = Math.max(1, missing / MAX_FILLED_PERIODS)
      for (let n = 1; n <= missing; n += stride) this.add(candleTimes[row - 1] + Math.floor(n) * step, -1)
      this.add(time, row)
    })
  }

  add(time, row) {
    this.times.push(time)
    this.rows.push(row)
  }

  get wholeRange() {
    return { from: 0, to: Math.max(1, this.times.length - 1) }
  }

  // The position of a time; beyond the candles, periods have the interval's width.
  toLogical(time) {
    const { times, step } = this
    const last = times.length - 1
    if (time <= times[0]) return (time - times[0]) / step
    if (time >= times[last]) return last + (time - times[last]) / step
    const index = findIndex(times, time)
    return index - (times[index] - time) / (times[index] - times[index - 1])
  }

  toTime(logical) {
    const { times, step } = this
    const last = times.length - 1
    if (logical <= 0) return times[0] + logical * step
    if (logical >= last) return times[last] + (logical - last) * step
    const index = Math.floor(logical)
    return times[index] + (logical - index) * (times[index + 1] - times[index])
  }

  // The newest candle at or before a position, -1 if there is none.
  findRow(logical) {
    let index = Math.min(this.times.length - 1, Math.floor(logical))
    while (index >= 0 && this.rows[index] < 0) index--
    return index < 0 ? -1 : this.rows[index]
  }
}

// --- Drawing -----------------------------------------------------------------------------------

// The series of a chart. `panes` lists, for each pane, its entries of the readout.
class Drawing {
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
    if (!grid.times.length) return
    this.prices = this.convertPrices()
    for (const { series, build } of this.series) series.setData(build(grid))
    if (this.panel.data.type === "baseline") this.fitBaseline()
    this.markLastPrice()
    this.alertLines.draw(this.panel.data.alerts)
  }

  // The newest stored price, wherever the viewer has scrolled.
  markLastPrice() {
    const { last } = this.panel.content
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

// A `#rrggbb` color with an opacity from 0 to 1.
function fade(color, opacity) {
  const channels = [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))
  return `rgba(${channels.join(", ")}, ${opacity})`
}

// Shades the periods without candles in a pane.
class GapShades {
  constructor(panel) {
    this.panel = panel
  }

  paneViews() {
    return [{ zOrder: () => "bottom", renderer: () => this }]
  }

  draw(target) {
    const { panel } = this
    const { grid, loaded } = panel
    if (!grid?.times.length) return
    target.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio }) => {
      context.fillStyle = "rgba(128, 138, 152, 0.22)"
      for (const [from, to] of loaded.gaps) {
        const ends = [from, to].map(time => (
          panel.toCoordinate(grid.toLogical(time) - 0.5) * horizontalPixelRatio
        ))
        if (ends[1] < 0 || ends[0] > bitmapSize.width) continue
        context.fillRect(ends[0], 0, Math.max(1, ends[1] - ends[0]), bitmapSize.height)
      }
    })
  }
}

// Tints the space between two lines.
class Band {
  constructor(drawing, series, upper, lower, color, isOnPrice) {
    Object.assign(this, { drawing, series, upper, lower, color, isOnPrice })
  }

  paneViews() {
    return [{ zOrder: () => "bottom", renderer: () => this }]
  }

  draw(target) {
    const { panel, columns } = this.drawing
    const range = panel.timeScale.getVisibleLogicalRange()
    if (!range) return
    const { rows } = panel.grid
    const convert = this.drawing.chooseConversion(this.upper, this.isOnPrice)
    const [upper, lower] = [columns[this.upper], columns[this.lower]]
    const first = Math.max(0, Math.floor(range.from))
    const last = Math.min(rows.length - 1, Math.ceil(range.to))
    const stride = Math.max(1, Math.floor((last - first) / panel.timeScale.width()))
    target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio, verticalPixelRatio }) => {
      const toPoint = (index, values) => [
        panel.timeScale.logicalToCoordinate(index) * horizontalPixelRatio,
        this.series.priceToCoordinate(convert(values[rows[index]])) * verticalPixelRatio,
      ]
      let run = []
      const fillRun = () => {
        if (run.length > 1) {
          context.beginPath()
          for (const index of run) context.lineTo(...toPoint(index, upper))
          for (const index of run.reverse()) context.lineTo(...toPoint(index, lower))
          context.fill()
        }
        run = []
      }
      context.fillStyle = this.color
      for (let index = first; index <= last; index += stride) {
        if (rows[index] >= 0 && !Number.isNaN(upper[rows[index]])) run.push(index)
        else fillRun()
      }
      fillRun()
    })
  }
}

// --- Time zone ---------------------------------------------------------------------------------

// A time zone with its offset from UTC at any time, in ms.
class ViewerZone {
  constructor(name) {
    this.name = name
    this.offsets = new Map()
    this.parts = new Intl.DateTimeFormat("en-US", {
      timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    })
  }

  get label() {
    if (["UTC", "Etc/UTC"].includes(this.name)) return "UTC"
    return `${this.name.split("/").at(-1).replaceAll("_", " ")} time`
  }

  // The clock at a time, as a date whose UTC fields are those of the zone.
  toClock(time) {
    return new Date(time + this.findOffset(time))
  }

  // The time at which the clock shows a date, given by its UTC fields; of two, the later one.
  toTime(clock) {
    const guess = clock - this.findOffset(clock)
    return clock - this.findOffset(guess)
  }

  // Clocks change at a quarter of an hour, and seldom more than once a day.
  findOffset(time) {
    const day = Math.floor(time / DAY_MS) * DAY_MS
    const offset = this.readOffset(day)
    if (offset === this.readOffset(day + DAY_MS)) return offset
    return this.readOffset(Math.floor(time / QUARTER_HOUR_MS) * QUARTER_HOUR_MS)
  }

  readOffset(time) {
    if (!this.offsets.has(time)) {
      const { year, month, day, hour, minute, second } = Object.fromEntries(
        this.parts.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
      )
      this.offsets.set(time, Date.UTC(year, month - 1, day, hour, minute, second) - time)
    }
    return this.offsets.get(time)
  }
}

// The library's time axis, with years, months, days and hours of the viewer's zone.
function buildZonedTimeScale(panel) {
  // By the library's weights: the first point of a longer unit has the larger label.
  const divisors = [[12, 33], [6, 32], [3, 31], [1, 30], [0.5, 22], [1 / 12, 21], [1 / 60, 20]]
  const weigh = (clock, before) => {
    if (clock.getUTCFullYear() !== before.getUTCFullYear()) return 70
    if (clock.getUTCMonth() !== before.getUTCMonth()) return 60
    if (clock.getUTCDate() !== before.getUTCDate()) return 50
    const isCrossed = hours => (
      Math.floor(clock / (hours * 3_600_000)) !== Math.floor(before / (hours * 3_600_000))
    )
    return divisors.find(([hours]) => isCrossed(hours))?.[1] ?? 0
  }
  return class extends panel.library.defaultHorzScaleBehavior() {
    fillWeightsForPoints(points, start = 0) {
      if (!points.length) return
      const toClock = index => panel.zone.toClock(points[index].originalTime * 1000)
      let before = start ? toClock(start - 1) : null
      for (let index = start; index < points.length; index++) {
        const clock = toClock(index)
        points[index].timeWeight = before
          ? weigh(clock, before) : weigh(clock, new Date(clock - panel.content.step))
        before = clock
      }
    }
  }
}

const pad = number => String(number).padStart(2, "0")
const formatHours = clock => `${pad(clock.getUTCHours())}:${pad(clock.getUTCMinutes())}`

// `kind` is the library's: 0 is a year, 1 a month, 2 a day.
function formatTick(zone, time, kind) {
  const clock = zone.toClock(time)
  if (kind === 0) return String(clock.getUTCFullYear())
  if (kind === 1) return MONTHS[clock.getUTCMonth()]
  return kind === 2 ? String(clock.getUTCDate()) : formatHours(clock)
}

// `Thu 06 Mar 2025 09:00`; a period of days that begins at midnight has no hours.
export function formatTime(zone, time, step = 0) {
  const clock = zone.toClock(time)
  const date = `${DAYS[clock.getUTCDay()]} ${pad(clock.getUTCDate())} ${MONTHS[clock.getUTCMonth()]}`
  const hours = formatHours(clock)
  const isDay = step >= DAY_MS && hours === "00:00"
  return `${date} ${clock.getUTCFullYear()}${isDay ? "" : ` ${hours}`}`
}

// --- Controls ----------------------------------------------------------------------------------

// The row below the time axis: newest candle, time zone, scales, and full screen.
class Controls {
  constructor(panel) {
    this.panel = panel
    this.element = createElement("div", "controls")
    this.newest = createButton("newest", "\u00BB", "Go to the newest candle", () => panel.resetView())
    this.zone = createElement("select", "zone")
    this.zone.setAttribute("aria-label", "Time zone")
    this.zone.title = "Time zone"
    this.zone.addEventListener("change", () => this.handleZoneChoice())
    this.scales = Object.entries(SCALES).map(([scale, title]) => [
      scale, createButton(scale, { log: "log", percent: "%" }[scale], title, () => panel.chooseScale(scale)),
    ])
    this.auto = createButton("auto", "auto", "Fit the prices in view", () => {
      panel.drawing.fitScales(!panel.drawing.isAutoScaled)
      this.update()
    })
    this.markers = createButton("markers", "\u2691", "Gaps, outages and revisions", () => {
      panel.toggleMarkers()
    })
    this.full = createButton("full", "\u2922", "Full screen", () => toggleFullScreen(panel.root))
    this.element.append(
      this.newest, panel.datePicker.button, this.zone, ...this.scales.map(([, button]) => button),
      this.auto, this.markers, panel.alertMenu.button, panel.keyboard.button, this.full,
    )
  }

  // The zone of the address, else the one that this browser chose last, else its own.
  chooseZone(requested) {
    const stored = localStorage.getItem(ZONE_KEY)
    const choice = this.chosenZone ?? (requested || stored || "local")
    const zone = resolveZone(choice) ?? resolveZone("local")
    this.zoneChoice = resolveZone(choice) ? choice : "local"
    if (!requested && this.zoneChoice !== "local" && !this.isZoneReported) {
      this.isZoneReported = true
      this.panel.component.setTriggerValue("zone", this.zoneChoice)
    }
    if ((requested || "local") === this.chosenZone) this.chosenZone = undefined
    return this.panel.zone?.name === zone.name ? this.panel.zone : zone
  }

  handleZoneChoice() {
    this.chosenZone = this.zone.value
    localStorage.setItem(ZONE_KEY, this.chosenZone)
    this.panel.zone = this.chooseZone(this.panel.data.zone)
    this.panel.draw()
    this.update()
    this.isZoneReported = true
    this.panel.component.setTriggerValue("zone", this.chosenZone ?? this.zoneChoice)
  }

  update() {
    const { panel } = this
    if (!this.zone.options.length) this.zone.append(...createZoneOptions())
    if (![...this.zone.options].some(option => option.value === this.zoneChoice)) {
      this.zone.append(new Option(this.zoneChoice, this.zoneChoice))
    }
    this.zone.value = this.zoneChoice
    for (const [scale, button] of this.scales) setPressed(button, panel.scale === scale)
    setPressed(this.auto, panel.drawing.isAutoScaled)
    setPressed(this.markers, panel.areMarkersShown)
  }
}

const renameZone = name => RENAMED_ZONES[name] ?? name

function findLocalZone() {
  return renameZone(Intl.DateTimeFormat().resolvedOptions().timeZone)
}

function resolveZone(choice) {
  const local = findLocalZone()
  const name = { local, exchange: "UTC" }[choice] ?? renameZone(choice)
  try {
    return new ViewerZone(name)
  } catch (error) {
    if (error instanceof RangeError) return null  // no such zone
    throw error
  }
}

function createZoneOptions() {
  const local = findLocalZone()
  const first = [
    new Option(`Local (${local})`, "local"), new Option("UTC", "UTC"),
    new Option("Exchange (UTC)", "exchange"),
  ]
  const zones = document.createElement("optgroup")
  zones.label = "Time zones"
  const names = Intl.supportedValuesOf("timeZone").map(renameZone).sort()
  zones.append(...names.map(name => new Option(name.replaceAll("_", " "), name)))
  return [...first, zones]
}

function toggleFullScreen(root) {
  if (document.fullscreenElement) document.exitFullscreen()
  else root.requestFullscreen()
}

export function createButton(name, text, title, onClick = null) {
  const button = createElement("button", name, text)
  button.type = "button"
  button.title = title
  button.setAttribute("aria-label", title)
  if (onClick) button.addEventListener("click", onClick)
  return button
}

function setPressed(button, isPressed) {
  button.setAttribute("aria-pressed", String(isPressed))
}

export function createElement(tag, className, text = "", color = "") {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  if (color) element.style.color = color
  return element
}

// --- Readouts ----------------------------------------------------------------------------------
// The values under the crosshair, in the top left corner of each pane. Without a crosshair they are
// those of the newest visible candle, with its time if newer ones are out of view.

function showReadouts(panel, hovered) {
  const { chart, drawing, grid, loaded, stage, content } = panel
  if (!grid?.times.length) {
    panel.shownValues = null
    replaceReadouts(stage, [])
    return
  }
  const range = panel.timeScale.getVisibleLogicalRange()
  const index = hovered === null ? Infinity : Math.round(hovered)
  const row = hovered === null
    ? grid.findRow(range ? Math.floor(range.to) : Infinity) : grid.rows[index] ?? -1
  const isTimed = hovered !== null || !panel.isNewestVisible()
  const time = row < 0 ? Math.round(grid.toTime(index)) : loaded.times[row]
  const gap = hovered !== null && loaded.gaps.find(([from, to]) => time >= from && time < to)
  // A frame in which the chart only moves has the same values as the one before.
  const layout = [panel.timeScale.width(), ...chart.panes().map(pane => pane.getHeight())].join()
  const values = [
    drawing, drawing.prices, drawing.firstVisible, content, panel.zone, row, isTimed && time, gap, layout,
  ]
  if (panel.shownValues?.every((value, number) => value === values[number])) return
  panel.shownValues = values
  if (drawing.layout !== layout) {
    drawing.layout = layout
    drawing.paneTops = measurePaneTops(chart, stage)
  }
  const readouts = []
  drawing.panes.forEach((pane, number) => {
    const top = drawing.paneTops[number]
    if (top === undefined) return
    const readout = createElement("div", "readout")
    readout.style.top = `${top + 4}px`
    readout.style.maxWidth = `${panel.timeScale.width() - 12}px`
    readout.append(...createEntries(panel, pane, row))
    if (!number && isTimed && Number.isFinite(time)) {
      const text = `${formatTime(panel.zone, time, content.step)} ${panel.zone.label}`
      readout.append(createElement("span", "entry", text))
    }
    if (!number && gap) {
      const ends = gap.slice(0, 2).map(end => formatTime(panel.zone, end))
      readout.append(createElement("span", "entry", `${gap[2]}, ${ends.join(" to ")}`))
    }
    readouts.push(readout)
  })
  replaceReadouts(stage, readouts)
}

// Where the panes begin in the stage; the browser has to lay out the page for it.
function measurePaneTops(chart, stage) {
  const { top } = stage.getBoundingClientRect()
  const elements = chart.panes().map(pane => pane.getHTMLElement())
  return elements.filter(Boolean).map(element => element.getBoundingClientRect().top - top)
}

// Leaves a readout that is equal in place: it may be under the pointer, or have the focus.
function replaceReadouts(stage, readouts) {
  const shown = [...stage.querySelectorAll(".readout")]
  readouts.forEach((readout, number) => {
    if (!shown[number]) stage.append(readout)
    else updateReadout(shown[number], readout)
  })
  for (const readout of shown.slice(readouts.length)) readout.remove()
}

// Changes texts and styles alone where it can: a browser checks more rules for other elements.
function updateReadout(shown, made) {
  if (shown.isEqualNode(made)) return
  const [children, madeChildren] = [[...shown.children], [...made.children]]
  const isAlike = shown.tagName === made.tagName && shown.className === made.className
    && children.length === madeChildren.length && shown.tagName !== "BUTTON"
  if (!isAlike) {
    replaceReadout(shown, made)
    return
  }
  if (shown.style.cssText !== made.style.cssText) shown.style.cssText = made.style.cssText
  madeChildren.forEach((child, index) => updateReadout(children[index], child))
  if (madeChildren.length || shown.textContent === made.textContent) return
  if (shown.firstChild) shown.firstChild.data = made.textContent
  else shown.textContent = made.textContent
}

function replaceReadout(shown, readout) {
  const { action, key } = shown.querySelector("button:focus")?.dataset ?? {}
  shown.replaceWith(readout)
  if (key) readout.querySelector(`[data-action="${action}"][data-key="${CSS.escape(key)}"]`)?.focus()
}

// One entry per indicator, with the values of all its lines, and buttons to hide and remove it.
// Those that are hidden are at the end of the first pane.
function createEntries(panel, pane, row) {
  const groups = new Map()
  for (const entry of pane.entries) {
    const element = groups.get(entry.id) ?? createElement("span", "entry")
    if (!groups.has(entry.id)) {
      groups.set(entry.id, element)
      const color = entry.isCandle || entry.isDirected ? "" : entry.color
      element.append(createElement("b", "", entry.name, color))
      if (entry.key) element.append(createLegendButtons(entry, false))
    }
    element.append(...createParts(panel, entry, row))
  }
  const hidden = (pane.index ? [] : panel.content.hidden).map(entry => {
    const element = createElement("span", "entry hidden")
    element.append(createElement("b", "", entry.name), createLegendButtons(entry, true))
    return element
  })
  return [...groups.values(), ...hidden]
}

// The stage listens to their clicks, because readouts are replaced while the pointer moves.
function createLegendButtons({ key, name }, isHidden) {
  const buttons = createElement("span", "actions")
  const toggle = isHidden ? "Show" : "Hide"
  const parts = [
    ["toggle", isHidden ? "\u25CB" : "\u25CF", toggle], ["settings", "\u2699\uFE0E", "Settings of"],
    ["remove", "\u00D7", "Remove"],
  ]
  for (const [action, text, verb] of parts) {
    const button = createButton(action, text, `${verb} ${name}`)
    Object.assign(button.dataset, { action, key })
    buttons.append(button)
  }
  return buttons
}

function createParts(panel, entry, row) {
  const { drawing, loaded, content, data } = panel
  const columns = drawing.columns
  if (entry.isCandle) {
    if (row < 0) return []
    const isAveraged = data.type === "heikin-ashi"
    const { open, high, low, close } = drawing.prices
    const color = close[row] >= open[row] ? drawing.colors.rising : drawing.colors.falling
    const parts = Object.entries({ O: open, H: high, L: low, C: close }).flatMap(([name, values]) => [
      createElement("i", "", name),
      createElement("span", "value", formatValue(entry.format, values[row]), color),
    ])
    if (row && !isAveraged) {
      const change = columns.close[row] / columns.close[row - 1] - 1
      parts.push(createElement("span", "value", numberFormats.change(change, 2), color))
    }
    const notes = [content.notes[columns.state[row]], isAveraged && "averaged"].filter(Boolean)
    return [...parts, ...notes.map(note => createElement("i", "", note))]
  }
  const values = loaded.columns[entry.column]
  const convert = drawing.chooseConversion(entry.column, entry.isOnPrice ?? false)
  const value = row < 0 ? NaN : convert(values[row])
  const isRising = row >= 0 && columns.close[row] >= columns.open[row]
  const color = entry.isDirected
    ? drawing.colors[isRising ? "rising" : "falling"] : entry.color
  const parts = [createElement("span", "value", formatValue(entry.format, value), color)]
  return entry.label ? [createElement("i", "", entry.label), ...parts] : parts
}

export function formatValue({ kind, digits, min_digits: minDigits }, value) {
  if (value === undefined || Number.isNaN(value)) return "\u2013"
  return numberFormats[kind](value, digits, minDigits)
}

// By `NumberFormat.kind` in number_formats.py. A value that rounds to zero has no sign.
const numberFormats = {
  fixed: (value, digits, minDigits = digits) => getNumberFormat(`${minDigits} ${digits}`, {
    minimumFractionDigits: minDigits, maximumFractionDigits: digits, signDisplay: "negative",
  }).format(value),
  change: (value, digits) => `${value >= 0 ? "+" : ""}${numberFormats.percent(value, digits)}`,
  percent: (value, digits) => `${numberFormats.fixed(value * 100, digits)}%`,
  compact: value => getNumberFormat("compact", {
    notation: "compact", maximumSignificantDigits: 4,
  }).format(value),
  significant: value => getNumberFormat("significant", { maximumSignificantDigits: 4 }).format(value),
}

// The browser takes longer to create a format than for all the values of a frame.
const createdFormats = new Map()

function getNumberFormat(key, options) {
  if (!createdFormats.has(key)) createdFormats.set(key, new Intl.NumberFormat("en", options))
  return createdFormats.get(key)
}

// The library derives the axis' steps from the smallest difference of two values.
function buildPriceFormat(format, findLargest) {
  const largest = findLargest() || 1
  const minMove = {
    fixed: () => 10 ** -(format.digits ?? 0), change: () => 1e-4, percent: () => 1e-4,
  }[format.kind] ?? (() => 10 ** (Math.floor(Math.log10(largest)) - 4))
  return {
    type: "custom", minMove: minMove(), formatter: value => formatValue(format, value),
  }
}

// --- Picture -----------------------------------------------------------------------------------

const HEADER_HEIGHT = 48
const FOOTER_HEIGHT = 22
const PICTURE_FONT = "sans-serif"

// Downloads the visible chart with its readouts, time zone and source, once for each request.
function savePicture(panel, picture) {
  panel.savedPictures ??= picture.requests
  if (picture.requests <= panel.savedPictures) return
  panel.savedPictures = picture.requests
  const shot = panel.chart.takeScreenshot(true, false)
  const ratio = shot.width / panel.stage.clientWidth
  const canvas = document.createElement("canvas")
  canvas.width = shot.width
  canvas.height = shot.height + Math.ceil((HEADER_HEIGHT + FOOTER_HEIGHT) * ratio)
  const context = canvas.getContext("2d")
  context.fillStyle = readTheme(panel.root, "background-color")
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(shot, 0, HEADER_HEIGHT * ratio)
  context.scale(ratio, ratio)
  context.textBaseline = "top"
  panel.pictureTexts = drawTexts(panel, context, picture, shot.height / ratio)
  canvas.toBlob(blob => {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(blob)
    link.download = `${picture.name}.png`
    link.click()
    URL.revokeObjectURL(link.href)
  })
}

// Draws title, readouts and footer; returns the texts with their position and width.
function drawTexts(panel, context, picture, height) {
  const { content, data, zone, stage, root } = panel
  const text = readTheme(root, "text-color")
  const drawn = []
  const write = (words, x, y, font = `12px ${PICTURE_FONT}`, color = text) => {
    context.font = font
    context.fillStyle = color
    context.fillText(words, x, y)
    const { width } = context.measureText(words)
    drawn.push({ text: words, x, y, width })
    return x + width
  }
  const scale = panel.scale === "linear" ? "" : `, ${panel.scale} scale`
  write(`${content.title}, ${content.interval}, ${data.type}${scale}`, 10, 8, `600 15px ${PICTURE_FONT}`)
  const [from, to] = panel.readVisibleTimes() ?? [NaN, NaN]
  const shown = [Math.max(from, panel.loaded.times[0]), Math.min(to, panel.loaded.times.at(-1))]
  const ends = shown.map(end => formatTime(zone, end)).join(" to ")
  write(`${ends} ${zone.label}`, 10, 28)
  write(picture.source, 10, HEADER_HEIGHT + height + 5, `11px ${PICTURE_FONT}`)
  const right = panel.timeScale.width() - 8
  for (const readout of stage.querySelectorAll(".readout")) {
    let [x, y] = [8, HEADER_HEIGHT + parseFloat(readout.style.top)]
    for (const entry of readout.children) {
      if (entry.classList.contains("hidden")) continue
      const parts = entry.children.length ? [...entry.querySelectorAll(":scope > :not(.actions)")] : [entry]
      context.font = `11px ${PICTURE_FONT}`
      const width = parts.reduce((sum, part) => sum + context.measureText(part.textContent).width + 5, 9)
      if (x > 8 && x + width > right) [x, y] = [8, y + 15]
      for (const part of parts) {
        const weight = part.tagName === "B" ? "600 " : ""
        x = write(part.textContent, x, y, `${weight}11px ${PICTURE_FONT}`, part.style.color || text) + 5
      }
      x += 9
    }
  }
  return drawn
}
