// The time until the forming candle closes, below the last price at the axis. It goes by the clock of
// the exchange, and is hidden while the candles are not live.

import { createElement } from "./elements.js"
import { readStoredText, storeText } from "./storage.js"

const HIDDEN_KEY = "crypto-assets.countdown-hidden"
const CLOCK = ".exchange-clock"
const MAX_CLOCK_AGE_MS = 60_000  // Without a newer message, the server may be gone.
const TIE_PIXELS = 0.5  // The library moves the lower one of two labels that overlap down.
const [FIGURE_SPACE, PUNCTUATION_SPACE] = ["\u2007", "\u2008"]
const [HOUR_S, DAY_S] = [3_600, 86_400]

// A primitive of the main series, whose label the library paints, and a timer for screen readers,
// which announce it only if asked.
export class CloseCountdown {
  constructor(panel) {
    this.panel = panel
    this.text = ""
    this.isHidden = readStoredText(HIDDEN_KEY) === "true"
    this.timer = createElement("div", "for-screen-readers countdown")
    this.timer.setAttribute("role", "timer")
    panel.root.append(this.timer)
    this.views = [{
      coordinate: () => this.findCoordinate() ?? 0,
      text: () => this.text + this.findPadding(),
      textColor: () => "#FFFFFF",
      backColor: () => this.panel.seriesSet.lastPrice?.options().color ?? "#808A98",
      visible: () => this.text !== "" && this.findCoordinate() !== null,
    }]
    this.tick()
  }

  remove() {
    clearTimeout(this.nextTick)
    this.isRemoved = true
  }

  attached({ requestUpdate }) {
    this.requestUpdate = requestUpdate
  }

  detached() {
    this.requestUpdate = null
  }

  priceAxisViews() {
    return this.views
  }

  // Draws on the chart's main series, which is another one after many changes of the chart.
  attach() {
    const { main } = this.panel.seriesSet
    if (this.series === main) return
    this.series = main
    main.attachPrimitive(this)
  }

  setHidden(isHidden) {
    this.isHidden = isHidden
    storeText(HIDDEN_KEY, isHidden ? "true" : null)
    this.update()
  }

  // At each whole second of the exchange.
  tick() {
    if (this.isRemoved) return
    this.update()
    const now = this.readClock()?.now ?? 0
    this.nextTick = setTimeout(() => this.tick(), 1_000 - (now % 1_000))
  }

  update() {
    const remaining = this.findRemaining()
    const text = remaining === null ? "" : formatCountdown(remaining)
    if (text === this.text) return
    this.text = text
    this.timer.textContent = text && `Candle closes in ${text}`
    this.requestUpdate?.()
  }

  // Seconds, null if there is nothing to count down to.
  findRemaining() {
    const { content, replay } = this.panel
    const clock = this.readClock()
    if (this.isHidden || replay.isOn || !content?.last || !clock) return null
    if (!clock.isLive || clock.symbol !== content.symbol) return null
    const passed = (clock.now - content.last[0]) % content.step
    return Math.ceil((content.step - Math.max(0, passed)) / 1_000)
  }

  readClock() {
    const clock = document.querySelector(CLOCK)?.clock
    const age = performance.now() - (clock?.receivedAt ?? -Infinity)
    return age < MAX_CLOCK_AGE_MS ? { ...clock, now: performance.now() + clock.lead } : null
  }

  // Blanks of the digits' width, so that the label covers as much of the axis as that of the price.
  findPadding() {
    const { isPercent, lastPrice, main } = this.panel.seriesSet
    if (isPercent || !lastPrice) return ""
    const price = main.priceFormatter().format(lastPrice.options().price)
    return price.slice(this.text.length).replace(/\d/g, FIGURE_SPACE).replace(/[.,]/g, PUNCTUATION_SPACE)
  }

  findCoordinate() {
    const { lastPrice, main } = this.panel.seriesSet
    const coordinate = lastPrice && main.priceToCoordinate(lastPrice.options().price)
    if (coordinate === null || !Number.isFinite(coordinate)) return null
    const isInPane = coordinate >= 0 && coordinate <= this.panel.chart.panes()[0].getHeight()
    return isInPane ? coordinate + TIE_PIXELS : null
  }
}

// `04:59`, `23:59:59`, `6d 23h`.
export function formatCountdown(seconds) {
  const pad = number => String(number).padStart(2, "0")
  if (seconds >= DAY_S) return `${Math.floor(seconds / DAY_S)}d ${pad(Math.floor(seconds % DAY_S / HOUR_S))}h`
  const parts = [Math.floor(seconds % HOUR_S / 60), seconds % 60]
  return (seconds >= HOUR_S ? [Math.floor(seconds / HOUR_S), ...parts] : parts).map(pad).join(":")
}
