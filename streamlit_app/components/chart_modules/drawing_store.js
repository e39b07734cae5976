// The drawings of a symbol, in the warehouse and in this browser.

import { KINDS } from "./drawing_kinds.js"
import { readStoredText, readStoredValue, storeText } from "./storage.js"

const LOST_MS = 3_000  // Changes without an answer are sent again.
const MAX_UNDONE = 100
const MAX_STORED_CHARACTERS = 200_000  // More than the drawings of a symbol can have.
// As in market/chart_drawings.py.
const ID_PATTERN = /^[0-9a-f]{8,16}$/
const COLOR_PATTERN = /^#[0-9a-f]{6}$/
const MAX_TIME = 253_402_300_799_999
const MAX_PRICE = 1e15

// Changes of an operator that Python has not answered yet, by symbol and id; null removes a drawing.
// They outlive the chart, in whose place an error may be shown.
const outbox = new Map()

// The drawings of the symbol. `stored` are in the warehouse, `local` in this browser only. Each is
// saved by itself, so that two tabs lose none. `past` has what the changes of this tab have replaced.
export class DrawingStore {
  constructor(tools) {
    this.tools = tools
    this.stored = new Map()
    this.local = new Map()
    this.sent = null
    this.moved = null
    this.past = []
    this.limit = Infinity
    this.handleStorage = event => {
      if (event.key !== this.key && event.key !== null) return  // null: all keys were removed.
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

  // Those that this viewer may change.
  listOwn() {
    return this.list().filter(drawing => this.isOwn(drawing))
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
    if (this.find(drawing?.id)) this.save(drawing)  // Another tab may have removed it meanwhile.
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
    const length = readStoredText(this.key)?.length ?? 0
    return length > MAX_STORED_CHARACTERS ? new Map() : toMap(readStoredValue(this.key), this.limit)
  }

  // Reads again first: another tab may have changed other drawings.
  changeLocal(change) {
    const drawings = this.readLocal()
    change(drawings)
    const text = drawings.size ? JSON.stringify([...drawings.values()]) : null
    if (storeText(this.key, text)) this.local = drawings
    else this.tools.problem = "This browser has no space left for drawings."
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

export function isPoint(point) {
  return Array.isArray(point) && point.length === 2 && point.every(Number.isFinite)
    && point[0] >= 0 && point[0] <= MAX_TIME && Math.abs(point[1]) <= MAX_PRICE
}

export function createId() {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("")
}
