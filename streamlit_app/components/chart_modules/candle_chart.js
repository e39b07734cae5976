// Draws candles with volume and indicators by TradingView's Lightweight Charts, and updates them in
// place. The other scripts of this folder are its parts.
//
// Times are epoch ms in UTC, except in the data of the library, which takes seconds. A "logical"
// is a position on the library's time axis: the index of a period, which may be a fraction.

import { AlertMenu } from "./alerts.js"
import { mergeCandles, PeriodGrid, readCandles } from "./candles.js"
import { Controls } from "./controls.js"
import { CloseCountdown } from "./countdown.js"
import { DatePicker } from "./dates.js"
import { DrawingTools } from "./drawing_tools.js"
import { closePopovers, createElement, leaveFullScreen, readTheme } from "./elements.js"
import { ChartKeyboard } from "./keyboard.js"
import { createChart, loadLibrary } from "./library.js"
import { EventMarkers } from "./markers.js"
import { savePicture } from "./picture.js"
import { showReadouts } from "./readouts.js"
import { BarReplay } from "./replay.js"
import { describeStyle, SeriesSet } from "./series.js"
import { SettingsMenu } from "./settings_menu.js"
import { readStoredValue, storeText } from "./storage.js"
import { formatTime } from "./zones.js"

const REST_MS = 250  // A gesture has ended after this time without a change.
const GESTURE_MS = 400  // A change of the view this long after a gesture is part of it.
const NEAR_PERIODS = 0.001  // The difference of two ranges that are the same.
const LOAD_MS = 400  // Between two requests for candles while the viewer scrolls.
const LOST_MS = 3_000  // A request without an answer is sent again.
const LOADED_CANDLES = [1_000, 5_000]  // The fewest and the most that are requested at once.
const HEIGHTS_KEY = "crypto-assets.pane-heights"
const HEIGHT_LIMITS = [0.05, 50]  // Of stretch factors: all panes can be seen, and dragged.

export default function (component) {
  const root = component.parentElement.querySelector(".candle-chart")
  root.panel ??= new CandlePanel(root)
  root.panel.receive(component)
  return () => {
    root.panel?.remove()
    root.panel = null
  }
}

