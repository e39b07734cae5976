// Marks gaps, outages and revisions at the bottom of the price pane, and says what happened.

import { createElement } from "./elements.js"
import { formatTime } from "./zones.js"

const RADIUS = 7  // pixels
const MAX_NOTED = 4  // The events of a marker that its note lists.
const MAX_EVENTS = 5_000  // The newest ones are kept.
// A marker of several events has the look of the first of these kinds among them.
const KINDS = {
  missing: { letter: "?", color: "#C0240C" },
  outage: { letter: "!", color: "#7A6262" },
  explained: { letter: "i", color: "#7A6262" },
  revision: { letter: "R", color: "#6A50E8" },
}

// Joins the events of two messages, each `{kind, from, to, title, detail, at}` in epoch ms. `added`
// are all that touch a window, so that those which are no longer among them have ended.
export function mergeEvents(old, added, [from, to]) {
  const others = old.filter(event => event.to <= from || event.from >= to)
  return [...others, ...added].sort((one, other) => one.from - other.from).slice(-MAX_EVENTS)
}

// A primitive of the price pane. `groups` are the markers that it has drawn, left to right.
export class EventMarkers {
  constructor(panel) {
    this.panel = panel
    this.groups = []
    this.note = createElement("div", "marker-note")
    this.note.setAttribute("role", "status")
    this.note.hidden = true
    panel.stage.append(this.note)
  }

  attached({ requestUpdate }) {
    this.requestUpdate = requestUpdate
  }

  paneViews() {
    return [{ zOrder: () => "top", renderer: () => this }]
  }

  draw(target) {
    this.groups = this.panel.areMarkersShown ? this.findGroups() : []
    if (!this.groups.length) return
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      this.y = mediaSize.height - RADIUS - 3
      context.font = `bold 10px sans-serif`
      context.textAlign = "center"
      context.textBaseline = "middle"
      for (const { x, kind } of this.groups) {
        context.beginPath()
        context.arc(x, this.y, RADIUS, 0, 2 * Math.PI)
        context.fillStyle = KINDS[kind].color
        context.fill()
        context.fillStyle = "#FFFFFF"
        context.fillText(KINDS[kind].letter, x, this.y + 0.5)
      }
    })
  }

  // The markers in view; events whose markers would overlap share one.
  findGroups() {
    const { panel } = this
    const { grid, timeScale } = panel
    const visible = panel.readVisibleTimes()
    if (!visible) return []
    const width = timeScale.width()
    const groups = []
    for (const event of panel.loaded.events) {
      if (event.to <= visible[0] || event.from > visible[1]) continue
      const [start, end] = [event.from, event.to].map(time => panel.toCoordinate(grid.toLogical(time) - 0.5))
      const x = Math.min(width - RADIUS, Math.max(RADIUS, (start + end) / 2))
      const last = groups.at(-1)
      if (last && x - last.x < 2 * RADIUS + 1) last.events.push(event)
      else groups.push({ x, events: [event] })
    }
    for (const group of groups) {
      group.kind = Object.keys(KINDS).find(kind => group.events.some(event => event.kind === kind))
    }
    return groups
  }

  // Shows what happened at the marker under a point of the pane, or nothing.
  showNoteAt(point) {
    const isNear = group => Math.hypot(point.x - group.x, point.y - this.y) <= RADIUS + 3
    const group = point && this.groups.find(isNear)
    if (!group && this.note.hidden) return
    this.panel.stage.classList.toggle("on-marker", !!group)
    if (!group) {
      this.note.hidden = true
      return
    }
    const lines = group.events.slice(0, MAX_NOTED).map(event => this.describe(event))
    const others = group.events.length - lines.length
    if (others > 0) lines.push(createElement("p", "", `and ${others} more`))
    this.note.replaceChildren(...lines)
    this.note.hidden = false
    const [width, height] = [this.note.offsetWidth, this.note.offsetHeight]
    const left = Math.min(group.x + RADIUS, this.panel.timeScale.width() - width)
    this.note.style.left = `${Math.max(0, left)}px`
    this.note.style.top = `${Math.max(0, this.y - RADIUS - 4 - height)}px`
  }

  describe({ from, to, title, detail, at }) {
    const { zone, content } = this.panel
    const line = createElement("p", "")
    const ends = to - from > content.step ? [from, to] : [from]
    const times = ends.map(time => formatTime(zone, time)).join(" to ")
    line.append(createElement("b", "", title), ` ${times} ${zone.label}`)
    if (detail) line.append(createElement("span", "", detail))
    if (at) line.append(createElement("span", "", `Recorded ${formatTime(zone, at)} ${zone.label}`))
    return line
  }
}
