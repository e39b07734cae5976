// Keeps the viewer's zoom, fits values to it, and tells the app of it when it rests.

const REST_MS = 250
const FRAME_MS = 16

// True where the chart can be zoomed. The zoom is the chart's own until its scope changes.
function keepZoom(plot, layout, data) {
  if (!data.config.scrollZoom) return false
  if (plot.scope !== data.scope) {
    plot.scope = data.scope
    plot.view = data.view
    plot.stretched = {}
  }
  if (plot.view) layout.xaxis = { ...layout.xaxis, range: [...plot.view], autorange: false }
  for (const [axis, range] of Object.entries(plot.stretched)) {
    if (layout[axis]) layout[axis] = { ...layout[axis], range, autorange: false }
  }
  return true
}

function ends(plot) {
  const axis = plot._fullLayout.xaxis
  return axis.range.map(end => axis.r2l(end))  // as epoch ms
}

// A figure drawn while a hand drags or turns the wheel would take back what it has done so far.
// A gesture that comes to nothing, as a box too small to zoom into, has no end that is told.
async function gesturesEnd(plot) {
  const moving = () => plot._dragging || performance.now() - plot.moved < REST_MS
  while (moving()) await new Promise(resolve => setTimeout(resolve, FRAME_MS))
}

function followZoom(Plotly, plot) {
  plot.removeAllListeners("plotly_relayouting")
  plot.removeAllListeners("plotly_relayout")
  plot.on("plotly_relayouting", () => { plot.moved = performance.now() })
  plot.on("plotly_relayout", change => {
    const names = Object.keys(change)
    if (names.every(name => name in (plot.fitting ?? {}))) return
    plot.moved = undefined
    if (change["xaxis.autorange"]) [plot.view, plot.stretched] = [null, {}]
    else if (names.some(name => name.startsWith("xaxis.range"))) plot.view = ends(plot).map(Math.round)
    else return stretch(plot, names)
    fitValues(Plotly, plot)
    report(plot)
  })
}

// Values keep a scale that was pulled at their own axis; a move in time fits the others.
function stretch(plot, names) {
  for (const name of names.filter(name => /^yaxis\d*\.range/.test(name))) {
    const axis = name.split(".")[0]
    plot.stretched[axis] = [...plot._fullLayout[axis].range]
  }
}

function report(plot) {
  clearTimeout(plot.resting)
  plot.resting = setTimeout(() => {
    const [from, to] = plot.view ?? [null, null]
    plot.component.setTriggerValue("view", { scope: plot.scope, from, to })
  }, REST_MS)
}

// Lowest and highest of what lies between two times on a value axis; bars stand on zero.
function extent(plot, from, to, axis) {
  let low = Infinity, high = -Infinity
  for (const trace of plot._fullData) {
    if (trace.yaxis !== axis || trace.visible !== true || trace.text) continue
    const bottom = trace.low ?? trace.y, top = trace.high ?? trace.y
    if (trace.type === "bar") low = Math.min(low, 0), high = Math.max(high, 0)
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.x[i] < from || trace.x[i] > to || Number.isNaN(top[i])) continue
      low = Math.min(low, bottom[i])
      high = Math.max(high, top[i])
    }
  }
  return [low, high]
}

async function fitValues(Plotly, plot) {
  const [from, to] = ends(plot)
  const fitted = {}
  for (const name of Object.keys(plot._fullLayout).filter(name => /^yaxis\d*$/.test(name))) {
    const axis = plot._fullLayout[name]
    if (axis.fixedrange || plot.stretched[name]) continue
    const [low, high] = extent(plot, from, to, axis._id)
    if (low > high) continue
    const air = (high - low || Math.abs(high) || 1) * 0.06
    const range = [low === 0 ? 0 : low - air, high === 0 ? 0 : high + air]
    if (range.some((end, i) => Math.abs(end - axis.range[i]) > air / 100)) fitted[`${name}.range`] = range
  }
  if (!Object.keys(fitted).length) return
  plot.fitting = fitted
  await Plotly.relayout(plot, fitted)
  plot.fitting = null
}
