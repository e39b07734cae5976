// TradingView's Lightweight Charts: loads its script, and creates a chart of it.

import { readTheme } from "./elements.js"
import { buildZonedTimeScale, formatTick, formatTime } from "./zones.js"

const RETRY_MS = 2_000  // After the library could not be loaded.
const CLEAR = "rgba(0, 0, 0, 0)"

const loadingLibraries = new Map()

// Without a network, it waits for one.
export function loadLibrary(name) {
  if (!loadingLibraries.has(name)) {
    loadingLibraries.set(name, new Promise(resolve => {
      const load = () => {
        const script = document.createElement("script")
        script.src = new URL(name, document.baseURI)
        script.onload = () => resolve(window.LightweightCharts)
        script.onerror = () => setTimeout(load, RETRY_MS)
        document.head.append(script)
      }
      load()
    }))
  }
  return loadingLibraries.get(name)
}

export function createChart(panel) {
  const { library, root, stage } = panel
  const text = readTheme(root, "text-color")
  const grid = readTheme(root, "border-color-light") || readTheme(root, "border-color")
  const label = readTheme(root, "secondary-background-color")
  const line = { color: "rgba(128, 138, 152, 0.9)", labelBackgroundColor: "#4A5568", style: 3 }
  const chart = library.createChartEx(stage, new (buildZonedTimeScale(panel))(), {
    autoSize: true,
    layout: {
      background: { type: "solid", color: CLEAR },
      textColor: text, fontSize: 12, fontFamily: readTheme(root, "font") || "sans-serif",
      panes: { separatorColor: grid, separatorHoverColor: label, enableResize: true },
      attributionLogo: true,
    },
    grid: { vertLines: { color: grid }, horzLines: { color: grid } },
    crosshair: { mode: library.CrosshairMode.Normal, vertLine: line, horzLine: line },
    rightPriceScale: { borderColor: grid, minimumWidth: 64 },
    timeScale: {
      borderColor: grid, timeVisible: true, secondsVisible: false,
      minBarSpacing: 0.03, enableConflation: true, shiftVisibleRangeOnNewBar: false,
      lockVisibleTimeRangeOnResize: true,
      tickMarkFormatter: (time, kind) => formatTick(panel.zone, time * 1000, kind),
    },
    localization: {
      timeFormatter: time => formatTime(panel.zone, time * 1000, panel.content.step),
    },
    handleScale: { axisDoubleClickReset: { time: false, price: true } },
    handleScroll: { vertTouchDrag: false },  // A finger that moves up or down scrolls the page.
  })
  chart.timeScale().subscribeVisibleLogicalRangeChange(() => panel.handleRangeChange())
  chart.timeScale().subscribeSizeChange(() => panel.restoreRange())
  const showNote = ({ point, paneIndex }) => panel.markers.showNoteAt(paneIndex ? null : point ?? null)
  chart.subscribeClick(event => {
    if (!panel.replay.isPicking) showNote(event)
    else if (event.logical !== undefined) {
      panel.replay.pick(event.logical)
      panel.replay.start()
    }
  })
  chart.subscribeCrosshairMove(event => {
    const { logical, point, paneIndex } = event
    showNote(event)
    if (point && panel.replay.isPicking) panel.replay.pick(logical)
    panel.alertMenu.crosshairTop = point && !paneIndex ? point.y : null
    // On an entry of the legend the values stay: others could move the entry away from the pointer.
    if (point || !stage.querySelector(".readout :hover")) panel.showReadouts(point ? logical : null)
  })
  chart.subscribeDblClick(() => panel.resetView())
  return chart
}
