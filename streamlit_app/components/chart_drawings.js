// Drawings on the candle chart: lines, rectangles and Fibonacci retracements of a symbol, and a
// measure, which is not kept.
//
// Read top-down: tools, gestures, toolbar, layer of the chart, kinds, storage. A point of a drawing
// is [time, price], with epoch ms in UTC. A place is { x, y } in CSS pixels of the price pane.

const LOST_MS = 3_000  // Changes without an answer are sent again.
const CLICK_PIXELS = 6  // A pointer that moves less has clicked.
const REACH = { mouse: 6, touch: 14 }  // How near in pixels a drawing is hit.
const HANDLE_RADIUS = 5
const CONTROLS = "button, a, input, .actions, .drawing-bar, .drawing-note"
const DEFAULT_COLOR = "#2962ff"
const FIBONACCI_LEVELS = [0, 0.236, 0.382, 0.5, 0.618, 0.786, 1]
const FONT = "11px sans-serif"
const HIDDEN_KEY = "crypto-assets.drawings-hidden"
const MAX_UNDONE = 100
const MAX_STORED_CHARACTERS = 200_000  // More than the drawings of a symbol can have.
// As in market/chart_drawings.py.
const ID_PATTERN = /^[0-9a-f]{8,16}$/
const COLOR_PATTERN = /^#[0-9a-f]{6}$/
const MAX_TIME = 253_402_300_799_999
const MAX_PRICE = 1e15

// --- Tools ---------------------------------------------------------------------------------------

// The drawings of the panel's symbol. `tool` is the kind that is drawn next, `draft` the drawing
// that is not complete yet, `gesture` what the pressed pointer does. `toolkit` has the functions of
// the panel's script that create its elements and format its values.
export class DrawingTools {
  constructor(panel, toolkit) {
    this.panel = panel
    this.toolkit = toolkit
    this.layer = new DrawingLayer(this)
    this.store = new DrawingStore(this)
    this.toolbar = new DrawingToolbar(this)
    this.color = DEFAULT_COLOR
    this.levels = new WeakMap()
    this.isHidden = localStorage.getItem(HIDDEN_KEY) === "true"
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
    const { main } = this.panel.drawing
    if (this.series !== main) {
      this.series = main
      main.attachPrimitive(this.layer)
    }
    this.redraw()
  }

  redraw() {
    if (this.selectedId && !this.store.find(this.selectedId)) this.selectedId = null
    this.layer.requestUpdate?.()
    this.toolbar.update()
  }

  get isReady() {
    const { drawing, grid, content } = this.panel
    return !!drawing && grid?.times.length > 0 && content.symbol === this.store.symbol
  }

  get selected() {
    return this.store.find(this.selectedId)
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
    this.store.removeAll(this.store.list().filter(one => this.store.isOwn(one)).map(one => one.id))
    this.redraw()
  }

  setHidden(isHidden) {
    if (this.isHidden === isHidden) return
    this.isHidden = isHidden
    if (isHidden) this.clear()
    localStorage.setItem(HIDDEN_KEY, String(isHidden))
    this.redraw()
  }

  // --- Places and points

  toX(time) {
    return this.panel.toCoordinate(this.panel.grid.toLogical(time))
  }

  toValue(price) {
    return this.panel.drawing.chooseConversion("close", true)(price)
  }

  toY(price) {
    return this.series.priceToCoordinate(this.toValue(price)) ?? NaN
  }

  toPlace([time, price]) {
    return { x: this.toX(time), y: this.toY(price) }
  }

  toPrice(y) {
    const price = this.panel.drawing.readPriceAt(y)
    return price === null ? NaN : Number(price.toPrecision(12))
  }

  // The nearest period, also where there is no candle.
  toIndex(x) {
    return this.panel.timeScale.coordinateToLogical(x)
  }

  toPoint({ x, y }) {
    return [Math.round(this.panel.grid.toTime(this.toIndex(x))), this.toPrice(y)]
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
    return this.toolkit.formatValue(this.panel.content.format, price)
  }