// `view` is the visible time range of the viewer, null while the chart shows the range's own. It
// lasts until the scope changes. `received` are the candles received so far, `loaded` those of them
// that are shown, which a replay limits, and `grid` their periods.
class CandlePanel {
  constructor(root) {
    this.root = root
    this.stage = createElement("div", "stage")
    this.markers = new EventMarkers(this)
    this.alertMenu = new AlertMenu(this)
    this.datePicker = new DatePicker(this)
    this.keyboard = new ChartKeyboard(this)
    this.settingsMenu = new SettingsMenu(this)
    root.prepend(this.stage)
    this.replay = new BarReplay(this)
    this.countdown = new CloseCountdown(this)
    this.controls = new Controls(this)
    this.replay.bar.element.after(this.controls.element)
    this.stage.addEventListener("pointerleave", ({ pointerType }) => {
      if (pointerType === "touch") return  // The crosshair stays where the finger has left it.
      if (this.seriesSet) this.showReadouts(null)
      this.markers.showNoteAt(null)
    })
    this.stage.addEventListener("touchstart", closePopovers, { passive: true, capture: true })
    this.stage.addEventListener("click", event => {
      const { action, key } = event.target.closest("[data-action]")?.dataset ?? {}
      if (action === "settings") leaveFullScreen()
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
        if (kind === "pointermove" && this.seriesSet) this.showReadoutsSoon()  // Panes can be dragged.
      }, { passive: true, capture: true })
    }
  }

  receive(component) {
    this.component = component
    const update = async () => {
      const library = await loadLibrary(component.data.library)
      if (!this.isRemoved) this.drawingTools ??= new DrawingTools(this)
      if (this.component === component && !this.isRemoved) this.update(library, component.data)
    }
    // A message that failed keeps no later one from being drawn.
    this.updating = this.updating.then(update, update)
  }

  remove() {
    this.isRemoved = true
    this.listeners.abort()
    this.keyboard.remove()
    this.countdown.remove()
    this.replay.remove()
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
    this.replay.restore(data.replay)
    if (this.receivedContent !== data.content) {
      this.receivedContent = data.content
      this.content = JSON.parse(data.content)
      this.received = mergeCandles(this.received, readCandles(this.content))
    }
    this.loaded = this.replay.cut(this.received)
    this.drawingTools.receive(data.drawings)
    this.draw()
    savePicture(this, data.picture)
  }

  // Draws all that is loaded. What has not changed since the last call stays as it is.
  draw() {
    this.root.ariaBusy = "true"
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
      this.hasWidth = false
      this.chart = createChart(this)
      this.chartKey = chartKey
      this.seriesSet = null
    }
    if (this.seriesKey !== seriesKey || !this.seriesSet) {
      this.keepPaneHeights()
      this.seriesSet?.remove()
      this.seriesSet = new SeriesSet(this)
      this.seriesKey = seriesKey
      this.drawnCandles = null
    }
    if (this.drawnCandles !== this.loaded) {
      this.drawnCandles = this.loaded
      this.grid = new PeriodGrid(this.loaded.times, this.content.step)
      this.seriesSet.fill()
    }
    this.seriesSet.markLastPrice()
    this.drawingTools.attach()
    this.countdown.attach()
    this.seriesSet.alertLines.draw(this.data.alerts)
    if (!this.view && this.replay.isOn) this.replay.showNewest(this.data.home[1] - this.data.home[0])
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
      this.root.ariaBusy = "false"
    }))
  }

  // What depends on the visible range, after the library has changed it.
  fitSoon() {
    this.fitFrame ??= requestAnimationFrame(() => {
      this.fitFrame = null
      if (this.isRemoved || !this.seriesSet) return
      this.fitBase()
      this.showReadouts()
    })
  }

  // A range that is set while the stage has no width is lost.
  restoreRange() {
    if (this.hasWidth || !this.timeScale.width()) return
    this.hasWidth = true
    if (this.shownRange) this.timeScale.setVisibleLogicalRange(this.shownRange)
  }

  // Once in a frame, however many events it has.
  showReadoutsSoon() {
    this.readoutFrame ??= requestAnimationFrame(() => {
      this.readoutFrame = null
      if (!this.isRemoved) this.showReadouts()
    })
  }

  keepPaneHeights() {
    this.seriesSet?.panes.forEach((pane, index) => {
      this.paneHeights.set(pane.id, this.chart.panes()[index]?.getStretchFactor())
    })
  }

  describePaneHeights() {
    return this.chart?.panes().map(pane => pane.getStretchFactor()).join()
  }

  // Keeps the heights in this browser, after the viewer has dragged a separator.
  savePaneHeights() {
    this.keepPaneHeights()
    storeText(HEIGHTS_KEY, JSON.stringify([...this.paneHeights]))
  }

  // Open time, open, and close of the newest candle, wherever the viewer has scrolled.
  get last() {
    if (!this.replay.isOn) return this.content.last
    const { times, columns: { open, close } } = this.loaded
    return times.length ? [times, open, close].map(values => values.at(-1)) : null
  }

  // The end of all candles that may be shown.
  get end() {
    return Math.min(this.content.stored[1], this.replay.moment ?? Infinity)
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
    this.setRange({ from: first - 0.5, to: end - 0.5 + space })
  }

  show([from, to]) {
    if (!this.grid.times.length) return
    this.setRange({ from: this.grid.toLogical(from), to: this.grid.toLogical(to) })
  }

  // The library reports this range later, perhaps within the time of a gesture.
  setRange(range) {
    this.shownRange = range
    this.timeScale.setVisibleLogicalRange(range)
  }

  isShownRange() {
    const range = this.timeScale.getVisibleLogicalRange()
    const isNear = end => Math.abs(range[end] - this.shownRange[end]) < NEAR_PERIODS
    return !!range && !!this.shownRange && isNear("from") && isNear("to")
  }

  readVisibleTimes() {
    const range = this.grid?.times.length ? this.timeScale.getVisibleLogicalRange() : null
    return range && [range.from, range.to].map(logical => Math.round(this.grid.toTime(logical)))
  }

  // Returns to the range as it is chosen, with the newest candle.
  resetView() {
    this.view = null
    this.isScaledByViewer = false
    this.seriesSet.fitScales()
    if (this.replay.isOn) this.draw()
    else if (this.isRangeLoaded()) this.showRange()
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
    const [from, to] = this.readVisibleTimes() ?? this.data.home
    const middle = Math.min(this.end, Math.max(this.content.stored[0], time))
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
    this.replay.bar.placeFuture()
    const now = performance.now()
    if (now - this.gestureAt > GESTURE_MS || !this.grid.times.length || this.isShownRange()) {
      this.fitSoon()
      return
    }
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
    this.component.setTriggerValue("view", { scope: this.scope, from, to, load, replay: this.replay.moment })
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
    const outside = this.replay.findMissingView()
    if (outside) return outside
    const visible = this.received && this.readVisibleTimes()
    if (!visible) return null
    const { stored, step } = this.content
    const [loadedFrom, loadedTo] = this.received.window
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
    if (range) this.seriesSet.setFirstVisible(Math.max(0, Math.ceil(range.from)))
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
    const isLoaded = this.loaded.window[1] >= this.end
    return !range || (isLoaded && range.to >= this.grid.times.length - 1)
  }

  showReadouts(hovered = this.hovered ?? null) {
    this.hovered = hovered
    this.seriesSet.showLastValues(this.isNewestVisible())
    this.controls.newest.hidden = this.isNewestVisible()
    showReadouts(this, hovered)
  }
}

function readPaneHeights() {
  const [low, high] = HEIGHT_LIMITS
  const entries = readStoredValue(HEIGHTS_KEY)
  const isHeight = entry => (
    Array.isArray(entry) && typeof entry[1] === "number" && entry[1] >= low && entry[1] <= high
  )
  return new Map(Array.isArray(entries) ? entries.filter(isHeight) : [])
}
