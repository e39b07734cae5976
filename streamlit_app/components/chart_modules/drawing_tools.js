// Drawings on the candle chart: lines, rectangles and Fibonacci retracements of a symbol, and a
// measure, which is not kept. A point of a drawing is [time, price], with epoch ms in UTC. A place
// is { x, y } in CSS pixels of the price pane.

import { DrawingGestures, REACH } from "./drawing_gestures.js"
import { KINDS, isDrawable, listHandles, measureLength } from "./drawing_kinds.js"
import { DrawingLayer } from "./drawing_layer.js"
import { DrawingStore, createId, isPoint } from "./drawing_store.js"
import { DrawingToolbar } from "./drawing_toolbar.js"
import { formatValue } from "./formats.js"
import { readStoredText, storeText } from "./storage.js"

const DEFAULT_COLOR = "#2962ff"
const FIBONACCI_LEVELS = [0, 0.236, 0.382, 0.5, 0.618, 0.786, 1]
const HIDDEN_KEY = "crypto-assets.drawings-hidden"

// The drawings of the panel's symbol. `tool` is the kind that is drawn next, `draft` the drawing
// that is not complete yet, `measured` the last measure.
export class DrawingTools {
  constructor(panel) {
    this.panel = panel
    this.layer = new DrawingLayer(this)
    this.store = new DrawingStore(this)
    this.toolbar = new DrawingToolbar(this)
    this.color = DEFAULT_COLOR
    this.levels = new WeakMap()
    this.isHidden = readStoredText(HIDDEN_KEY) === "true"
    this.clear()
    this.gestures = new DrawingGestures(this)
  }

  clear() {
    this.tool = null
    this.draft = null
    this.measured = null
    this.selectedId = null
    this.isHalfDone = false  // The first of two points has been clicked.
    this.problem = ""
  }

  remove() {
    this.gestures.remove()
    this.store.remove()
    this.toolbar.remove()
  }

  // Takes what Python sends: the stored drawings, and the answer to the last changes.
  receive(state) {
    const before = this.problem
    if (this.store.receive(state)) {
      const { problem } = this
      this.gestures.cancel()
      this.clear()
      // The answer to a change of the symbol before came with the new symbol.
      if (problem !== before) this.problem = problem
    }
    this.redraw()
  }

  // Draws on the chart's main series, which is another one after many changes of the chart.
  attach() {
    const { main } = this.panel.seriesSet
    if (this.series !== main) {
      this.series = main
      main.attachPrimitive(this.layer)
    }
    this.redraw()
  }

  redraw() {
    if (!this.selected) this.selectedId = null
    this.layer.requestUpdate?.()
    this.toolbar.update()
  }

  get isReady() {
    const { seriesSet, grid, content } = this.panel
    return !!seriesSet && grid?.times.length > 0 && content.symbol === this.store.symbol
  }

  // Undefined if the viewer may not change it any longer.
  get selected() {
    const drawing = this.store.find(this.selectedId)
    return drawing && this.store.isOwn(drawing) ? drawing : undefined
  }

  // The drawings to show, the selected one last.
  list() {
    if (!this.isReady) return []
    const kept = this.isHidden ? [] : this.store.list()
    const drawings = kept.filter(drawing => drawing.id !== this.selectedId)
    return [...drawings, this.isHidden ? null : this.selected, this.measured, this.draft].filter(Boolean)
  }

  chooseTool(kind) {
    this.clear()
    if (kind !== "measure" && this.store.list().length >= this.store.limit) {
      this.problem = `${this.store.symbol} has ${this.store.limit} drawings: remove one first.`
    } else {
      this.tool = kind
      if (kind) this.setHidden(false)
    }
    this.redraw()
  }

  begin(place) {
    const point = this.toPoint(place)
    const points = Array.from({ length: KINDS[this.tool].points }, () => point)
    this.draft = { id: createId(), kind: this.tool, color: this.color, points }
  }

  moveDraft(place) {
    const points = [...this.draft.points.slice(0, -1), this.toPoint(place)]
    this.draft = { ...this.draft, points }
  }

  complete() {
    const drawing = this.draft
    this.clear()
    if (!drawing.points.every(isPoint)) this.problem = "The chart has no time or price there."
    else if (drawing.kind === "measure") this.measured = drawing
    else {
      this.selectedId = drawing.id
      this.store.save(drawing)
    }
    this.redraw()
  }

  // Undoes the last step that is not finished; returns whether there was one.
  cancel() {
    const isActive = !!(this.tool || this.draft || this.measured || this.selectedId || this.problem)
    if (!this.gestures.cancel()) this.clear()
    this.redraw()
    return isActive
  }

  select(id) {
    if (this.selectedId === id && !this.measured) return
    this.measured = null
    this.selectedId = id
    this.redraw()
  }