  // The drawing at a place that this viewer may change, with the handle that is hit, if any.
  findHit(place, reach = REACH.mouse) {
    if (this.isHidden || !this.isReady) return null
    const { selected } = this
    if (selected && this.store.isOwn(selected)) {
      const shape = this.buildShape(selected)
      const handle = listHandles(shape).find(one => measureLength(one, place) <= reach + 2)
      if (handle) return { drawing: selected, handle }
    }
    const own = [...this.store.list()].filter(drawing => this.store.isOwn(drawing))
    const hit = own.map(drawing => ({ drawing, shape: this.buildShape(drawing) }))
      .filter(({ shape }) => isDrawable(shape))
      .map(one => ({ ...one, distance: KINDS[one.shape.kind].measureDistance(one.shape, place) }))
      .filter(({ distance }) => distance <= reach)
      .sort((one, other) => one.distance - other.distance)[0]
    return hit ? { drawing: hit.drawing, handle: null } : null
  }
}

function createId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("")
}

// --- Gestures ------------------------------------------------------------------------------------

// Pointer and keyboard on the chart. What a drawing uses does not reach the library, which would
// scroll; the crosshair still follows the mouse.
class DrawingGestures {
  constructor(tools) {
    this.tools = tools
    this.gesture = null
    this.listening = new AbortController()
    const { stage } = tools.panel
    const listen = (target, kind, handle, options = {}) => (
      target.addEventListener(kind, handle, { signal: this.listening.signal, capture: true, ...options })
    )
    listen(stage, "pointerdown", event => this.press(event))
    listen(stage, "mousedown", event => this.gesture && event.stopPropagation())
    listen(stage, "touchstart", event => this.takeTouch(event), { passive: false })
    listen(stage, "click", event => this.takeClick(event))
    listen(window, "pointermove", event => this.move(event))
    listen(window, "pointerup", event => this.release(event))
    listen(window, "pointercancel", event => this.lose(event))
    listen(document, "keydown", event => this.pressKey(event))
  }

  remove() {
    this.listening.abort()
  }

  // The place of an event in the price pane, null outside of it unless `isClamped`.
  locate(event, isClamped = false) {
    const { panel, isReady } = this.tools
    const box = isReady && panel.chart.panes()[0]?.getHTMLElement()?.getBoundingClientRect()
    if (!box) return null
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    const [width, height] = [panel.timeScale.width(), box.height]
    if (isClamped) return { x: clamp(x, 0, width), y: clamp(y, 0, height - 1) }
    return x >= 0 && x <= width && y >= 0 && y < height ? { x, y } : null
  }

  press(event) {
    const { tools } = this
    this.isClickTaken = false
    if (event.button || !event.isPrimary || event.target.closest(CONTROLS)) return
    const from = this.locate(event)
    if (!from) return
    if (tools.tool) {
      if (tools.draft) tools.moveDraft(from)
      else tools.begin(from)
      const isLast = tools.draft.points.length === 1 || tools.isHalfDone
      this.gesture = { pointer: event.pointerId, from, isLast }
    } else {
      const hit = tools.findHit(from, REACH[event.pointerType] ?? REACH.mouse)
      tools.select(hit?.drawing.id ?? null)
      if (!hit) return
      this.gesture = { pointer: event.pointerId, from, ...hit, index: tools.toIndex(from.x) }
    }
    this.isClickTaken = true
    tools.redraw()
  }

  takeTouch(event) {
    if (!this.gesture) return
    event.preventDefault()  // Neither scrolls the page nor becomes events of a mouse.
    event.stopPropagation()
  }

  takeClick(event) {
    if (!this.isClickTaken || event.target.closest(CONTROLS)) return
    this.isClickTaken = false
    event.stopPropagation()
  }

  move(event) {
    const { tools, gesture } = this
    if (!gesture && !tools.draft) return
    if (gesture && gesture.pointer !== event.pointerId) return
    const place = this.locate(event, true)
    if (!place) return
    if (gesture?.drawing) this.moveDrawing(gesture, place)
    else tools.moveDraft(place)
    tools.layer.requestUpdate?.()
  }

  moveDrawing(gesture, place) {
    const { tools } = this
    const { drawing, handle, from } = gesture
    if (!gesture.isMoved && measureLength(place, from) < CLICK_PIXELS / 2) return
    gesture.isMoved = true
    const points = handle
      ? handle.move(drawing.points, tools.toPoint(place))
      : tools.movePoints(drawing.points, tools.toIndex(place.x) - gesture.index, place.y - from.y)
    if (points.every(isPoint)) tools.store.preview({ ...drawing, points })
  }

