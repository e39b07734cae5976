// Draws a Plotly figure and updates it in place.
//
// Read top-down: entry point, drawing, theme, UTC times, zoom, value axes, readouts, picture.
// The state of a chart is kept in properties of its element, `plot`.

const REST_MS = 250  // A gesture has ended after this time without a change.
const FRAME_MS = 16
const PADDING_RATIO = 0.06  // Free space above and below the values, as a part of their range.
const PICTURE_SCALE = 2
const PICTURE_TITLE_HEIGHT = 24

export default function (component) {
  const plot = component.parentElement.querySelector(".live-chart")
  plot.setAttribute("aria-label", component.data.description)
  plot.style.height = `${component.data.height}px`
  plot.component = component
  plot.drawing = Promise.resolve(plot.drawing).then(() => drawFigure(component, plot))
  return () => window.Plotly?.purge(plot)
}

async function drawFigure(component, plot) {
  const { data } = component
  const Plotly = await loadPlotly(data.library)
  await waitForGestureEnd(plot)
  if (plot.component !== component) return  // A newer figure is waiting.
  const drawnKey = data.figure + data.scope + readThemeValue(plot, "text-color")
  if (plot.drawnKey !== drawnKey) {
    plot.drawnKey = drawnKey
    const figure = JSON.parse(data.figure)
    const isZoomable = data.config.scrollZoom
    if (isZoomable) {
      plot.times = figure.data.map(trace => decodeNumbers(trace.x))
      convertTimesToUtcText(figure, plot.times)
      restoreZoom(plot, figure.layout, data)
    }
    await Plotly.react(plot, figure.data, applyTheme(figure.layout, plot), data.config)
    if (isZoomable) {
      followZoom(Plotly, plot)
      followCrosshair(plot)
      fitValueAxes(Plotly, plot)
    }
  }
  savePicture(Plotly, plot, data.picture)
}

const loadingLibraries = new Map()

function loadPlotly(library) {
  if (!loadingLibraries.has(library)) {
    loadingLibraries.set(library, new Promise((resolve, reject) => {
      const script = document.createElement("script")
      script.src = new URL(library, document.baseURI)
      script.onload = () => resolve(window.Plotly)
      script.onerror = () => reject(new Error(`Cannot load ${script.src}`))
      document.head.append(script)
    }))
  }
  return loadingLibraries.get(library)
}

// A figure drawn during a gesture would undo it. Some gestures, such as a zoom box that is too
// small, have no end event, so a rest counts as the end.
async function waitForGestureEnd(plot) {
  const isMoving = () => plot._dragging || performance.now() - plot.movedAt < REST_MS
  while (isMoving()) await new Promise(resolve => setTimeout(resolve, FRAME_MS))
}

// --- Theme -------------------------------------------------------------------------------------

function readThemeValue(element, name) {
  return getComputedStyle(element).getPropertyValue(`--st-${name}`).trim()
}

function applyTheme(layout, plot) {
  const text = readThemeValue(plot, "text-color")
  const grid = readThemeValue(plot, "border-color-light")
  for (const axis of Object.keys(layout).filter(name => /^[xy]axis/.test(name))) {
    layout[axis] = { gridcolor: grid, linecolor: grid, tickfont: { color: text }, ...layout[axis] }
  }
  layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0, 0, 0, 0)"
  layout.font = { family: readThemeValue(plot, "font"), size: 12, color: text }
  layout.hoverlabel = {
    bgcolor: readThemeValue(plot, "secondary-background-color"),
    bordercolor: grid,
    font: { color: text },
  }
  layout.modebar = {
    bgcolor: "rgba(0, 0, 0, 0)", color: layout.xaxis.spikecolor ?? text, activecolor: text,
  }
  // On a touch screen a moving finger scrolls the page; buttons zoom.
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false
  return layout
}

// --- UTC times ---------------------------------------------------------------------------------
// Plotly shows numeric times in the browser's time zone, and text without an offset as it is.
// Times therefore go to Plotly as UTC text; `plot.times` holds them by trace, as epoch ms.

const toUtcText = ms => new Date(ms).toISOString().slice(0, -1)

// An array of doubles as plotly.py serializes it.
function decodeNumbers({ bdata }) {
  return new Float64Array(Uint8Array.from(atob(bdata), byte => byte.charCodeAt(0)).buffer)
}

function convertTimesToUtcText({ data: traces, layout }, times) {
  traces.forEach((trace, index) => { trace.x = Array.from(times[index], toUtcText) })
  for (const shape of layout.shapes ?? []) {
    if (shape.xref !== "paper") [shape.x0, shape.x1] = [toUtcText(shape.x0), toUtcText(shape.x1)]
  }
}

// The ends of the time axis as epoch ms.
function readTimeRange(plot) {
  const axis = plot._fullLayout.xaxis
  return axis.range.map(end => axis.r2l(end))
}

// --- Zoom --------------------------------------------------------------------------------------
// `plot.view` is the visible time range, null for the whole chart. `plot.scaledAxes` holds the
// value axes that the viewer has scaled. Both last until the scope changes.

