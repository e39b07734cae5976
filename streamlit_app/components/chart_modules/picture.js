// The picture of the visible chart, with its readouts, time zone and source.

import { readTheme } from "./elements.js"
import { formatTime } from "./zones.js"

const HEADER_HEIGHT = 48
const FOOTER_HEIGHT = 22
const PICTURE_FONT = "sans-serif"

// Downloads the visible chart with its readouts, time zone and source, once for each request.
export function savePicture(panel, picture) {
  panel.savedPictures ??= picture.requests
  if (picture.requests <= panel.savedPictures) return
  panel.savedPictures = picture.requests
  const shot = panel.chart.takeScreenshot(true, false)
  const ratio = shot.width / panel.stage.clientWidth
  const canvas = document.createElement("canvas")
  canvas.width = shot.width
  canvas.height = shot.height + Math.ceil((HEADER_HEIGHT + FOOTER_HEIGHT) * ratio)
  const context = canvas.getContext("2d")
  context.fillStyle = readTheme(panel.root, "background-color")
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(shot, 0, HEADER_HEIGHT * ratio)
  context.scale(ratio, ratio)
  context.textBaseline = "top"
  panel.pictureTexts = drawTexts(panel, context, picture, shot.height / ratio)
  canvas.toBlob(blob => {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(blob)
    link.download = `${picture.name}${panel.replay.fileSuffix}.png`
    link.click()
    URL.revokeObjectURL(link.href)
  })
}

// Draws title, readouts and footer; returns the texts with their position and width.
function drawTexts(panel, context, picture, height) {
  const { content, data, zone, stage, root } = panel
  const text = readTheme(root, "text-color")
  const drawn = []
  const write = (words, x, y, font = `12px ${PICTURE_FONT}`, color = text) => {
    context.font = font
    context.fillStyle = color
    context.fillText(words, x, y)
    const { width } = context.measureText(words)
    drawn.push({ text: words, x, y, width })
    return x + width
  }
  const scale = panel.scale === "linear" ? "" : `, ${panel.scale} scale`
  write(`${content.title}, ${content.interval}, ${data.type}${scale}`, 10, 8, `600 15px ${PICTURE_FONT}`)
  const [from, to] = panel.readVisibleTimes() ?? [NaN, NaN]
  const shown = [Math.max(from, panel.loaded.times[0]), Math.min(to, panel.loaded.times.at(-1))]
  const ends = shown.map(end => formatTime(zone, end)).join(" to ")
  const known = panel.replay.isOn ? `. ${panel.replay.describe()}` : ""
  write(`${ends} ${zone.label}${known}`, 10, 28)
  write(picture.source, 10, HEADER_HEIGHT + height + 5, `11px ${PICTURE_FONT}`)
  const right = panel.timeScale.width() - 8
  for (const readout of stage.querySelectorAll(".readout")) {
    let [x, y] = [8, HEADER_HEIGHT + parseFloat(readout.style.top)]
    for (const entry of readout.children) {
      if (entry.classList.contains("hidden")) continue
      const parts = entry.children.length ? [...entry.querySelectorAll(":scope > :not(.actions)")] : [entry]
      context.font = `11px ${PICTURE_FONT}`
      const width = parts.reduce((sum, part) => sum + context.measureText(part.textContent).width + 5, 9)
      if (x > 8 && x + width > right) [x, y] = [8, y + 15]
      for (const part of parts) {
        const weight = part.tagName === "B" ? "600 " : ""
        x = write(part.textContent, x, y, `${weight}11px ${PICTURE_FONT}`, getComputedStyle(part).color) + 5
      }
      x += 9
    }
  }
  return drawn
}
