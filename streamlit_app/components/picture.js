// Saves the chart as it is seen, on the page's own ground and with its readouts, as a PNG.

const SHARPNESS = 2

function captions(plot) {
  return [...plot.querySelectorAll(".readout")].map(readout => ({
    xref: "paper", x: 0.005, xanchor: "left", yref: "paper", yanchor: "top", showarrow: false,
    y: 1 - (parseFloat(readout.style.top) - plot._fullLayout._size.t) / plot._fullLayout._size.h,
    text: [...readout.children].map(entry => entry.innerText.replace(/\s+/g, " ")).join("   "),
    font: { size: 11 },
  }))
}

function savePicture(Plotly, plot, picture) {
  if (!picture) return
  plot.saved ??= picture.asked
  if (picture.asked <= plot.saved) return
  plot.saved = picture.asked
  const ground = styled(plot, "background-color")
  const layout = {
    ...plot.layout,
    annotations: [...plot.layout.annotations ?? [], ...captions(plot)],
    paper_bgcolor: ground,
    plot_bgcolor: ground,
    title: { text: picture.name, font: { size: 14 }, x: 0.01, y: 0.995, yanchor: "top" },
    margin: { ...plot.layout.margin, t: 32 },
  }
  const { clientWidth: width, clientHeight: height } = plot
  Plotly.downloadImage({ data: plot.data, layout }, {
    format: "png", scale: SHARPNESS, width, height: height + 24, filename: picture.name,
  })
}
