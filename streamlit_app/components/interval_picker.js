// Draws the favorite intervals as buttons, and all of them in a menu, where a star keeps a favorite
// in this browser.

const FAVORITES_KEY = "crypto-assets.intervals"
const FIRST_FAVORITES = ["1m", "5m", "1h", "4h", "1d"]

export default function (component) {
  const root = component.parentElement.querySelector(".interval-picker")
  root.picker ??= new IntervalPicker(root)
  root.picker.receive(component)
}

class IntervalPicker {
  constructor(root) {
    this.favorites = readFavorites()
    this.row = createElement("div", "favorites")
    this.row.setAttribute("role", "group")
    this.row.setAttribute("aria-label", "Interval")
    this.menu = createElement("div", "interval-menu")
    this.menu.popover = "auto"
    root.append(this.row, this.menu)
    root.addEventListener("click", event => this.handleClick(event.target.closest("button")))
  }

  receive(component) {
    this.component = component
    this.chosen = component.data.chosen
    this.draw()
  }

  draw() {
    const { intervals } = this.component.data
    const focused = document.activeElement
    const isFocused = this.row.contains(focused) || this.menu.contains(focused)
    const { interval, action } = isFocused ? focused.dataset : {}
    const shown = intervals.filter(one => this.favorites.includes(one) || one === this.chosen)
    const more = createButton("More intervals", "\u25BE", { action: "menu" })
    more.setAttribute("aria-haspopup", "true")
    this.row.replaceChildren(...shown.map(one => this.createChoice(one)), more)
    this.menu.replaceChildren(...intervals.map(one => {
      const line = createElement("div", "line")
      line.append(this.createChoice(one), this.createStar(one))
      return line
    }))
    for (const button of [...this.row.children, ...this.menu.querySelectorAll("button")]) {
      const isSame = button.dataset.interval === interval && button.dataset.action === action
      if (isFocused && isSame) button.focus()
    }
  }

  createChoice(interval) {
    const button = createButton(`Interval ${interval}`, interval, { action: "choose", interval })
    button.setAttribute("aria-pressed", String(interval === this.chosen))
    return button
  }

  createStar(interval) {
    const isFavorite = this.favorites.includes(interval)
    const star = createButton(`${interval} is a favorite`, isFavorite ? "\u2605" : "\u2606", {
      action: "star", interval,
    })
    star.setAttribute("aria-pressed", String(isFavorite))
    return star
  }

  handleClick(button) {
    const { action, interval } = button?.dataset ?? {}
    if (action === "menu") this.openMenu(button)
    if (action === "star") this.toggleFavorite(interval)
    if (action === "choose") {
      if (this.menu.matches(":popover-open")) this.menu.hidePopover()
      this.chosen = interval
      this.draw()
      this.component.setTriggerValue("interval", interval)
    }
  }

  openMenu(button) {
    const box = button.getBoundingClientRect()
    this.menu.showPopover()
    const left = Math.max(8, Math.min(box.left, innerWidth - this.menu.offsetWidth - 8))
    Object.assign(this.menu.style, { left: `${left}px`, top: `${box.bottom + 4}px` })
  }

  toggleFavorite(interval) {
    const others = this.favorites.filter(one => one !== interval)
    this.favorites = others.length < this.favorites.length ? others : [...others, interval]
    this.draw()
    storeFavorites(this.favorites)
  }
}

function readFavorites() {
  try {
    const stored = JSON.parse(localStorage.getItem(FAVORITES_KEY))
    return Array.isArray(stored) ? stored : FIRST_FAVORITES
  } catch (error) {
    if (error instanceof SyntaxError) return FIRST_FAVORITES
    throw error
  }
}

// The browser may have no space left for them.
function storeFavorites(favorites) {
  try {
    localStorage.setItem(FAVORITES_KEY, JSON.stringify(favorites))
  } catch (error) {
    if (!(error instanceof DOMException)) throw error
  }
}

function createElement(tag, className) {
  const element = document.createElement(tag)
  element.className = className
  return element
}

function createButton(title, text, data) {
  const button = createElement("button", data.action)
  button.type = "button"
  button.textContent = text
  button.title = title
  button.setAttribute("aria-label", title)
  Object.assign(button.dataset, data)
  return button
}
