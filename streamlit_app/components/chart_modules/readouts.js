// The values under the crosshair, in the top left corner of each pane. Without a crosshair they are
// those of the newest visible candle, with its time if newer ones are out of view.

import { createButton, createElement } from "./elements.js"
import { formatValue, numberFormats } from "./formats.js"
import { formatTime } from "./zones.js"

export function showReadouts(panel, hovered) {
  const { chart, seriesSet, grid, loaded, stage, content } = panel
  if (!grid?.times.length) {
    panel.shownValues = null
    replaceReadouts(stage, [])
    return
  }
  const range = panel.timeScale.getVisibleLogicalRange()
  const index = hovered === null ? Infinity : Math.round(hovered)
  const row = hovered === null
    ? grid.findRow(range ? Math.floor(range.to) : Infinity) : grid.rows[index] ?? -1
  const isTimed = hovered !== null || !panel.isNewestVisible()
  const time = row < 0 ? Math.round(grid.toTime(index)) : loaded.times[row]
  const gap = hovered !== null && loaded.gaps.find(([from, to]) => time >= from && time < to)
  // A frame in which the chart only moves has the same values as the one before.
  const layout = [panel.timeScale.width(), ...chart.panes().map(pane => pane.getHeight())].join()
  const values = [
    seriesSet, seriesSet.prices, seriesSet.firstVisible, content, panel.zone, row, isTimed && time, gap, layout,
  ]
  if (panel.shownValues?.every((value, number) => value === values[number])) return
  panel.shownValues = values
  if (seriesSet.layout !== layout) {
    seriesSet.layout = layout
    seriesSet.paneTops = measurePaneTops(chart, stage)
  }
  const readouts = []
  seriesSet.panes.forEach((pane, number) => {
    const top = seriesSet.paneTops[number]
    if (top === undefined) return
    const readout = createElement("div", "readout")
    readout.style.top = `${top + 4}px`
    readout.style.maxWidth = `${panel.timeScale.width() - 12}px`
    readout.append(...createEntries(panel, pane, row))
    if (!number && isTimed && Number.isFinite(time)) {
      const text = `${formatTime(panel.zone, time, content.step)} ${panel.zone.label}`
      readout.append(createElement("span", "entry", text))
    }
    if (!number && gap) {
      const ends = gap.slice(0, 2).map(end => formatTime(panel.zone, end))
      readout.append(createElement("span", "entry", `${gap[2]}, ${ends.join(" to ")}`))
    }
    readouts.push(readout)
  })
  replaceReadouts(stage, readouts)
}

// Where the panes begin in the stage; the browser has to lay out the page for it.
function measurePaneTops(chart, stage) {
  const { top } = stage.getBoundingClientRect()
  const elements = chart.panes().map(pane => pane.getHTMLElement())
  return elements.filter(Boolean).map(element => element.getBoundingClientRect().top - top)
}

// Leaves a readout that is equal in place: it may be under the pointer, or have the focus.
function replaceReadouts(stage, readouts) {
  const shown = [...stage.querySelectorAll(".readout")]
  readouts.forEach((readout, number) => {
    if (!shown[number]) stage.append(readout)
    else updateReadout(shown[number], readout)
  })
  for (const readout of shown.slice(readouts.length)) readout.remove()
}

// Changes texts and styles alone where it can: a browser checks more rules for other elements.
function updateReadout(shown, made) {
  if (shown.isEqualNode(made)) return
  const [children, madeChildren] = [[...shown.children], [...made.children]]
  const isAlike = shown.tagName === made.tagName && shown.className === made.className
    && children.length === madeChildren.length && shown.tagName !== "BUTTON"
  if (!isAlike) {
    replaceReadout(shown, made)
    return
  }
  if (shown.style.cssText !== made.style.cssText) shown.style.cssText = made.style.cssText
  madeChildren.forEach((child, index) => updateReadout(children[index], child))
  if (madeChildren.length || shown.textContent === made.textContent) return
  if (shown.firstChild) shown.firstChild.data = made.textContent
  else shown.textContent = made.textContent
}

function replaceReadout(shown, readout) {
  const { action, key } = shown.querySelector("button:focus")?.dataset ?? {}
  shown.replaceWith(readout)
  if (key) readout.querySelector(`[data-action="${action}"][data-key="${CSS.escape(key)}"]`)?.focus()
}

// One entry per indicator, with the values of all its lines, and buttons to hide and remove it.
// Those that are hidden are at the end of the first pane.
function createEntries(panel, pane, row) {
  const groups = new Map()
  for (const entry of pane.entries) {
    const element = groups.get(entry.id) ?? createElement("span", "entry")
    if (!groups.has(entry.id)) {
      groups.set(entry.id, element)
      const color = entry.isCandle || entry.isDirected ? "" : entry.color
      element.append(createColored("b", "", entry.name, color))
      if (entry.key) element.append(createLegendButtons(entry, false))
    }
    element.append(...createParts(panel, entry, row))
  }
  const hidden = (pane.index ? [] : panel.content.hidden).map(entry => {
    const element = createElement("span", "entry hidden")
    element.append(createElement("b", "", entry.name), createLegendButtons(entry, true))
    return element
  })
  return [...groups.values(), ...hidden]
}

// The stage listens to their clicks, because readouts are replaced while the pointer moves.
function createLegendButtons({ key, name }, isHidden) {
  const buttons = createElement("span", "actions")
  const toggle = isHidden ? "Show" : "Hide"
  const parts = [
    ["toggle", isHidden ? "\u25CB" : "\u25CF", toggle], ["settings", "\u2699\uFE0E", "Settings of"],
    ["remove", "\u00D7", "Remove"],
  ]
  for (const [action, text, verb] of parts) {
    const button = createButton(action, text, `${verb} ${name}`)
    Object.assign(button.dataset, { action, key })
    buttons.append(button)
  }
  return buttons
}

function createParts(panel, entry, row) {
  const { seriesSet, loaded, content, data } = panel
  const columns = seriesSet.columns
  if (entry.isCandle) {
    if (row < 0) return []
    const isAveraged = data.type === "heikin-ashi"
    const { open, high, low, close } = seriesSet.prices
    const color = close[row] >= open[row] ? seriesSet.colors.rising : seriesSet.colors.falling
    const parts = Object.entries({ O: open, H: high, L: low, C: close }).flatMap(([name, values]) => [
      createElement("i", "", name),
      createColored("span", "value", formatValue(entry.format, values[row]), color),
    ])
    if (row && !isAveraged) {
      const change = columns.close[row] / columns.close[row - 1] - 1
      parts.push(createColored("span", "value", numberFormats.change(change, 2), color))
    }
    const notes = [content.notes[columns.state[row]], isAveraged && "averaged"].filter(Boolean)
    return [...parts, ...notes.map(note => createElement("i", "", note))]
  }
  const values = loaded.columns[entry.column]
  const convert = seriesSet.chooseConversion(entry.column, entry.isOnPrice ?? false)
  const value = row < 0 ? NaN : convert(values[row])
  const isRising = row >= 0 && columns.close[row] >= columns.open[row]
  const color = entry.isDirected
    ? seriesSet.colors[isRising ? "rising" : "falling"] : entry.color
  const parts = [createColored("span", "value", formatValue(entry.format, value), color)]
  return entry.label ? [createElement("i", "", entry.label), ...parts] : parts
}

// The styles mix the color with that of text: lines need less contrast than text does.
function createColored(tag, className, text, color) {
  const element = createElement(tag, className, text)
  if (color) element.style.setProperty("--line-color", color)
  return element
}