function restoreZoom(plot, layout, data) {
  if (plot.scope !== data.scope) {
    plot.scope = data.scope
    plot.view = data.view
    plot.scaledAxes = {}
  }
  if (plot.view) {
    layout.xaxis = { ...layout.xaxis, range: plot.view.map(toUtcText), autorange: false }
  }
  for (const [axis, range] of Object.entries(plot.scaledAxes)) {
    if (layout[axis]) layout[axis] = { ...layout[axis], range, autorange: false }
  }
}

function followZoom(Plotly, plot) {
  plot.removeAllListeners("plotly_relayouting")
  plot.removeAllListeners("plotly_relayout")
  plot.on("plotly_relayouting", () => { plot.movedAt = performance.now() })
  plot.on("plotly_relayout", change => {
    const names = Object.keys(change)
    if (names.every(name => name in (plot.fitting ?? {}))) return  // This script's own change.
    plot.movedAt = undefined
    if (change["xaxis.autorange"]) {
      plot.view = null
      plot.scaledAxes = {}
    } else if (names.some(name => name.startsWith("xaxis.range"))) {
      plot.view = readTimeRange(plot).map(Math.round)
    } else {
      keepScaledAxes(plot, names)
      return
    }
    fitValueAxes(Plotly, plot)
    reportView(plot)
  })
}

function keepScaledAxes(plot, names) {
  for (const name of names.filter(name => /^yaxis\d*\.range/.test(name))) {
    const axis = name.split(".")[0]
    plot.scaledAxes[axis] = [...plot._fullLayout[axis].range]
  }
}

// Sends the visible range to Python after a rest.
function reportView(plot) {
  clearTimeout(plot.reportTimer)
  plot.reportTimer = setTimeout(() => {
    const [from, to] = plot.view ?? [null, null]
    plot.component.setTriggerValue("view", { scope: plot.scope, from, to })
  }, REST_MS)
}

// --- Value axes --------------------------------------------------------------------------------

// Fits each value axis to the visible values, except fixed ones and those the viewer has scaled.
async function fitValueAxes(Plotly, plot) {
  const fitted = {}
  for (const name of Object.keys(plot._fullLayout).filter(name => /^yaxis\d*$/.test(name))) {
    const axis = plot._fullLayout[name]
    if (axis.fixedrange || plot.scaledAxes[name]) continue
    const [low, high] = findVisibleExtent(plot, axis._id)
    if (low > high) continue
    const padding = (high - low || Math.abs(high) || 1) * PADDING_RATIO
    const range = [low === 0 ? 0 : low - padding, high === 0 ? 0 : high + padding]
    const hasChanged = range.some((end, i) => Math.abs(end - axis.range[i]) > padding / 100)
    if (hasChanged) fitted[`${name}.range`] = range
  }
  if (!Object.keys(fitted).length) return
  plot.fitting = fitted
  await Plotly.relayout(plot, fitted)
  plot.fitting = null
}

// The lowest and highest visible value of an axis; bars include zero.
function findVisibleExtent(plot, axis) {
  const [from, to] = readTimeRange(plot)
  let low = Infinity
  let high = -Infinity
  plot._fullData.forEach((trace, index) => {
    if (trace.yaxis !== axis || trace.visible !== true || trace.text) return
    const times = plot.times[index]
    const bottom = trace.low ?? trace.y
    const top = trace.high ?? trace.y
    if (trace.type === "bar") {
      low = Math.min(low, 0)
      high = Math.max(high, 0)
    }
    for (let i = 0; i < times.length; i++) {
      if (times[i] < from || times[i] > to || Number.isNaN(top[i])) continue
      low = Math.min(low, bottom[i])
      high = Math.max(high, top[i])
    }
  })
  return [low, high]
}

// --- Readouts ----------------------------------------------------------------------------------
// The values under the crosshair, in the top left corner of each pane; without a crosshair, those
// of the newest candle. A trace without `meta` has no entry.

function followCrosshair(plot) {
  plot.removeAllListeners("plotly_hover")
  plot.removeAllListeners("plotly_unhover")
  plot.on("plotly_hover", ({ points }) => {
    const traceOf = point => plot._fullData[point.curveNumber]
    const gap = points.find(point => traceOf(point).text)
    const point = points.find(point => traceOf(point).meta) ?? gap
    plot.hoveredTime = plot.times[point.curveNumber][point.pointNumber]
    showReadouts(plot, gap && traceOf(gap).text[gap.pointNumber])
  })
  plot.on("plotly_unhover", () => {
    plot.hoveredTime = null
    showReadouts(plot)
  })
  showReadouts(plot)
}

const hoveredTimeFormat = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "2-digit", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", timeZone: "UTC",
})

