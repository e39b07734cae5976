// The kinds of drawings: their shapes, and where they can be hit.

import { fade } from "./elements.js"
import { formatValue } from "./formats.js"

// By kind: its name, its number of points, how it is drawn, and how far a place is from it.
export const KINDS = {
  trend: {
    title: "Trend line",
    points: 2,
    draw: (context, { places }) => strokeLine(context, ...places),
    measureDistance: ({ places }, place) => measureSegment(places, place),
  },
  horizontal: {
    title: "Horizontal line",
    points: 1,
    draw: (context, { places: [{ y }], width }) => strokeLine(context, { x: 0, y }, { x: width, y }),
    measureDistance: ({ places }, { y }) => Math.abs(places[0].y - y),
  },
  rectangle: {
    title: "Rectangle",
    points: 2,
    draw: (context, { places }) => {
      const { left, top, right, bottom } = findBounds(places)
      context.fillRect(left, top, right - left, bottom - top)
      context.strokeRect(left, top, right - left, bottom - top)
    },
    // Inside it only while it is selected: the chart can be scrolled under it.
    measureDistance: ({ places, isSelected }, place) => {
      const { left, top, right, bottom } = findBounds(places)
      const { x, y } = place
      if (isSelected && x >= left && x <= right && y >= top && y <= bottom) return 0
      const corners = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        .map(([cornerX, cornerY]) => ({ x: cornerX, y: cornerY }))
      return Math.min(...corners.slice(1).map((corner, n) => measureSegment([corners[n], corner], place)))
    },
  },
  fibonacci: {
    title: "Fibonacci retracement",
    points: 2,
    draw: (context, { places, levels, color }) => {
      const { left, right } = findBounds(places)
      levels.slice(1).forEach(({ y }, index) => {
        context.fillStyle = fade(color, index % 2 ? 0.05 : 0.1)
        context.fillRect(left, Math.min(y, levels[index].y), right - left, Math.abs(y - levels[index].y))
      })
      for (const { y, text } of levels) {
        strokeLine(context, { x: left, y }, { x: right, y })
        context.fillStyle = color
        context.fillText(text, left + 4, y - 8)
      }
      context.setLineDash([4, 4])
      strokeLine(context, ...places)
    },
    measureDistance: ({ places, levels }, place) => {
      const { left, right } = findBounds(places)
      const lines = levels.map(({ y }) => measureSegment([{ x: left, y }, { x: right, y }], place))
      return Math.min(measureSegment(places, place), ...lines)
    },
  },
  measure: {
    title: "Measure",
    points: 2,
    draw: (context, { places, points, width, height }, tools) => {
      const { left, top, right, bottom } = findBounds(places)
      const { rising, falling } = tools.panel.seriesSet.colors
      const color = points[1][1] >= points[0][1] ? rising : falling
      context.strokeStyle = color
      context.fillStyle = fade(color, 0.16)
      context.fillRect(left, top, right - left, bottom - top)
      const [center, middle] = [(left + right) / 2, (top + bottom) / 2]
      strokeLine(context, { x: center, y: places[0].y }, { x: center, y: places[1].y })
      strokeLine(context, { x: places[0].x, y: middle }, { x: places[1].x, y: middle })
      const texts = describeMeasure(points, tools.panel)
      const box = { width: Math.max(...texts.map(text => context.measureText(text).width)) + 16, height: 38 }
      const x = clamp(center - box.width / 2, 0, width - box.width)
      const isRising = places[1].y < places[0].y
      const y = clamp(isRising ? top - box.height - 6 : bottom + 6, 0, height - box.height)
      context.fillStyle = "#1f2937"
      context.fillRect(x, y, box.width, box.height)
      context.fillStyle = "#ffffff"
      texts.forEach((text, line) => context.fillText(text, x + 8, y + 11 + line * 16))
    },
    measureDistance: () => Infinity,
  },
}

// Where a drawing can be taken. `move` returns its points after the handle was moved to a point.
export function listHandles({ kind, places, width }) {
  if (kind === "measure") return []
  if (kind === "horizontal") return [{ x: width / 2, y: places[0].y, move: (_, point) => [point] }]
  const corners = kind === "rectangle" ? [[0, 0], [1, 1], [0, 1], [1, 0]] : [[0, 0], [1, 1]]
  return corners.map(([inTime, inPrice]) => ({
    x: places[inTime].x,
    y: places[inPrice].y,
    move: (points, [time, price]) => points.map((point, index) => [
      index === inTime ? time : point[0], index === inPrice ? price : point[1],
    ]),
  }))
}

// Difference of the prices, in percent too, periods, and duration.
export function describeMeasure([[start, first], [end, last]], { content }) {
  const sign = value => (value > 0 ? "+" : "")
  const [change, ratio] = [last - first, last / first - 1]
  const percent = formatValue({ kind: "percent", digits: 2 }, ratio)
  const periods = Math.round((end - start) / content.step)
  const candles = `${periods.toLocaleString("en")} ${Math.abs(periods) === 1 ? "candle" : "candles"}`
  return [
    `${sign(change)}${formatValue(content.format, change)} (${sign(ratio)}${percent})`,
    `${candles}, ${formatDuration(end - start)}`,
  ]
}

// `3d 4h`, `2h 15m`, `-45m`.
function formatDuration(duration) {
  const minutes = Math.round(Math.abs(duration) / 60_000)
  const parts = [
    [Math.floor(minutes / 1440), "d"], [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "m"],
  ].filter(([count]) => count)
  const text = parts.map(([count, unit]) => `${count}${unit}`).join(" ")
  return `${duration < 0 ? "-" : ""}${text || "0m"}`
}

export function findBounds(places) {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)]
  return {
    left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys),
  }
}

function strokeLine(context, start, end) {
  context.beginPath()
  context.moveTo(start.x, start.y)
  context.lineTo(end.x, end.y)
  context.stroke()
}

function measureSegment([start, end], place) {
  const [width, height] = [end.x - start.x, end.y - start.y]
  const length = width * width + height * height
  const part = length ? ((place.x - start.x) * width + (place.y - start.y) * height) / length : 0
  const near = clamp(part, 0, 1)
  return measureLength({ x: start.x + near * width, y: start.y + near * height }, place)
}

export function isDrawable({ places, levels = [] }) {
  return [...places.flatMap(({ x, y }) => [x, y]), ...levels.map(({ y }) => y)].every(Number.isFinite)
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
export const measureLength = (one, other) => Math.hypot(one.x - other.x, one.y - other.y)
