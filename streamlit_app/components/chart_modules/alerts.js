// Price alerts in the candle chart: the lines of those that exist, and the menu that adds one.

import { createButton, createElement, createIcon, leaveFullScreen } from "./elements.js"
import { formatValue } from "./formats.js"

const COLOR = "#7860F0"
const BELL = "M8 2a4 4 0 0 0-4 4v3l-1.5 2.5h11L12 9V6a4 4 0 0 0-4-4zM6.5 13a1.5 1.5 0 0 0 3 0"

// Draws `alerts`, each `{pane, level, text}`: `pane` is the key of an indicator, empty for prices.
export class AlertLines {
  constructor(seriesSet) {
    this.seriesSet = seriesSet
    this.lines = []
  }

  draw(alerts) {
    for (const { series, line } of this.lines) series.removePriceLine(line)
    this.lines = alerts.flatMap(({ pane, level, text }) => {
      const series = this.seriesSet.findSeries(pane)
      const price = pane ? level : this.seriesSet.chooseConversion("close", true)(level)
      if (!series || Number.isNaN(price)) return []
      const line = series.createPriceLine({
        price, color: COLOR, lineWidth: 1, lineStyle: 2, axisLabelVisible: true, title: text,
      })
      return [{ series, line }]
    })
  }
}

// A right click opens a menu that adds an alert at the price under it. On a touch screen, where a
// long press shows the crosshair, the bell adds one at its price. `crosshairTop` is where the
// crosshair is in the price pane, null if it is not.
export class AlertMenu {
  constructor(panel) {
    this.panel = panel
    this.element = createElement("div", "chart-menu")
    this.element.popover = "auto"
    this.add = createButton("add-alert", "", "", () => this.report(this.price))
    this.hint = createElement("small", "", "Unlock the app to add alerts.")
    this.element.append(this.add, this.hint)
    panel.root.append(this.element)
    this.crosshairTop = null
    this.button = createButton("alert", "", "Add an alert at the crosshair, or at the last price", () => {
      const box = this.button.getBoundingClientRect()
      const price = this.readPriceAt(this.crosshairTop) ?? panel.last?.[2]
      if (price) this.open(box.left, box.top, price)
    })
    this.button.append(createIcon(BELL, 16, { width: 15, height: 15, fill: "none", stroke: "currentColor" }))
    panel.stage.addEventListener("contextmenu", event => {
      // Some touch screens report a long press as a right click.
      const isTouch = event.pointerType === "touch"
      if (isTouch || this.openAt(event.clientX, event.clientY)) event.preventDefault()
    })
  }

  // The price at a height of the price pane, null without one that an alert can have.
  readPriceAt(top) {
    const price = top === null ? null : this.panel.seriesSet.readPriceAt(top)
    return price > 0 ? price : null
  }

  openAt(left, top) {
    const { panel } = this
    const tools = panel.drawingTools
    if (panel.isRemoved || tools?.tool || tools?.gestures.gesture) return false
    const box = panel.stage.getBoundingClientRect()
    const isPricePane = top - box.top < panel.chart.panes()[0].getHeight()
    const isOnChart = left - box.left < panel.timeScale.width() + panel.chart.priceScale("right").width()
    const price = isPricePane && isOnChart ? this.readPriceAt(top - box.top) : null
    // The pointer is on the menu, so that releasing its button does not close the menu.
    return price !== null && this.open(left - 2, top - 2, price)
  }

  open(left, top, price) {
    const { content, data } = this.panel
    const { digits = 8 } = content.format
    this.price = price.toFixed(digits)
    this.add.textContent = `Alert at ${formatValue({ kind: "fixed", digits }, price)}\u2026`
    this.add.setAttribute("aria-label", this.add.textContent)
    this.add.disabled = !data.can_write
    this.hint.hidden = data.can_write
    if (!this.element.matches(":popover-open")) this.element.showPopover()
    const { offsetWidth: width, offsetHeight: height } = this.element
    this.element.style.left = `${Math.max(0, Math.min(left, innerWidth - width - 8))}px`
    this.element.style.top = `${Math.max(0, Math.min(top, innerHeight - height - 8))}px`
    this.add.focus()
    return true
  }

  report(price) {
    this.element.hidePopover()
    leaveFullScreen()
    this.panel.component.setTriggerValue("alert", { price })
  }
}
