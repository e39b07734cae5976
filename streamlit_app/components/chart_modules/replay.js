// Bar replay: the chart as it was at a moment of the past, which moves on candle by candle. It is a
// state of this tab alone.

import { cutCandles, FORMING } from "./candles.js"
import { ReplayBar } from "./replay_bar.js"
import { formatTime } from "./zones.js"

const NEWEST_PLACE = 0.85  // Of the width of a view, where its last candle is.
const REPORT_MS = 800  // After the last step.
const WAIT_MS = 200  // Until it looks again for candles that are being loaded.

// `moment` is the time that has come, in epoch ms: candles that close later are hidden. It is null
// outside of a replay. `picked` is the open time of the candle that the viewer is about to choose.
export class BarReplay {
  constructor(panel) {
    this.panel = panel
    this.moment = null
    this.picked = null
    this.speed = 1
    this.bar = new ReplayBar(this)
  }

  remove() {
    clearTimeout(this.playTimer)
    clearTimeout(this.reportTimer)
  }

  get isOn() {
    return this.moment !== null
  }

  get isPicking() {
    return this.picked !== null
  }

  get isPlaying() {
    return this.playTimer !== undefined
  }

  // Continues a replay of this tab whose chart was removed, as by a visit of another page.
  restore(moment) {
    if (this.isRestored) return
    this.isRestored = true
    this.moment = moment ?? null
    this.bar.update()
  }

  // What may be seen of the candles that are loaded.
  cut(received) {
    if (!this.isOn) return received
    if (this.cutOf !== received || this.cutAt !== this.moment) {
      this.cutOf = received
      this.cutAt = this.moment
      this.shown = cutCandles(received, this.moment, this.panel.content.step)
    }
    return this.shown
  }

  describe() {
    const { zone } = this.panel
    return this.isOn ? `Replay until ${formatTime(zone, this.moment)} ${zone.label}` : ""
  }

  // As `format_replay_suffix` of replay.py.
  get fileSuffix() {
    if (!this.isOn) return ""
    return `-replay-until-${new Date(this.moment).toISOString().slice(0, 16).replace(/[-:]/g, "")}`
  }

  // --- The first candle

  toggle() {
    if (this.isOn) this.leave()
    else if (this.isPicking) this.cancelPick()
    else this.beginPick()
  }

  beginPick() {
    const { panel } = this
    if (!panel.grid?.times.length) return
    panel.drawingTools?.chooseTool(null)
    const { from, to } = panel.timeScale.getVisibleLogicalRange() ?? panel.grid.wholeRange
    this.pick((from + to) / 2)
    this.announce(this.bar.hint)
  }

  // Marks the candle at a position, or the nearest one before it.
  pick(logical) {
    const { grid, loaded } = this.panel
    this.picked = loaded.times[Math.max(0, grid.findRow(Math.round(logical)))]
    this.bar.update()
  }

  movePick(direction) {
    const { grid, timeScale } = this.panel
    const { from, to } = timeScale.getVisibleLogicalRange() ?? grid.wholeRange
    const wanted = grid.toLogical(this.picked) + direction
    this.pick(Math.min(Math.floor(to), Math.max(Math.ceil(from), wanted)))
    this.announce(formatTime(this.panel.zone, this.picked, this.panel.content.step))
  }

  cancelPick() {
    this.picked = null
    this.bar.update()
  }

  // Begins after the candle that is picked, which is the last one to be seen.
  start() {
    const moment = this.picked + this.panel.content.step
    this.picked = null
    this.jumpTo(moment)
  }

  // --- Its course

  jumpTo(time) {
    const { panel } = this
    const { stored, step } = panel.content
    const [from, to] = panel.readVisibleTimes() ?? panel.data.home
    this.moment = Math.min(stored[1], Math.max(stored[0] + step, time))
    panel.loaded = this.cut(panel.received)
    this.showNewest(to - from)
    panel.draw()
    this.reportNow()
    this.announce(this.describe())
  }

  // Shows the last candle at its place in a view of a width in ms.
  showNewest(width) {
    const start = this.moment - width * NEWEST_PLACE
    this.panel.view = [start, start + width].map(Math.round)
  }

