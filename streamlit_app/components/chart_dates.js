// The button "Go to date": a date with hour and minute, in the time zone of the chart.

import { createButton, createElement, readTheme } from "./candle_chart.js"

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
      panel.showTime(panel.zone.toTime(Date.parse(`${this.input.value}Z`)))
    })
    panel.root.append(this.form)
    this.button = createButton("go", "Go to", "Go to a date", () => this.open())
  }

  open() {
    const { panel, form, input, button } = this
    const toText = time => panel.zone.toClock(time).toISOString().slice(0, 16)
    const [first, last] = panel.content.stored
    Object.assign(input, { min: toText(first), max: toText(last) })
    const [from, to] = panel.readVisibleTimes() ?? panel.content.stored
    const middle = Math.min(last, Math.max(first, (from + to) / 2))
    input.value = toText(Math.floor(middle / panel.content.step) * panel.content.step)
    this.zone.textContent = panel.zone.label
    input.style.colorScheme = isDark(readTheme(panel.root, "background-color")) ? "dark" : "light"
    form.showPopover()
    const box = button.getBoundingClientRect()
    form.style.left = `${Math.max(8, Math.min(box.left, innerWidth - form.offsetWidth - 8))}px`
    form.style.top = `${box.top - form.offsetHeight - 6}px`
    input.focus()
  }
}

// Whether a `#rrggbb` color is nearer to black than to white.
function isDark(color) {
  const channels = [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))
  return channels.reduce((sum, channel) => sum + channel) < 384
}