  // Selects the next drawing by time, or the one before; returns whether there is any.
  selectNext(direction) {
    const own = this.isHidden || !this.isReady ? [] : this.store.listOwn()
    if (!own.length) return false
    own.sort((one, other) => one.points[0][0] - other.points[0][0])
    const index = own.findIndex(drawing => drawing.id === this.selectedId)
    const start = index < 0 && direction < 0 ? 0 : index
    const drawing = own[(start + direction + own.length) % own.length]
    this.clear()
    this.select(drawing.id)
    this.panel.keyboard.announce(`${KINDS[drawing.kind].title} at ${this.formatPrice(drawing.points[0][1])} selected`)
    return true
  }

  recolor(color) {
    this.color = color
    if (this.selected) this.store.save({ ...this.selected, color })
    this.redraw()
  }

  removeSelected() {
    if (!this.selected) return false
    this.store.removeAll([this.selectedId])
    this.select(null)
    return true
  }

  removeAll() {
    this.clear()
    this.store.removeAll(this.store.listOwn().map(drawing => drawing.id))
    this.redraw()
  }

  setHidden(isHidden) {
    if (this.isHidden === isHidden) return
    this.isHidden = isHidden
    if (isHidden) this.clear()
    storeText(HIDDEN_KEY, String(isHidden))
    this.redraw()
  }

  // --- Places and points

  toX(time) {
    return this.panel.toCoordinate(this.panel.grid.toLogical(time))
  }

  toValue(price) {
    return this.panel.seriesSet.chooseConversion("close", true)(price)
  }

  toY(price) {
    return this.series.priceToCoordinate(this.toValue(price)) ?? NaN
  }

  toPlace([time, price]) {
    return { x: this.toX(time), y: this.toY(price) }
  }

  toPrice(y) {
    const price = this.panel.seriesSet.readPriceAt(y)
    return price === null ? NaN : Number(price.toPrecision(12))
  }

  // The nearest period, also where there is no candle.
  toIndex(x) {
    return this.panel.timeScale.coordinateToLogical(x)
  }

  toTime(x) {
    return Math.round(this.panel.grid.toTime(this.toIndex(x)))
  }

  toPoint({ x, y }) {
    return [this.toTime(x), this.toPrice(y)]
  }

  // From the period of a time to the one at a place.
  countPeriods(time, x) {
    return this.toIndex(x) - Math.round(this.panel.grid.toLogical(time))
  }

  // Points moved by whole periods, and by pixels of the price scale.
  movePoints(points, periods, pixels) {
    const { grid } = this.panel
    return points.map(([time, price]) => [
      periods ? Math.round(grid.toTime(grid.toLogical(time) + periods)) : time,
      pixels ? this.toPrice(this.toY(price) + pixels) : price,
    ])
  }

  buildShape(drawing) {
    const { timeScale, chart } = this.panel
    const places = drawing.points.map(point => this.toPlace(point))
    const size = { width: timeScale.width(), height: chart.panes()[0].getHeight() }
    const shape = { ...drawing, places, ...size, isSelected: drawing.id === this.selectedId }
    if (drawing.kind === "fibonacci") {
      shape.levels = this.describeLevels(drawing).map(one => ({ ...one, y: this.toY(one.price) }))
    }
    return shape
  }

  // The prices and texts of a retracement, which are formatted once, not in every frame.
  describeLevels(drawing) {
    const { format } = this.panel.content
    const known = this.levels.get(drawing)
    if (known?.format === format) return known.levels
    const [[, start], [, end]] = drawing.points
    const levels = FIBONACCI_LEVELS.map(level => {
      const price = end + (start - end) * level
      return { price, text: `${level} (${this.formatPrice(price)})` }
    })
    this.levels.set(drawing, { format, levels })
    return levels
  }

  formatPrice(price) {
    return formatValue(this.panel.content.format, price)
  }

  // The drawing at a place that this viewer may change, with the handle that is hit, if any.
  findHit(place, reach = REACH.mouse) {
    if (this.isHidden || !this.isReady) return null
    const { selected } = this
    if (selected) {
      const shape = this.buildShape(selected)
      const handle = listHandles(shape).find(one => measureLength(one, place) <= reach + 2)
      if (handle) return { drawing: selected, handle }
    }
    const hit = this.store.listOwn().map(drawing => ({ drawing, shape: this.buildShape(drawing) }))
      .filter(({ shape }) => isDrawable(shape))
      .map(one => ({ ...one, distance: KINDS[one.shape.kind].measureDistance(one.shape, place) }))
      .filter(({ distance }) => distance <= reach)
      .sort((one, other) => one.distance - other.distance)[0]
    return hit ? { drawing: hit.drawing, handle: null } : null
  }
}
