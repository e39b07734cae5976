// The button "Go to date": a date with hour and minute, in the time zone of the chart.

import { createButton, createElement, isBright, readTheme } from "./elements.js"

export class DatePicker {
  constructor(panel) {
    this.panel = panel
    this.form = createElement("form", "chart-menu go-to")
    this.form.popover = "auto"
    this.input = createElement("input", "")
    this.input.type = "datetime-local"
    this.input.required = true
    this.input.setAttribute("aria-label", "Date and time")
    this.zone = createElement("small", "")
    const go = createElement("button", "", "Go")
    go.type = "submit"
    this.form.append(this.input, go, this.zone)
    this.form.addEventListener("submit", event => {
      event.preventDefault()
      this.form.hidePopover()
      this.choose(panel.zone.toTime(Date.parse(`${this.input.value}Z`)))
    })
    panel.root.append(this.form)
    this.button = createButton("go", "Go to", "Go to a date", () => this.openAtView())
  }

  openAtView() {
    const { panel } = this
    const [from, to] = panel.readVisibleTimes() ?? panel.content.stored
    const middle = Math.floor((from + to) / 2 / panel.content.step) * panel.content.step
    this.open(this.button, middle, time => panel.showTime(time))
  }

  // Opens above a button with a time, and calls `choose` with the viewer's.
  open(button, time, choose) {
    const { panel, form, input } = this
    this.choose = choose
    const toText = time => panel.zone.toClock(time).toISOString().slice(0, 16)
    const [first, last] = panel.content.stored
    Object.assign(input, { min: toText(first), max: toText(last) })
    input.value = toText(Math.min(last, Math.max(first, time)))
    this.zone.textContent = panel.zone.label
    input.style.colorScheme = isBright(readTheme(panel.root, "background-color")) ? "light" : "dark"
    form.showPopover()
    const box = button.getBoundingClientRect()
    form.style.left = `${Math.max(8, Math.min(box.left, innerWidth - form.offsetWidth - 8))}px`
    form.style.top = `${box.top - form.offsetHeight - 6}px`
    input.focus()
  }
}