  release(event) {
    const { tools, gesture } = this
    if (!gesture || gesture.pointer !== event.pointerId) return
    this.gesture = null
    if (gesture.drawing) {
      if (gesture.isMoved) tools.store.savePreview()
      return
    }
    const place = this.locate(event, true)
    const isDragged = place && measureLength(place, gesture.from) > CLICK_PIXELS
    tools.isHalfDone = !gesture.isLast && !isDragged
    if (tools.isHalfDone) tools.redraw()
    else tools.complete()
  }

  // The system has taken the pointer, such as for a gesture of its own.
  lose(event) {
    if (this.gesture?.pointer !== event.pointerId) return
    this.cancel()
    this.tools.draft = null
    this.tools.isHalfDone = false
    this.tools.redraw()
  }

  // Ends a move without a change, or the step of a draft; returns whether the drawing was moved.
  cancel() {
    const isMove = !!this.gesture?.drawing
    this.gesture = null
    this.tools.store.dropPreview()
    return isMove
  }

  pressKey(event) {
    const { tools } = this
    const isElsewhere = event.target.closest?.("textarea, select, [contenteditable], dialog, [role=dialog]")
      || event.target.matches?.("input:not([type=color])")
    // A click on the chart gives the focus to a part of the page around it.
    const { root } = tools.panel
    const isHere = root.contains(event.target) || event.target.contains(root)
    const isTakenBefore = event.defaultPrevented || event.isComposing || document.querySelector(":popover-open")
    if (isElsewhere || !isHere || isTakenBefore || event.altKey) return
    const isControl = event.ctrlKey || event.metaKey
    const isTaken = isControl ? event.key === "z" && tools.store.undo() : event.key === "Escape" ? tools.cancel()
      : ["Delete", "Backspace"].includes(event.key) && tools.removeSelected()
    if (!isTaken) return
    event.preventDefault()
    event.stopImmediatePropagation()
  }
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
const measureLength = (one, other) => Math.hypot(one.x - other.x, one.y - other.y)

// --- Toolbar -------------------------------------------------------------------------------------

// The buttons at the left edge, which a phone folds behind one; those of the selected drawing; a
// line that says what to do next, or what is wrong; and the question before all are removed.
class DrawingToolbar {
  constructor(tools) {
    this.tools = tools
    const { panel, toolkit } = tools
    const create = (name, title, onClick) => {
      const button = toolkit.createButton(name, "", title, onClick)
      button.append(createIcon(ICONS[name]))
      return button
    }
    this.element = toolkit.createElement("div", "drawing-toolbar")
    this.element.setAttribute("role", "toolbar")
    this.element.setAttribute("aria-label", "Drawing tools")
    this.element.setAttribute("aria-orientation", "vertical")
    this.kinds = Object.entries(KINDS).map(([kind, { title }]) => [
      kind, create(kind, title, () => this.toggleTool(kind)),
    ])
    this.hide = create("hide", "Hide drawings", () => tools.setHidden(!tools.isHidden))
    this.removal = create("removal", "Remove all drawings", () => this.askRemoval())
    this.element.append(
      ...this.kinds.map(([, button]) => button), toolkit.createElement("hr", ""), this.hide, this.removal,
    )
    this.fold = create("fold", "Drawing tools", () => this.setOpen(!this.isOpen))
    this.buildSelectionBar(create)
    this.note = toolkit.createElement("div", "drawing-note")
    this.noteText = toolkit.createElement("span", "")
    this.noteText.setAttribute("role", "status")
    this.noteButton = toolkit.createButton("act", "", "", () => this.noteAction())
    this.note.append(this.noteText, this.noteButton)
    this.buildDialog()
    panel.root.prepend(this.element)
    panel.controls.element.prepend(this.fold)
    panel.stage.append(this.bar, this.note)
    panel.root.append(this.dialog)
    this.setOpen(false)
  }

  buildSelectionBar(create) {
    const { tools } = this
    this.bar = tools.toolkit.createElement("div", "drawing-bar")
    this.color = tools.toolkit.createElement("input", "")
    Object.assign(this.color, { type: "color", title: "Color of the drawing" })
    this.color.setAttribute("aria-label", "Color of the drawing")
    this.color.addEventListener("change", () => tools.recolor(this.color.value))
    this.bar.append(this.color, create("removeOne", "Remove the drawing", () => tools.removeSelected()))
  }

