// Draws a Plotly figure in place: zoom and pan survive new data, and prices fit what is seen.

const loading = new Map()

function load(library) {
  if (!loading.has(library)) {
    loading.set(library, new Promise((resolve, reject) => {
      const script = document.createElement("script")
      script.src = new URL(library, document.baseURI)
      script.onload = () => resolve(window.Plotly)
      script.onerror = () => reject(new Error(`${script.src} does not load`))
      document.head.append(script)
    }))
  }
  return loading.get(library)
}

function themed(layout, element) {
  const style = getComputedStyle(element)
  const variable = name => style.getPropertyValue(`--st-${name}`).trim()
  const [text, grid] = [variable("text-color"), variable("border-color-light")]
  for (const axis of Object.keys(layout).filter(name => /^[xy]axis/.test(name))) {
    layout[axis] = { gridcolor: grid, linecolor: grid, tickfont: { color: text }, ...layout[axis] }
  }
  layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0, 0, 0, 0)"
  layout.font = { family: variable("font"), size: 12, color: text }
  layout.hoverlabel = {
    bgcolor: variable("secondary-background-color"), bordercolor: grid, font: { color: text },
  }
  layout.modebar = { bgcolor: "rgba(0, 0, 0, 0)", color: layout.xaxis.spikecolor, activecolor: text }
  return layout
}

// Lowest and highest of what lies between two times, with a little air.
function extent(plot, from, to, axis, traces) {
  let low = Infinity, high = -Infinity
  for (const trace of plot._fullData) {
    if (trace.yaxis !== axis || trace.visible !== true || !traces(trace)) continue
    const bottom = trace.low ?? trace.y, top = trace.high ?? trace.y
    for (let i = 0; i < trace.x.length; i++) {
      if (trace.x[i] < from || trace.x[i] > to || Number.isNaN(top[i])) continue
      low = Math.min(low, bottom[i])
      high = Math.max(high, top[i])
    }
  }
  return [low, high]
}

function fitPrices(Plotly, plot, change) {
  const zoomed = Object.keys(change).some(name => name.startsWith("xaxis.range"))
  if (!zoomed || Object.keys(change).some(name => name.startsWith("yaxis"))) return
  const [from, to] = plot._fullLayout.xaxis.range.map(end => plot._fullLayout.xaxis.d2r(end))
  const [low, high] = extent(plot, from, to, "y", trace => trace.type === "candlestick")
  const [, volume] = extent(plot, from, to, "y2", trace => trace.type === "bar")
  if (low > high) return
  const air = (high - low || high || 1) * 0.05
  const fitted = { "yaxis.range": [low - air, high + air] }
  if (volume > 0) fitted["yaxis2.range"] = [0, volume * 1.05]
  Plotly.relayout(plot, fitted)
}

async function draw(component, plot) {
  const { data } = component
  const Plotly = await load(data.library)
  const { data: traces, layout } = JSON.parse(data.figure)
  await Plotly.react(plot, traces, themed(layout, plot), data.config)
  plot.removeAllListeners("plotly_relayout")
  plot.on("plotly_relayout", change => fitPrices(Plotly, plot, change))
}

export default function (component) {
  const plot = component.parentElement.querySelector(".live-chart")
  plot.setAttribute("aria-label", component.data.words)
  plot.style.height = `${component.data.height}px`
  draw(component, plot)
  return () => window.Plotly?.purge(plot)
}
