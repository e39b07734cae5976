// The menu of the chart's settings, which this browser keeps.

import { createButton, createElement, createIcon } from "./elements.js"

const GEAR = "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5ZM8 1.5v2M8 12.5v2M1.5 8h2M12.5 8h2M3.4 3.4l1.4 1.4"
  + "M11.2 11.2l1.4 1.4M3.4 12.6l1.4-1.4M11.2 4.8l1.4-1.4"

export class SettingsMenu {
  constructor(panel) {
    this.panel = panel
    this.element = createElement("div", "chart-menu settings-menu")
    this.element.popover = "auto"
    this.countdown = createElement("input", "")
    this.countdown.type = "checkbox"
    this.countdown.addEventListener("change", () => panel.countdown.setHidden(!this.countdown.checked))
    const label = createElement("label", "")
    label.append(this.countdown, "Countdown to the close of the candle")
    this.element.append(label)
    panel.root.append(this.element)
    this.button = createButton("settings", "", "Settings of the chart", () => this.open())
    this.button.append(createIcon(GEAR, 16, { width: 16, height: 16, fill: "none", stroke: "currentColor" }))
  }

  open() {
    const { element, button } = this
    this.countdown.checked = !this.panel.countdown.isHidden
    element.showPopover()
    const box = button.getBoundingClientRect()
    element.style.left = `${Math.max(8, Math.min(box.left, innerWidth - element.offsetWidth - 8))}px`
    element.style.top = `${box.top - element.offsetHeight - 6}px`
    this.countdown.focus()
  }
}