  buildDialog() {
    const { tools } = this
    const { createElement, createButton } = tools.toolkit
    this.dialog = createElement("dialog", "drawing-dialog")
    this.dialog.setAttribute("aria-label", "Remove all drawings")
    this.question = createElement("p", "")
    const row = createElement("div", "row")
    row.append(
      createButton("confirm", "Remove", "Remove", () => {
        this.dialog.close()
        tools.removeAll()
      }),
      createButton("keep", "Cancel", "Cancel", () => this.dialog.close()),
    )
    this.dialog.append(this.question, row)
  }

  remove() {
    for (const part of [this.element, this.fold, this.bar, this.note, this.dialog]) part.remove()
  }

  setOpen(isOpen) {
    this.isOpen = isOpen
    this.element.classList.toggle("open", isOpen)
    this.fold.setAttribute("aria-expanded", String(isOpen))
  }

  toggleTool(kind) {
    this.setOpen(false)
    this.tools.chooseTool(this.tools.tool === kind ? null : kind)
  }

  askRemoval() {
    const { store } = this.tools
    const count = store.list().filter(drawing => store.isOwn(drawing)).length
    const named = count === 1 ? "the only drawing" : `all ${count} drawings`
    const place = store.canSave ? "" : " of this browser"
    this.question.textContent = `Remove ${named}${place} on ${store.symbol}?`
    this.setOpen(false)
    this.dialog.showModal()
  }

  update() {
    const { tools } = this
    const { store, selected, tool } = tools
    const { setPressed } = tools.toolkit
    for (const [kind, button] of this.kinds) {
      setPressed(button, tool === kind)
      button.disabled = !tools.isReady
    }
    setPressed(this.hide, tools.isHidden)
    const count = store.list().length
    this.hide.disabled = !count
    this.removal.disabled = !store.list().some(drawing => store.isOwn(drawing))
    this.bar.hidden = !selected || tools.isHidden
    if (selected) this.color.value = selected.color
    tools.panel.stage.classList.toggle("is-drawing", !!tool)
    this.updateNote()
  }

  updateNote() {
    const [text, label, act] = this.describeNote()
    this.note.hidden = !text
    if (this.noteText.textContent !== text) this.noteText.textContent = text
    this.noteButton.hidden = !label
    this.noteButton.textContent = label ?? ""
    this.noteButton.title = label ?? ""
    this.noteButton.setAttribute("aria-label", label ?? "")
    this.noteAction = act
  }

