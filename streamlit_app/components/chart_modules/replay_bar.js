// What the bar replay shows: its buttons between chart and controls, and the line of the candle that
// the viewer is about to choose.

import { createButton, createElement, createIcon, setPressed } from "./elements.js"

const SPEEDS = [0.5, 1, 2, 5, 10]  // candles per second
const HINT = "Choose the last candle to show: click it, or move with the arrow keys and press Enter."

export class ReplayBar {
  constructor(replay) {
    this.replay = replay
    const { panel } = replay
    this.button = create("replay", "Bar replay", () => replay.toggle())
    this.button.setAttribute("aria-keyshortcuts", "Alt+P")
    this.play = create("play", "Play", () => replay.togglePlay())
    this.stepOn = create("step", "Next candle", () => replay.stepOnce())
    this.jump = createButton("jump", "Jump to", "Jump to a date", () => replay.openJump(this.jump))
    this.speed = createElement("select", "speed")
    this.speed.title = "Candles per second"
    this.speed.setAttribute("aria-label", "Candles per second")
    this.speed.append(...SPEEDS.map(speed => new Option(`${speed}/s`, speed, speed === 1, speed === 1)))
    this.speed.addEventListener("change", () => { replay.speed = Number(this.speed.value) })
    this.text = createElement("span", "text")
    this.end = createButton("end", "", "", () => replay.toggle())
    this.element = createElement("div", "replay-bar")
    this.element.setAttribute("role", "toolbar")
    this.element.setAttribute("aria-label", "Bar replay")
    this.element.append(this.text, this.jump, this.play, this.stepOn, this.speed, this.end)
    this.future = createElement("div", "replay-future")
    this.element.hidden = this.future.hidden = true
    panel.stage.append(this.future)
    panel.stage.after(this.element)
  }

  get hint() {
    return HINT
  }

  update() {
    const { replay } = this
    const { isOn, isPicking, isPlaying } = replay
    this.element.hidden = !isOn && !isPicking
    this.text.textContent = isOn ? replay.describe() : HINT
    for (const part of [this.jump, this.play, this.stepOn, this.speed]) part.hidden = !isOn
    rename(this.end, isOn ? "Leave replay" : "Cancel")
    this.end.textContent = isOn ? "Leave" : "Cancel"
    setPressed(this.button, isOn || isPicking)
    this.play.replaceChildren(createIcon(isPlaying ? ICONS.pause : ICONS.play, 16))
    rename(this.play, isPlaying ? "Pause" : "Play")
    this.placeFuture()
  }

  // Covers what will be hidden, to the right of the candle that is picked.
  placeFuture() {
    const { panel, isPicking, picked } = this.replay
    this.future.hidden = !isPicking
    if (!isPicking) return
    const edge = panel.toCoordinate(panel.grid.toLogical(picked) + 0.5)
    const width = panel.timeScale.width()
    const left = Math.min(width, Math.max(0, edge))
    this.future.style.left = `${left}px`
    this.future.style.width = `${width - left}px`
  }
}

function create(name, title, onClick) {
  const button = createButton(name, "", title, onClick)
  button.append(createIcon(ICONS[name], 16))
  return button
}

function rename(button, title) {
  button.title = title
  button.setAttribute("aria-label", title)
}

// Paths in a square of 16, which are filled.
const ICONS = {
  replay: "M7.5 3v10L1.5 8zM14.5 3v10L8.5 8z",
  play: "M4 2.5v11L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  step: "M3 3v10l7-5zM11 3h2v10h-2z",
}