  // Shows one candle more. Returns whether there was one.
  step() {
    const next = this.findNext()
    if (next === null) return false
    const { panel } = this
    const visible = panel.isNewestVisible() ? panel.readVisibleTimes() : null
    const last = panel.loaded.times.at(-1) ?? next
    this.moment = next + panel.content.step
    panel.loaded = this.cut(panel.received)
    if (visible) panel.view = visible.map(time => time + next - last)
    panel.draw()
    this.bar.update()
    this.reportSoon()
    return true
  }

  stepOnce() {
    this.pause()
    const isMoved = this.step()
    this.announce(isMoved ? this.describe() : this.describeEnd())
  }

  // The open time of the next candle, null if it is not loaded, or has not closed yet.
  findNext() {
    const { received, loaded } = this.panel
    if (!received || this.moment < received.window[0]) return null
    const row = loaded.times.length
    const isClosed = row < received.times.length && received.columns.state[row] !== FORMING
    return isClosed ? received.times[row] : null
  }

  // The view, if the candles at the moment are not loaded, as after a report that was lost.
  findMissingView() {
    const { received, view, content } = this.panel
    if (!this.isOn || !view || !received) return null
    const [first, last] = content.stored
    const moment = Math.min(this.moment, last)
    if (moment <= first || (moment > received.window[0] && moment <= received.window[1])) return null
    const [from, to] = [Math.max(first, view[0]), Math.min(last, view[1])]
    return from < to ? [from, to] : null
  }

  get isAtEnd() {
    const { received, content } = this.panel
    return this.findNext() === null && received.window[1] >= content.stored[1]
  }

  describeEnd() {
    return this.isAtEnd ? "The replay has reached the newest candle" : "The next candle is being loaded"
  }

  togglePlay() {
    if (this.isPlaying) {
      this.pause()
      this.announce(this.describe())
    } else {
      this.playTimer = setTimeout(() => this.playOn(), 0)
    }
    this.bar.update()
  }

  playOn() {
    const isMoved = this.step()
    if (!isMoved && this.isAtEnd) {
      this.pause()
      this.announce(this.describeEnd())
      return
    }
    if (!isMoved) this.panel.loadMissingCandles()
    this.playTimer = setTimeout(() => this.playOn(), isMoved ? 1_000 / this.speed : WAIT_MS)
  }

  pause() {
    if (!this.isPlaying) return
    clearTimeout(this.playTimer)
    this.playTimer = undefined
    this.bar.update()
    this.reportSoon()
  }

  leave() {
    const { panel } = this
    this.pause()
    clearTimeout(this.reportTimer)
    this.moment = null
    panel.loaded = panel.received
    panel.view = null
    panel.draw()
    this.reportNow()
    this.announce("Replay ended")
  }

  // Python hides the same candles in downloads.
  reportNow() {
    this.bar.update()
    this.panel.countdown.update()
    this.panel.controls.update()
    this.panel.report()
  }

  reportSoon() {
    clearTimeout(this.reportTimer)
    if (this.isPlaying) return
    this.reportTimer = setTimeout(() => this.panel.report(), REPORT_MS)
  }

  announce(text) {
    this.panel.keyboard.announce(text)
  }

  openJump(button) {
    this.panel.datePicker.open(button, this.moment, time => this.jumpTo(time))
  }

  // What a key does in a replay, null if nothing.
  chooseAction({ key, code, altKey, shiftKey, target }) {
    if (altKey) return code === "KeyP" ? () => this.toggle() : null
    if (this.isPicking) {
      const isOnButton = target.closest?.("button, a") && !target.closest(".replay")
      const direction = { ArrowLeft: -1, ArrowRight: 1 }[key]
      if (direction && !shiftKey) return () => this.movePick(direction)
      if (key === "Enter" && !isOnButton) return () => this.start()
      return key === "Escape" ? () => this.cancelPick() : null
    }
    if (!this.isOn || !shiftKey) return null
    return { ArrowRight: () => this.stepOnce(), ArrowDown: () => this.togglePlay() }[key] ?? null
  }
}
