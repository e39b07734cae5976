// Elements and colors that several parts of the chart create.

export function createElement(tag, className, text = "") {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

export function createButton(name, text, title, onClick = null) {
  const button = createElement("button", name, text)
  button.type = "button"
  button.title = title
  button.setAttribute("aria-label", title)
  if (onClick) button.addEventListener("click", onClick)
  return button
}

export function setPressed(button, isPressed) {
  button.setAttribute("aria-pressed", String(isPressed))
}

// A tap on the chart is no click, which would close them.
export function closePopovers() {
  for (const open of document.querySelectorAll("[popover=auto]:popover-open")) open.hidePopover()
}

// What the page opens is behind a chart that fills the screen.
export async function leaveFullScreen() {
  if (document.fullscreenElement) await document.exitFullscreen()
}

export function readTheme(element, name) {
  return getComputedStyle(element).getPropertyValue(`--st-${name}`).trim()
}

// An SVG image of one path in a square of `size` pixels. `attributes` are those of its element.
export function createIcon(path, size, attributes = {}) {
  const space = "http://www.w3.org/2000/svg"
  const icon = document.createElementNS(space, "svg")
  const all = { viewBox: `0 0 ${size} ${size}`, width: size, height: size, "aria-hidden": "true", ...attributes }
  for (const [name, value] of Object.entries(all)) icon.setAttribute(name, value)
  icon.append(document.createElementNS(space, "path"))
  icon.firstChild.setAttribute("d", path)
  return icon
}

// The channels of a `#rrggbb` color, from 0 to 255.
const readChannels = color => [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))

// A `#rrggbb` color with an opacity from 0 to 1.
export const fade = (color, opacity) => `rgba(${readChannels(color).join(", ")}, ${opacity})`

// Whether dark text is read better on a `#rrggbb` color than light text.
export function isBright(color) {
  const [red, green, blue] = readChannels(color)
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150
}
