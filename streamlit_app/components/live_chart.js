// Draws a Plotly figure in place: zoom and pan survive new data, and values fit what is seen.

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

const styled = (element, name) =>
  getComputedStyle(element).getPropertyValue(`--st-${name}`).trim()

function themed(layout, element) {
  const [text, grid] = [styled(element, "text-color"), styled(element, "border-color-light")]
  for (const axis of Object.keys(layout).filter(name => /^[xy]axis/.test(name))) {
    layout[axis] = { gridcolor: grid, linecolor: grid, tickfont: { color: text }, ...layout[axis] }
  }
  layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0, 0, 0, 0)"
  layout.font = { family: styled(element, "font"), size: 12, color: text }
  layout.hoverlabel = {
    bgcolor: styled(element, "secondary-background-color"),
    bordercolor: grid,
    font: { color: text },
  }
  layout.modebar = {
    bgcolor: "rgba(0, 0, 0, 0)", color: layout.xaxis.spikecolor ?? text, activecolor: text,
  }
  // A finger that moves over the chart scrolls the page; buttons zoom.
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false
  return layout
}

async function draw(component, plot) {
  const { data } = component
  const Plotly = await load(data.library)
  await gesturesEnd(plot)
  if (plot.component !== component) return  // a newer one waits
  const drawn = data.figure + data.scope + styled(plot, "text-color")
  if (plot.drawn !== drawn) {
    plot.drawn = drawn
    const { data: traces, layout } = JSON.parse(data.figure)
    const zoomable = keepZoom(plot, layout, data)
    await Plotly.react(plot, traces, themed(layout, plot), data.config)
    if (zoomable) {
      followZoom(Plotly, plot)
      followCrosshair(plot)
      fitValues(Plotly, plot)
    }
  }
  savePicture(Plotly, plot, data.picture)
}

export default function (component) {
  const plot = component.parentElement.querySelector(".live-chart")
  plot.setAttribute("aria-label", component.data.words)
  plot.style.height = `${component.data.height}px`
  plot.component = component
  plot.drawing = Promise.resolve(plot.drawing).then(() => draw(component, plot))
  return () => window.Plotly?.purge(plot)
}