function showReadouts(plot, gapLabel) {
  const time = plot.hoveredTime ?? findNewestTime(plot)
  const traces = plot._fullData
    .map((trace, index) => ({ trace, row: plot.times[index].indexOf(time) }))
    .filter(({ trace }) => trace.meta && trace.visible === true)
  for (const readout of plot.querySelectorAll(".readout")) readout.remove()
  for (const axis of new Set(traces.map(({ trace }) => trace.yaxis))) {
    const pane = plot._fullLayout[axis.replace("y", "yaxis")]
    const readout = createElement("div", "")
    readout.className = "readout"
    readout.style.top = `${pane._offset + 2}px`
    readout.style.maxWidth = `${plot._fullLayout._size.w - 120}px`
    readout.append(...createEntries(traces.filter(({ trace }) => trace.yaxis === axis)))
    if (axis === "y" && plot.hoveredTime) {
      readout.append(createElement("span", `${hoveredTimeFormat.format(time)} UTC`))
    }
    if (axis === "y" && gapLabel) readout.append(createElement("span", gapLabel))
    plot.append(readout)
  }
}

function findNewestTime(plot) {
  let newest = -Infinity
  plot._fullData.forEach((trace, index) => {
    if (trace.type === "candlestick") newest = Math.max(newest, plot.times[index].at(-1))
  })
  return newest
}

// One entry per trace name, with the values of all traces of that name.
function createEntries(traces) {
  const groups = new Map()
  for (const { trace, row } of traces) {
    const group = groups.get(trace.name) ?? groups.set(trace.name, { parts: [] }).get(trace.name)
    if (trace.type === "candlestick") {
      if (row >= 0) group.parts.push(...createCandleParts(trace, row))
      continue
    }
    group.colour ??= trace.meta.colour
    const { label } = trace.meta
    // Rising and falling volume are two traces without a label: one of them has the value.
    if (row < 0 && trace.type === "bar" && !label) continue
    if (label) group.parts.push(createElement("i", label))
    group.parts.push(createElement("span", formatValue(trace, trace.y[row]), trace.meta.colour))
  }
  return [...groups].map(([name, { parts, colour }]) => {
    const entry = createElement("span", "")
    entry.append(createElement("b", name, colour), ...parts)
    return entry
  })
}

function createCandleParts(trace, row) {
  const direction = trace.close[row] >= trace.open[row] ? trace.increasing : trace.decreasing
  const parts = ["open", "high", "low", "close"].flatMap(name => [
    createElement("i", name[0].toUpperCase()),
    createElement("span", formatValue(trace, trace[name][row]), direction.line.color),
  ])
  return trace.meta.note ? [...parts, createElement("i", trace.meta.note)] : parts
}

function createElement(tag, text, colour) {
  const element = document.createElement(tag)
  element.textContent = text
  if (colour) element.style.color = colour
  return element
}

function formatValue(trace, value) {
  if (value === undefined || Number.isNaN(value)) return "\u2013"
  return numberFormats[trace.meta.kind](value, trace.meta.digits, trace.meta.min_digits)
}

// By `NumberFormat.kind` in number_formats.py.
const numberFormats = {
  fixed: (value, digits, minDigits = digits) =>
    value.toLocaleString("en", { minimumFractionDigits: minDigits, maximumFractionDigits: digits }),
  change: (value, digits) => `${value >= 0 ? "+" : ""}${numberFormats.percent(value, digits)}`,
  percent: (value, digits) => `${numberFormats.fixed(value * 100, digits)}%`,
  compact: value =>
    value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 }),
  significant: value => value.toLocaleString("en", { maximumSignificantDigits: 4 }),
}

// --- Picture -----------------------------------------------------------------------------------

// Downloads the visible chart with its readouts as a PNG, once for each request.
function savePicture(Plotly, plot, picture) {
  if (!picture) return
  plot.savedPictures ??= picture.requests
  if (picture.requests <= plot.savedPictures) return
  plot.savedPictures = picture.requests
  const background = readThemeValue(plot, "background-color")
  const layout = {
    ...plot.layout,
    annotations: [...plot.layout.annotations ?? [], ...annotateReadouts(plot)],
    // The picture has no web fonts; texts are measured in the font that is drawn.
    font: { ...plot.layout.font, family: "sans-serif" },
    paper_bgcolor: background,
    plot_bgcolor: background,
    title: { text: picture.name, font: { size: 14 }, x: 0.01, y: 0.995, yanchor: "top" },
    margin: { ...plot.layout.margin, t: PICTURE_TITLE_HEIGHT + 8 },
  }
  const { clientWidth: width, clientHeight: height } = plot
  Plotly.downloadImage({ data: plot.data, layout }, {
    format: "png", scale: PICTURE_SCALE, width, height: height + PICTURE_TITLE_HEIGHT,
    filename: picture.name,
  })
}

function annotateReadouts(plot) {
  const { t: top, h: height } = plot._fullLayout._size
  return [...plot.querySelectorAll(".readout")].map(readout => ({
    xref: "paper", x: 0.005, xanchor: "left", yref: "paper", yanchor: "top", showarrow: false,
    y: 1 - (parseFloat(readout.style.top) - top) / height,
    text: [...readout.children].map(joinTexts).join("   "),
    font: { size: 11 },
  }))
}

function joinTexts(entry) {
  const parts = entry.children.length ? [...entry.children] : [entry]
  return parts.map(part => part.textContent).join(" ")
}
