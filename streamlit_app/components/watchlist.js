// Draws the rows of the watchlist as buttons, and reports the one that is clicked.

const WIDTH = 64
const HEIGHT = 24

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".watchlist")
  const focused = list.querySelector("button:focus")?.dataset.symbol
  list.replaceChildren(...data.rows.map(row => createRow(row, row.symbol === data.chosen)))
  list.onclick = event => {
    const button = event.target.closest("button")
    if (button) setTriggerValue("symbol", button.dataset.symbol)
  }
  for (const button of list.children) if (button.dataset.symbol === focused) button.focus()
}

function createRow(row, isChosen) {
  const button = document.createElement("button")
  button.type = "button"
  button.dataset.symbol = row.symbol
  button.setAttribute("aria-pressed", String(isChosen))
  const direction = row.change_ratio < 0 ? "falling" : "rising"
  button.append(
    createText("name", row.name), createSparkline(row.closes, direction),
    createText("last", row.last), createText(`change ${row.change_ratio ? direction : ""}`, row.change),
  )
  return button
}

function createText(className, text) {
  const element = document.createElement("span")
  element.className = className
  element.textContent = text
  return element
}

function createSparkline(closes, direction) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`)
  svg.setAttribute("class", `sparkline ${direction}`)
  svg.setAttribute("aria-hidden", "true")
  if (closes.length > 1) {
    const [low, high] = [Math.min(...closes), Math.max(...closes)]
    const points = closes.map((close, index) => [
      (index / (closes.length - 1)) * WIDTH,
      1 + (HEIGHT - 2) * (high > low ? (high - close) / (high - low) : 0.5),
    ].join(","))
    const line = document.createElementNS(svg.namespaceURI, "polyline")
    line.setAttribute("points", points.join(" "))
    svg.append(line)
  }
  return svg
}
