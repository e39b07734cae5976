// Shaded areas of a pane: periods without candles, and the space between two lines.

// Shades the periods without candles in a pane.
export class GapShades {
  constructor(panel) {
    this.panel = panel
  }

  paneViews() {
    return [{ zOrder: () => "bottom", renderer: () => this }]
  }

  draw(target) {
    const { panel } = this
    const { grid, loaded } = panel
    if (!grid?.times.length) return
    target.useBitmapCoordinateSpace(({ context, bitmapSize, horizontalPixelRatio }) => {
      context.fillStyle = "rgba(128, 138, 152, 0.22)"
      for (const [from, to] of loaded.gaps) {
        const ends = [from, to].map(time => (
          panel.toCoordinate(grid.toLogical(time) - 0.5) * horizontalPixelRatio
        ))
        if (ends[1] < 0 || ends[0] > bitmapSize.width) continue
        context.fillRect(ends[0], 0, Math.max(1, ends[1] - ends[0]), bitmapSize.height)
      }
    })
  }
}

// Tints the space between two lines.
export class Band {
  constructor(seriesSet, series, upper, lower, color, isOnPrice) {
    Object.assign(this, { seriesSet, series, upper, lower, color, isOnPrice })
  }

  paneViews() {
    return [{ zOrder: () => "bottom", renderer: () => this }]
  }

  draw(target) {
    const { panel, columns } = this.seriesSet
    const range = panel.timeScale.getVisibleLogicalRange()
    if (!range) return
    const { rows } = panel.grid
    const convert = this.seriesSet.chooseConversion(this.upper, this.isOnPrice)
    const [upper, lower] = [columns[this.upper], columns[this.lower]]
    const first = Math.max(0, Math.floor(range.from))
    const last = Math.min(rows.length - 1, Math.ceil(range.to))
    const stride = Math.max(1, Math.floor((last - first) / panel.timeScale.width()))
    target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio, verticalPixelRatio }) => {
      const toPoint = (index, values) => [
        panel.timeScale.logicalToCoordinate(index) * horizontalPixelRatio,
        this.series.priceToCoordinate(convert(values[rows[index]])) * verticalPixelRatio,
      ]
      let run = []
      const fillRun = () => {
        if (run.length > 1) {
          context.beginPath()
          for (const index of run) context.lineTo(...toPoint(index, upper))
          for (const index of run.reverse()) context.lineTo(...toPoint(index, lower))
          context.fill()
        }
        run = []
      }
      context.fillStyle = this.color
      for (let index = first; index <= last; index += stride) {
        if (rows[index] >= 0 && !Number.isNaN(upper[rows[index]])) run.push(index)
        else fillRun()
      }
      fillRun()
    })
  }
}