  // The text, and the name and the function of its button.
  describeNote() {
    const { tools } = this
    const { store, tool, draft } = tools
    const dismiss = () => tools.cancel()
    if (tools.problem) return [tools.problem, "Close", dismiss]
    const isLocal = !store.canSave
    const kept = isLocal ? " It stays in this browser: unlock the app to save drawings." : ""
    if (tool) {
      const { title, points } = KINDS[tool]
      const number = points === 1 ? "the price" : draft ? "the second point" : "the first point"
      return [`${title}: choose ${number}.${tool === "measure" ? "" : kept}`, "Cancel", dismiss]
    }
    const count = store.countLocal()
    if (!count) return [""]
    const subject = count === 1 ? "1 drawing is" : `${count} drawings are`
    if (!isLocal) return [`${subject} only in this browser.`, "Save", () => store.saveLocal()]
    const hint = `${subject} only in this browser: unlock the app to save drawings.`
    return tools.selected ? [hint] : [""]
  }
}

// By the class of the button: paths in a square of 20.
const ICONS = {
  trend: "M5.4 14.6 14.6 5.4M4 17.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM16 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z",
  horizontal: "M2 10h6M12 10h6M10 11.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
  rectangle: "M3.5 5.5h13v9h-13z",
  fibonacci: "M3 4h14M3 8h14M3 12h14M3 16h14M5 16 15 4",
  measure: "M3.5 3.5h13v13h-13zM10 6v8M7.5 8.5 10 6l2.5 2.5M7.5 11.5 10 14l2.5-2.5",
  hide: "M2.5 10C4.5 6.5 7 5 10 5s5.5 1.5 7.5 5c-2 3.5-4.5 5-7.5 5s-5.5-1.5-7.5-5ZM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z",
  removal: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6M8.5 9v5M11.5 9v5",
  removeOne: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6M8.5 9v5M11.5 9v5",
  fold: "M4 16l1-3.5L13.5 4 16 6.5 7.5 15 4 16ZM11.5 6 14 8.5",
}

function createIcon(path) {
  const space = "http://www.w3.org/2000/svg"
  const icon = document.createElementNS(space, "svg")
  const attributes = { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" }
  for (const [name, value] of Object.entries(attributes)) icon.setAttribute(name, value)
  icon.append(document.createElementNS(space, "path"))
  icon.firstChild.setAttribute("d", path)
  return icon
}

// --- Layer of the chart --------------------------------------------------------------------------

// A primitive of the chart's main series, over all series of the price pane, also in its picture.
class DrawingLayer {
  constructor(tools) {
    this.tools = tools
    this.views = [{ zOrder: () => "top", renderer: () => this }]
  }

  attached({ requestUpdate }) {
    this.requestUpdate = requestUpdate
  }

  detached() {
    this.requestUpdate = null
  }

  paneViews() {
    return this.views
  }

  // The prices of horizontal lines at the axis.
  priceAxisViews() {
    const { tools } = this
    return tools.list().filter(drawing => drawing.kind === "horizontal").flatMap(drawing => {
      const value = tools.toValue(drawing.points[0][1])
      const coordinate = tools.series.priceToCoordinate(value)
      if (coordinate === null || !Number.isFinite(coordinate)) return []
      return [{
        coordinate: () => coordinate,
        text: () => tools.toolkit.formatValue(tools.panel.drawing.format, value),
        textColor: () => isBright(drawing.color) ? "#000000" : "#ffffff",
        backColor: () => drawing.color,
      }]
    })
  }

  hitTest(x, y) {
    if (this.tools.tool) return null
    const hit = this.tools.findHit({ x, y })
    return hit && {
      cursorStyle: hit.handle ? "grab" : "pointer", externalId: hit.drawing.id, zOrder: "top",
    }
  }

  draw(target) {
    const { tools } = this
    const drawings = tools.list()
    if (!drawings.length) return
    target.useMediaCoordinateSpace(({ context }) => {
      for (const drawing of drawings) {
        const shape = tools.buildShape(drawing)
        if (!isDrawable(shape) || !isInView(shape)) continue
        context.save()
        Object.assign(context, {
          strokeStyle: shape.color, fillStyle: fade(shape.color, 0.14), lineWidth: shape.isSelected ? 2 : 1.5,
          font: FONT, textBaseline: "middle",
        })
        KINDS[shape.kind].draw(context, shape, tools)
        if (shape.isSelected) drawHandles(context, shape, tools)
        context.restore()
      }
    })
  }
}

function isDrawable({ places, levels = [] }) {
  return [...places.flatMap(({ x, y }) => [x, y]), ...levels.map(({ y }) => y)].every(Number.isFinite)
}

function isInView({ kind, places, levels = [], width, height }) {
  const { left, right, top, bottom } = findBounds([...places, ...levels.map(({ y }) => ({ x: places[0].x, y }))])
  const isBeside = kind !== "horizontal" && (right < 0 || left > width)
  return !isBeside && bottom >= 0 && top <= height
}

function drawHandles(context, shape, tools) {
  context.fillStyle = tools.toolkit.readTheme(tools.panel.root, "background-color") || "#ffffff"
  for (const { x, y } of listHandles(shape)) {
    context.beginPath()
    context.arc(x, y, HANDLE_RADIUS, 0, 2 * Math.PI)
    context.fill()
    context.stroke()
  }
}

const readChannels = color => [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))
const fade = (color, opacity) => `rgba(${readChannels(color).join(", ")}, ${opacity})`

function isBright(color) {
  const [red, green, blue] = readChannels(color)
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150
}

// --- Kinds ---------------------------------------------------------------------------------------

// By kind: its name, its number of points, how it is drawn, and how far a place is from it.
const KINDS = {
  trend: {
    title: "Trend line",
    points: 2,
    draw: (context, { places }) => strokeLine(context, ...places),
    measureDistance: ({ places }, place) => measureSegment(places, place),
  },
  horizontal: {
    title: "Horizontal line",
    points: 1,
    draw: (context, { places: [{ y }], width }) => strokeLine(context, { x: 0, y }, { x: width, y }),
    measureDistance: ({ places }, { y }) => Math.abs(places[0].y - y),
  },
  rectangle: {
    title: "Rectangle",
    points: 2,
    draw: (context, { places }) => {
      const { left, top, right, bottom } = findBounds(places)
      context.fillRect(left, top, right - left, bottom - top)
      context.strokeRect(left, top, right - left, bottom - top)
    },
    // Inside it only while it is selected: the chart can be scrolled under it.
    measureDistance: ({ places, isSelected }, place) => {
      const { left, top, right, bottom } = findBounds(places)
      const { x, y } = place
      if (isSelected && x >= left && x <= right && y >= top && y <= bottom) return 0
      const corners = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        .map(([cornerX, cornerY]) => ({ x: cornerX, y: cornerY }))
      return Math.min(...corners.slice(1).map((corner, n) => measureSegment([corners[n], corner], place)))
    },
  },
  fibonacci: {
    title: "Fibonacci retracement",
    points: 2,
    draw: (context, { places, levels, color }) => {
      const { left, right } = findBounds(places)
      levels.slice(1).forEach(({ y }, index) => {
        context.fillStyle = fade(color, index % 2 ? 0.05 : 0.1)
        context.fillRect(left, Math.min(y, levels[index].y), right - left, Math.abs(y - levels[index].y))
      })
      for (const { y, text } of levels) {
        strokeLine(context, { x: left, y }, { x: right, y })
        context.fillStyle = color
        context.fillText(text, left + 4, y - 8)
      }
      context.setLineDash([4, 4])
      strokeLine(context, ...places)
    },
    measureDistance: ({ places, levels }, place) => {
      const { left, right } = findBounds(places)
      const lines = levels.map(({ y }) => measureSegment([{ x: left, y }, { x: right, y }], place))
      return Math.min(measureSegment(places, place), ...lines)
    },
  },
  measure: {
    title: "Measure",
    points: 2,
    draw: (context, { places, points, width, height }, tools) => {
      const { left, top, right, bottom } = findBounds(places)
      const { rising, falling } = tools.panel.drawing.colors
      const color = points[1][1] >= points[0][1] ? rising : falling
      context.strokeStyle = color
      context.fillStyle = fade(color, 0.16)
      context.fillRect(left, top, right - left, bottom - top)
      const [center, middle] = [(left + right) / 2, (top + bottom) / 2]
      strokeLine(context, { x: center, y: places[0].y }, { x: center, y: places[1].y })
      strokeLine(context, { x: places[0].x, y: middle }, { x: places[1].x, y: middle })
      const texts = describeMeasure(points, tools)
      const box = { width: Math.max(...texts.map(text => context.measureText(text).width)) + 16, height: 38 }
      const x = clamp(center - box.width / 2, 0, width - box.width)
      const isRising = places[1].y < places[0].y
      const y = clamp(isRising ? top - box.height - 6 : bottom + 6, 0, height - box.height)
      context.fillStyle = "#1f2937"
      context.fillRect(x, y, box.width, box.height)
      context.fillStyle = "#ffffff"
      texts.forEach((text, line) => context.fillText(text, x + 8, y + 11 + line * 16))
    },
    measureDistance: () => Infinity,
  },
}

// Where a drawing can be taken. `move` returns its points after the handle was moved to a point.
function listHandles({ kind, places, width }) {
  if (kind === "measure") return []
  if (kind === "horizontal") return [{ x: width / 2, y: places[0].y, move: (_, point) => [point] }]
  const corners = kind === "rectangle" ? [[0, 0], [1, 1], [0, 1], [1, 0]] : [[0, 0], [1, 1]]
  return corners.map(([inTime, inPrice]) => ({
    x: places[inTime].x,
    y: places[inPrice].y,
    move: (points, [time, price]) => points.map((point, index) => [
      index === inTime ? time : point[0], index === inPrice ? price : point[1],
    ]),
  }))
}

// Difference of the prices, in percent too, periods, and duration.
export function describeMeasure([[start, first], [end, last]], { panel, toolkit }) {
  const { content } = panel
  const sign = value => (value > 0 ? "+" : "")
  const [change, ratio] = [last - first, last / first - 1]
  const percent = toolkit.formatValue({ kind: "percent", digits: 2 }, ratio)
  const periods = Math.round((end - start) / content.step)
  const candles = `${periods.toLocaleString("en")} ${Math.abs(periods) === 1 ? "candle" : "candles"}`
  return [
    `${sign(change)}${toolkit.formatValue(content.format, change)} (${sign(ratio)}${percent})`,
    `${candles}, ${formatDuration(end - start)}`,
  ]
}

// `3d 4h`, `2h 15m`, `-45m`.
function formatDuration(duration) {
  const minutes = Math.round(Math.abs(duration) / 60_000)
  const parts = [
    [Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "m"],
  ].filter(([count]) => count)
  const text = parts.map(([count, unit]) => `${count}${unit}`).join(" ")
  return `${duration < 0 ? "-" : ""}${text || "0m"}`
}

function findBounds(places) {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)]
  return {
    left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys),
  }
}

