// What the crosshair points at, written into the top left corner of each pane.

const number = {
  fixed: (value, digits, least = digits) =>
    value.toLocaleString("en", { minimumFractionDigits: least, maximumFractionDigits: digits }),
  change: (value, digits) => `${value >= 0 ? "+" : ""}${number.percent(value, digits)}`,
  percent: (value, digits) => `${number.fixed(value * 100, digits)}%`,
  compact: value =>
    value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 }),
  significant: value => value.toLocaleString("en", { maximumSignificantDigits: 4 }),
}

const day = new Intl.DateTimeFormat("en-GB", {
  weekday: "short", day: "2-digit", month: "short", year: "numeric",
  hour: "2-digit", minute: "2-digit", timeZone: "UTC",
})

const element = (tag, text, colour) => {
  const made = document.createElement(tag)
  made.textContent = text
  if (colour) made.style.color = colour
  return made
}

function written(trace, value) {
  return value === undefined || Number.isNaN(value)
    ? "\u2013" : number[trace.meta.kind](value, trace.meta.digits, trace.meta.least)
}

function candle(trace, at) {
  const rises = trace.close[at] >= trace.open[at]
  const colour = (rises ? trace.increasing : trace.decreasing).line.color
  const values = ["open", "high", "low", "close"].flatMap(name => [
    element("i", name[0].toUpperCase()), element("span", written(trace, trace[name][at]), colour),
  ])
  return trace.meta.note ? [...values, element("i", trace.meta.note)] : values
}

// Traces of one pane that share a name stand behind it, each value in its line's colour.
function entries(traces, time) {
  const groups = new Map()
  for (const trace of traces) {
    const at = trace.x.indexOf(time)
    const group = groups.get(trace.name) ?? groups.set(trace.name, { parts: [] }).get(trace.name)
    group.colour ??= trace.type === "candlestick" ? undefined : trace.meta.colour
    if (trace.type === "candlestick") {
      if (at >= 0) group.parts.push(...candle(trace, at))
    } else if (at >= 0 || trace.type !== "bar" || trace.meta.label) {
      if (trace.meta.label) group.parts.push(element("i", trace.meta.label))
      group.parts.push(element("span", written(trace, trace.y[at]), trace.meta.colour))
    }
  }
  return [...groups].map(([name, { parts, colour }]) => {
    const entry = element("span", "")
    entry.append(element("b", name, colour), ...parts)
    return entry
  })
}

function readOut(plot, time, hole) {
  const traces = plot._fullData.filter(trace => trace.meta && trace.visible === true)
  for (const old of plot.querySelectorAll(".readout")) old.remove()
  for (const axis of new Set(traces.map(trace => trace.yaxis))) {
    const pane = plot._fullLayout[axis.replace("y", "yaxis")]
    const readout = element("div", "")
    readout.className = "readout"
    readout.style.top = `${pane._offset + 2}px`
    readout.style.maxWidth = `${plot._fullLayout._size.w - 120}px`
    readout.append(...entries(traces.filter(trace => trace.yaxis === axis), time))
    if (axis === "y" && plot.pointed) readout.append(element("span", `${day.format(time)} UTC`))
    if (axis === "y" && hole) readout.append(element("span", hole))
    plot.append(readout)
  }
}

function newest(plot) {
  let time = -Infinity
  for (const trace of plot._fullData) {
    if (trace.type === "candlestick") time = Math.max(time, trace.x.at(-1))
  }
  return time
}

function followCrosshair(plot) {
  plot.removeAllListeners("plotly_hover")
  plot.removeAllListeners("plotly_unhover")
  plot.on("plotly_hover", ({ points }) => {
    const found = points.map(point => [plot._fullData[point.curveNumber], point.pointNumber])
    const hole = found.find(([trace]) => trace.text)
    const [trace, at] = found.find(([trace]) => trace.meta) ?? hole
    plot.pointed = trace.x[at]
    readOut(plot, plot.pointed, hole?.[0].text[hole[1]])
  })
  plot.on("plotly_unhover", () => {
    plot.pointed = null
    readOut(plot, newest(plot))
  })
  readOut(plot, plot.pointed ?? newest(plot))
}
