// Draws the drawings on the chart's canvas.

import { KINDS, findBounds, isDrawable, listHandles } from "./drawing_kinds.js"
import { fade, isBright, readTheme } from "./elements.js"
import { formatValue } from "./formats.js"

const HANDLE_RADIUS = 5
const FONT = "11px sans-serif"

// A primitive of the chart's main series, over all series of the price pane, also in its picture.
export class DrawingLayer {
  constructor(tools) {
    this.tools = tools
    this.views = [{ zOrder: () => "top", renderer: () => this }]
  }

  attached({ requestUpdate }) {
    this.requestUpdate = requestUpdate
  }

  detached() {
    this.requestUpdate = null
  }

  paneViews() {
    return this.views
  }

  // The prices of horizontal lines at the axis.
  priceAxisViews() {
    const { tools } = this
    return tools.list().filter(drawing => drawing.kind === "horizontal").flatMap(drawing => {
      const value = tools.toValue(drawing.points[0][1])
      const coordinate = tools.series.priceToCoordinate(value)
      if (coordinate === null || !Number.isFinite(coordinate)) return []
      return [{
        coordinate: () => coordinate,
        text: () => formatValue(tools.panel.seriesSet.format, value),
        textColor: () => isBright(drawing.color) ? "#000000" : "#ffffff",
        backColor: () => drawing.color,
      }]
    })
  }

  hitTest(x, y) {
    if (this.tools.tool) return null
    const hit = this.tools.findHit({ x, y })
    return hit && {
      cursorStyle: hit.handle ? "grab" : "pointer", externalId: hit.drawing.id, zOrder: "top",
    }
  }

  draw(target) {
    const { tools } = this
    const drawings = tools.list()
    if (!drawings.length) return
    target.useMediaCoordinateSpace(({ context }) => {
      for (const drawing of drawings) {
        const shape = tools.buildShape(drawing)
        if (!isDrawable(shape) || !isInView(shape)) continue
        context.save()
        Object.assign(context, {
          strokeStyle: shape.color, fillStyle: fade(shape.color, 0.14), lineWidth: shape.isSelected ? 2 : 1.5,
          font: FONT, textBaseline: "middle",
        })
        KINDS[shape.kind].draw(context, shape, tools)
        if (shape.isSelected) drawHandles(context, shape, tools)
        context.restore()
      }
    })
  }
}

function isInView({ kind, places, levels = [], width, height }) {
  const { left, right, top, bottom } = findBounds([...places, ...levels.map(({ y }) => ({ x: places[0].x, y }))])
  const isBeside = kind !== "horizontal" && (right < 0 || left > width)
  return !isBeside && bottom >= 0 && top <= height
}

function drawHandles(context, shape, tools) {
  context.fillStyle = readTheme(tools.panel.root, "background-color") || "#ffffff"
  for (const { x, y } of listHandles(shape)) {
    context.beginPath()
    context.arc(x, y, HANDLE_RADIUS, 0, 2 * Math.PI)
    context.fill()
    context.stroke()
  }
}