function strokeLine(context, start, end) {
  context.beginPath()
  context.moveTo(start.x, start.y)
  context.lineTo(end.x, end.y)
  context.stroke()
}

function measureSegment([start, end], place) {
  const [width, height] = [end.x - start.x, end.y - start.y]
  const length = width * width + height * height
  const part = length ? ((place.x - start.x) * width + (place.y - start.y) * height) / length : 0
  const near = clamp(part, 0, 1)
  return measureLength({ x: start.x + near * width, y: start.y + near * height }, place)
}

// --- Storage -------------------------------------------------------------------------------------

// Changes of an operator that Python has not answered yet, by symbol and id; null removes a drawing.
// They outlive the chart, in whose place an error may be shown.
const outbox = new Map()

// The drawings of the symbol. `stored` are in the warehouse, `local` in this browser only. Each is
// saved by itself, so that two tabs lose none. `past` has what the changes of this tab have replaced.
class DrawingStore {
  constructor(tools) {
    this.tools = tools
    this.stored = new Map()
    this.local = new Map()
    this.sent = null
    this.moved = null
    this.past = []
    this.limit = Infinity
    this.handleStorage = event => {
      if (event.key !== this.key) return
      this.local = this.readLocal()
      this.tools.redraw()
    }
    window.addEventListener("storage", this.handleStorage)
  }

