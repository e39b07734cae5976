// The row below the time axis: newest candle, time zone, scales, and full screen.

import { createButton, createElement, leaveFullScreen, setPressed } from "./elements.js"
import { readStoredText, storeText } from "./storage.js"
import { createZoneOptions, resolveZone } from "./zones.js"

const ZONE_KEY = "crypto-assets.time-zone"
const SCALES = { log: "Logarithmic price scale", percent: "Change in percent" }

export class Controls {
  constructor(panel) {
    this.panel = panel
    this.element = createElement("div", "controls")
    this.newest = createButton("newest", "\u00BB", "Go to the newest candle", () => panel.resetView())
    this.zone = createElement("select", "zone")
    this.zone.setAttribute("aria-label", "Time zone")
    this.zone.title = "Time zone"
    this.zone.addEventListener("change", () => this.handleZoneChoice())
    this.scales = Object.entries(SCALES).map(([scale, title]) => [
      scale, createButton(scale, { log: "log", percent: "%" }[scale], title, () => panel.chooseScale(scale)),
    ])
    this.auto = createButton("auto", "auto", "Fit the prices in view", () => {
      panel.seriesSet.fitScales(!panel.seriesSet.isAutoScaled)
      this.update()
    })
    this.markers = createButton("markers", "\u2691", "Gaps, outages and revisions", () => {
      panel.toggleMarkers()
    })
    this.full = createButton("full", "\u2922", "Full screen", () => toggleFullScreen(panel.root))
    this.full.hidden = !document.fullscreenEnabled  // As on an iPhone.
    this.element.append(
      this.newest, panel.datePicker.button, this.zone, ...this.scales.map(([, button]) => button),
      this.auto, this.markers, panel.alertMenu.button, panel.replay.bar.button, panel.settingsMenu.button,
      panel.keyboard.button, this.full,
    )
  }

  // The zone of the address, else the one that this browser chose last, else its own.
  chooseZone(requested) {
    const stored = readStoredText(ZONE_KEY)
    const choice = this.chosenZone ?? (requested || stored || "local")
    const zone = resolveZone(choice) ?? resolveZone("local")
    this.zoneChoice = resolveZone(choice) ? choice : "local"
    if (!requested && this.zoneChoice !== "local" && !this.isZoneReported) {
      this.isZoneReported = true
      this.panel.component.setTriggerValue("zone", this.zoneChoice)
    }
    if ((requested || "local") === this.chosenZone) this.chosenZone = undefined
    return this.panel.zone?.name === zone.name ? this.panel.zone : zone
  }

  handleZoneChoice() {
    this.chosenZone = this.zone.value
    storeText(ZONE_KEY, this.chosenZone)
    this.panel.zone = this.chooseZone(this.panel.data.zone)
    this.panel.draw()
    this.update()
    this.isZoneReported = true
    this.panel.component.setTriggerValue("zone", this.chosenZone ?? this.zoneChoice)
  }

  update() {
    const { panel } = this
    if (!this.zone.options.length) this.zone.append(...createZoneOptions())
    if (![...this.zone.options].some(option => option.value === this.zoneChoice)) {
      this.zone.append(new Option(this.zoneChoice, this.zoneChoice))
    }
    this.zone.value = this.zoneChoice
    for (const [scale, button] of this.scales) setPressed(button, panel.scale === scale)
    setPressed(this.auto, panel.seriesSet.isAutoScaled)
    setPressed(this.markers, panel.areMarkersShown)
  }
}

function toggleFullScreen(root) {
  if (document.fullscreenElement) leaveFullScreen()
  else root.requestFullscreen()
}
