// Draws a Plotly figure and updates it in place.

const IDLE_MS = 2_000  // The longest wait for a page that is never idle.
const RETRY_MS = 2_000  // After the library could not be loaded, as without a network.

export default function (component) {
  const plot = component.parentElement.querySelector(".live-chart")
  plot.setAttribute("aria-label", component.data.description)
  plot.style.height = `${component.data.height}px`
  plot.component = component
  const draw = () => drawFigure(component, plot)
  // A figure that failed keeps no later one from being drawn.
  plot.drawing = Promise.resolve(plot.drawing).then(draw, draw)
  return () => window.Plotly?.purge(plot)
}

async function drawFigure(component, plot) {
  const { data } = component
  const Plotly = await loadPlotly(data.library)
  if (plot.component !== component) return  // A newer figure is waiting.
  const drawnKey = data.figure + readThemeValue(plot, "text-color")
  if (plot.drawnKey === drawnKey) return
  plot.drawnKey = drawnKey
  const figure = JSON.parse(data.figure)
  await Plotly.react(plot, figure.data, applyTheme(figure.layout, plot), data.config)
}

const loadingLibraries = new Map()

function loadPlotly(library) {
  if (!loadingLibraries.has(library)) {
    loadingLibraries.set(library, waitUntilIdle().then(() => new Promise(resolve => {
      const load = () => {
        const script = document.createElement("script")
        script.src = new URL(library, document.baseURI)
        script.onload = () => resolve(window.Plotly)
        script.onerror = () => setTimeout(load, RETRY_MS)
        document.head.append(script)
      }
      load()
    })))
  }
  return loadingLibraries.get(library)
}

// The library is large: the page is drawn before its script is run.
function waitUntilIdle() {
  return new Promise(resolve => {
    if (window.requestIdleCallback) requestIdleCallback(resolve, { timeout: IDLE_MS })
    else setTimeout(resolve, IDLE_MS / 10)  // Safari
  })
}

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
  return layout
}
