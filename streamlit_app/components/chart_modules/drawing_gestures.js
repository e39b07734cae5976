// What the pointer and the keyboard do with drawings.

import { clamp, measureLength } from "./drawing_kinds.js"
import { isPoint } from "./drawing_store.js"

const CLICK_PIXELS = 6  // A pointer that moves less has clicked.
const LONG_PRESS_MS = 500  // A finger that rests longer reads values at the crosshair.
export const REACH = { mouse: 6, touch: 14 }  // How near in pixels a drawing is hit.
const CONTROLS = "button, a, input, .actions, .drawing-bar, .drawing-note"

// What a drawing uses does not reach the library, which would scroll; the crosshair still follows the
// mouse. `gesture` is what the pressed pointer does, `tap` a finger that may select a drawing: it
// moves only the one that is selected, so that the chart can be scrolled over the others.
export class DrawingGestures {
  constructor(tools) {
    this.tools = tools
    this.gesture = null
    this.tap = null
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
    const isTaken = tools.panel.replay.isPicking || event.target.closest(CONTROLS)
    if (event.button || !event.isPrimary || isTaken) return
    const from = this.locate(event)
    if (!from) return
    if (tools.tool) {
      if (tools.draft) tools.moveDraft(from)
      else tools.begin(from)
      const isLast = tools.draft.points.length === 1 || tools.isHalfDone
      this.gesture = { pointer: event.pointerId, from, isLast }
    } else {
      const hit = tools.findHit(from, REACH[event.pointerType] ?? REACH.mouse)
      const id = hit?.drawing.id ?? null
      if (event.pointerType === "touch" && (!hit || id !== tools.selectedId)) {
        this.tap = { pointer: event.pointerId, from, id, start: event.timeStamp }
        return
      }
      tools.select(id)
      if (!hit) return
      this.gesture = { pointer: event.pointerId, from, ...hit, time: tools.toTime(from.x) }
    }
    this.isClickTaken = true
    tools.redraw()
  }

  takeTouch(event) {
    if (event.touches.length > 1) {
      this.tap = null
      // Two fingers zoom, also if one of them is on a drawing.
      if (this.gesture?.drawing) this.cancel()
    }
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
      : tools.movePoints(drawing.points, tools.countPeriods(gesture.time, place.x), place.y - from.y)
    if (points.every(isPoint)) tools.store.preview({ ...drawing, points })
  }

  release(event) {
    const { tools, gesture, tap } = this
    this.tap = null
    if (tap?.pointer === event.pointerId) this.finishTap(tap, event)
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

  finishTap({ from, id, start }, event) {
    const place = this.locate(event)
    const isTap = place && measureLength(place, from) < CLICK_PIXELS && event.timeStamp - start < LONG_PRESS_MS
    if (isTap) this.tools.select(id)
  }

  // The system has taken the pointer, such as for a gesture of its own.
  lose(event) {
    this.tap = null
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
    const act = isControl ? { z: () => tools.store.undo() }[event.key] : {
      Escape: () => tools.cancel(),
      Delete: () => tools.removeSelected(),
      Backspace: () => tools.removeSelected(),
      "[": () => tools.selectNext(-1),
      "]": () => tools.selectNext(1),
    }[event.key]
    if (!act?.()) return
    event.preventDefault()
    event.stopImmediatePropagation()
  }
}
