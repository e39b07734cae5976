// The keyboard of the candle chart, with the list of its keys. `drawing_gestures.js` has those for drawings.

import { createButton, createElement, leaveFullScreen } from "./elements.js"

const HINT_ID = "candle-chart-keys"
const PAN_SHARE = 0.1  // of the visible candles
const ZOOM_FACTOR = 1.25
const KEYS = [
  ["A to Z, 0 to 9", "Search a symbol"],
  ["Left, Right", "Move the chart; with Shift by a whole view"],
  ["+, -", "Zoom in, zoom out"],
  ["Alt + R", "Show the range again"],
  ["Alt + P", "Choose a candle to replay from, or leave the replay"],
  ["Shift + Right, Shift + Down", "In a replay: next candle, play or pause"],
  ["[, ]", "Select a drawing; Delete removes it, Escape ends the selection"],
  ["Ctrl + Z", "Undo the last change of a drawing"],
  ["?", "Show this list"],
]
const INPUTS = "input, textarea, select, [contenteditable]:not([contenteditable=false]), "
  + "[role=combobox], [role=listbox], [role=menu], [role=dialog], [data-testid=stPopoverBody]"
const OPEN_OVERLAYS = "[role=dialog], dialog[open], [data-testid=stPopoverBody], :popover-open"
// Arrow keys belong to the element that has the focus, if it has choices of its own.
const ARROW_WIDGETS = "[role=radiogroup], [role=tablist], [role=slider], [role=grid], iframe"
const SYMBOL_SEARCH = "[class~=st-key-symbol] input, [class*='st-key-symbol--'] input"

export class ChartKeyboard {
  constructor(panel) {
    this.panel = panel
    this.list = createKeyList()
    this.status = createElement("div", "for-screen-readers")
    this.status.setAttribute("role", "status")
    const hint = createElement("div", "for-screen-readers", "Press the question mark for keyboard shortcuts.")
    hint.id = HINT_ID
    panel.root.setAttribute("aria-describedby", HINT_ID)
    panel.root.append(this.list, this.status, hint)
    this.button = createButton("keys", "?", "Keyboard shortcuts", () => this.list.showModal())
    this.button.setAttribute("aria-keyshortcuts", "?")
    this.handleKey = event => this.receive(event)
    document.addEventListener("keydown", this.handleKey, { capture: true })
  }

  remove() {
    document.removeEventListener("keydown", this.handleKey, { capture: true })
  }

  receive(event) {
    const { panel } = this
    if (!panel.seriesSet || isForInput(event)) return
    const action = panel.replay.chooseAction(event) ?? this.chooseAction(event)
    if (!action) return
    event.stopPropagation()  // Streamlit has shortcuts of its own.
    // The letter itself is typed into the search, which has the focus by then.
    if (action() !== "typed") event.preventDefault()
  }

  chooseAction(event) {
    const { panel, list } = this
    const { key, altKey, shiftKey } = event
    if (altKey) return event.code === "KeyR" ? () => this.say(() => panel.resetView()) : null
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[key]
    if (direction) {
      if (event.target.closest?.(ARROW_WIDGETS)) return null
      return () => this.say(() => panel.pan(direction * (shiftKey ? 1 : PAN_SHARE)))
    }
    if (key === "+" || key === "=") return () => this.say(() => panel.zoom(1 / ZOOM_FACTOR))
    if (key === "-") return () => this.say(() => panel.zoom(ZOOM_FACTOR))
    if (key === "?") return () => list.showModal()
    return /^[\p{L}\p{N}]$/u.test(key) ? () => openSymbolSearch() : null
  }

  // Screen readers announce what the chart shows after a key.
  say(change) {
    change()
    this.announce(this.panel.describeView())
  }

  announce(text) {
    this.status.textContent = text
  }
}

function isForInput(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey) return true
  return !!event.target.closest?.(INPUTS) || !!document.querySelector(OPEN_OVERLAYS)
}

function openSymbolSearch() {
  const search = document.querySelector(SYMBOL_SEARCH)
  if (document.fullscreenElement) leaveFullScreen().then(() => search?.focus())
  else search?.focus()
  return search ? "typed" : undefined
}

function createKeyList() {
  const list = createElement("dialog", "keys-list")
  list.setAttribute("aria-label", "Keyboard shortcuts")
  const table = createElement("table", "")
  for (const [keys, meaning] of KEYS) {
    const row = createElement("tr", "")
    row.append(createElement("th", "", keys), createElement("td", "", meaning))
    table.append(row)
  }
  const close = createButton("close", "Close", "Close", () => list.close())
  list.append(createElement("h2", "", "Keyboard shortcuts"), table, close)
  return list
}