  remove() {
    this.isRemoved = true
    clearTimeout(this.timer)
    window.removeEventListener("storage", this.handleStorage)
  }

  // Returns whether the symbol is another one.
  receive({ symbol, stored, can_save: canSave, exchange, limit, answer }) {
    const key = `crypto-assets.drawings ${exchange} ${symbol}`
    const isOther = this.key !== key
    if (this.canSave !== canSave) {
      // A viewer who is locked out must not undo or move what is in the warehouse.
      this.past = []
      this.moved = null
      this.tools.selectedId = null
    }
    Object.assign(this, { symbol, canSave, limit, key })
    if (stored || isOther) this.stored = toMap(stored ?? [], limit)
    if (isOther) {
      this.moved = null
      this.past = []
      this.local = this.readLocal()
    }
    if (canSave) this.dropSavedLocal()
    this.takeAnswer(answer)
    this.send()
    return isOther
  }

  list() {
    const drawings = new Map([...this.stored, ...this.local, ...(outbox.get(this.symbol) ?? [])])
    if (this.moved && drawings.get(this.moved.id)) drawings.set(this.moved.id, this.moved)
    return [...drawings.values()].filter(Boolean)
  }

  find(id) {
    return id ? this.list().find(drawing => drawing.id === id) : undefined
  }

  // Whether this viewer may change a drawing.
  isOwn({ id }) {
    return this.canSave || this.local.has(id)
  }

  // The drawings of this browser that are not being saved.
  countLocal() {
    const waiting = outbox.get(this.symbol)
    return [...this.local.keys()].filter(id => !waiting?.has(id)).length
  }

  // A drawing while it is moved, before it is saved.
  preview(drawing) {
    this.moved = drawing
  }

  savePreview() {
    const drawing = this.moved
    this.moved = null
    if (drawing) this.save(drawing)
    this.tools.redraw()
  }

  dropPreview() {
    this.moved = null
  }

  save(drawing) {
    this.change([[drawing.id, drawing]])
  }

  removeAll(ids) {
    this.change(ids.map(id => [id, null]))
  }

  change(changes) {
    this.past = [...this.past, changes.map(([id]) => [id, this.find(id) ?? null])].slice(-MAX_UNDONE)
    this.apply(changes)
  }

  // Returns whether there was a change of this tab to undo.
  undo() {
    const changes = this.past.pop()
    if (changes) this.apply(changes)
    this.tools.redraw()
    return !!changes
  }

  // `changes` are ids with their new drawings, null to remove one.
  apply(changes) {
    if (this.canSave) this.post(changes)
    const local = this.canSave
      ? changes.filter(([id, drawing]) => !drawing && this.local.has(id)) : changes
    if (!local.length) return
    this.changeLocal(drawings => {
      for (const [id, drawing] of local) {
        if (drawing) drawings.set(id, drawing)
        else drawings.delete(id)
      }
    })
  }

  // Saves the drawings of this browser in the warehouse. They stay here until they are stored.
  saveLocal() {
    this.post([...this.local])
    this.tools.redraw()
  }

  dropSavedLocal() {
    const saved = [...this.local.keys()].filter(id => this.stored.has(id))
    if (saved.length) this.changeLocal(drawings => saved.forEach(id => drawings.delete(id)))
  }

  // --- In the warehouse

  post(changes) {
    if (!outbox.has(this.symbol)) outbox.set(this.symbol, new Map())
    for (const [id, drawing] of changes) outbox.get(this.symbol).set(id, drawing)
    this.send()
  }

  // Sends the changes of one symbol, unless others wait for their answer.
  send() {
    if (this.sent || this.isRemoved) return
    const [symbol, changes] = [...outbox].find(([, waiting]) => waiting.size) ?? []
    if (!symbol) return
    const entries = [...changes].slice(0, this.limit)
    this.sent = { batch: createId(), symbol, entries }
    this.repeat()
  }

  repeat() {
    const { batch, symbol, entries } = this.sent
    this.tools.panel.component.setTriggerValue("drawings", {
      batch,
      symbol,
      saved: entries.flatMap(([, drawing]) => drawing ?? []),
      removed: entries.filter(([, drawing]) => !drawing).map(([id]) => id),
    })
    this.timer = setTimeout(() => this.repeat(), LOST_MS)
  }

  takeAnswer({ batch, problem, is_final: isFinal }) {
    if (!this.sent || this.sent.batch !== batch) return
    clearTimeout(this.timer)
    const { symbol, entries } = this.sent
    if (problem || this.sent.hasFailed) this.tools.problem = problem
    if (!isFinal) {
      this.sent.hasFailed = true
      this.sent.batch = createId()
      this.timer = setTimeout(() => this.repeat(), LOST_MS)
      return
    }
    const changes = outbox.get(symbol)
    for (const [id, drawing] of entries) if (changes.get(id) === drawing) changes.delete(id)
    this.sent = null
  }

  // --- In this browser

  readLocal() {
    const text = localStorage.getItem(this.key) ?? ""
    if (text.length > MAX_STORED_CHARACTERS) return new Map()
    try {
      return toMap(JSON.parse(text || "[]"), this.limit)
    } catch (error) {
      if (error instanceof SyntaxError) return new Map()
      throw error
    }
  }

  // Reads again first: another tab may have changed other drawings.
  changeLocal(change) {
    const drawings = this.readLocal()
    change(drawings)
    try {
      if (drawings.size) localStorage.setItem(this.key, JSON.stringify([...drawings.values()]))
      else localStorage.removeItem(this.key)
    } catch (error) {
      if (!(error instanceof DOMException)) throw error
      this.tools.problem = "This browser has no space left for drawings."
      return
    }
    this.local = drawings
  }
}

// The valid ones of a list of drawings by id, at most `limit`.
function toMap(entries, limit) {
  if (!Array.isArray(entries)) return new Map()
  const drawings = entries.slice(0, limit).map(readDrawing).filter(Boolean)
  return new Map(drawings.map(drawing => [drawing.id, drawing]))
}

// A drawing that another program or a person may have written; null if it is not valid.
function readDrawing(entry) {
  const { id, kind, color, points } = entry ?? {}
  const isValid = isText(id, ID_PATTERN) && isText(color, COLOR_PATTERN)
    && kind !== "measure" && Object.hasOwn(KINDS, kind)
    && Array.isArray(points) && points.length === KINDS[kind].points && points.every(isPoint)
  return isValid ? { id, kind, color, points: points.map(([time, price]) => [Math.floor(time), price]) } : null
}

const isText = (value, pattern) => typeof value === "string" && pattern.test(value)

function isPoint(point) {
  return Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)
    && point[0] >= 0 && point[0] <= MAX_TIME && Math.abs(point[1]) <= MAX_PRICE
}
