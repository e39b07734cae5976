// The buttons and messages of the drawing tools.

import { KINDS } from "./drawing_kinds.js"
import { createButton, createElement, createIcon, setPressed } from "./elements.js"

// The buttons at the left edge, which a phone folds behind one; those of the selected drawing; a
// line that says what to do next, or what is wrong; and the question before all are removed.
export class DrawingToolbar {
  constructor(tools) {
    this.tools = tools
    const { panel } = tools
    const create = (name, title, onClick) => {
      const button = createButton(name, "", title, onClick)
      button.append(createIcon(ICONS[name], 20))
      return button
    }
    this.element = createElement("div", "drawing-toolbar")
    this.element.setAttribute("role", "toolbar")
    this.element.setAttribute("aria-label", "Drawing tools")
    this.element.setAttribute("aria-orientation", "vertical")
    this.kinds = Object.entries(KINDS).map(([kind, { title }]) => [
      kind, create(kind, title, () => this.toggleTool(kind)),
    ])
    this.hide = create("hide", "Hide drawings", () => tools.setHidden(!tools.isHidden))
    this.removal = create("removal", "Remove all drawings", () => this.askRemoval())
    this.element.append(
      ...this.kinds.map(([, button]) => button), createElement("hr", ""), this.hide, this.removal,
    )
    this.fold = create("fold", "Drawing tools", () => this.setOpen(!this.isOpen))
    this.buildSelectionBar(create)
    this.note = createElement("div", "drawing-note")
    this.noteText = createElement("span", "")
    this.noteText.setAttribute("role", "status")
    this.noteButton = createButton("act", "", "", () => this.noteAction())
    this.note.append(this.noteText, this.noteButton)
    this.buildDialog()
    panel.root.prepend(this.element)
    panel.controls.element.prepend(this.fold)
    panel.stage.append(this.bar, this.note)
    panel.root.append(this.dialog)
    this.setOpen(false)
  }

  buildSelectionBar(create) {
    const { tools } = this
    this.bar = createElement("div", "drawing-bar")
    this.color = createElement("input", "")
    Object.assign(this.color, { type: "color", title: "Color of the drawing" })
    this.color.setAttribute("aria-label", "Color of the drawing")
    this.color.addEventListener("change", () => tools.recolor(this.color.value))
    this.bar.append(this.color, create("removeOne", "Remove the drawing", () => tools.removeSelected()))
  }

  buildDialog() {
    const { tools } = this
    this.dialog = createElement("dialog", "drawing-dialog")
    this.dialog.setAttribute("aria-label", "Remove all drawings")
    this.question = createElement("p", "")
    const row = createElement("div", "row")
    row.append(
      createButton("confirm", "Remove", "Remove", () => {
        this.dialog.close()
        tools.removeAll()
      }),
      createButton("keep", "Cancel", "Cancel", () => this.dialog.close()),
    )
    this.dialog.append(this.question, row)
  }

  remove() {
    for (const part of [this.element, this.fold, this.bar, this.note, this.dialog]) part.remove()
  }

  setOpen(isOpen) {
    this.isOpen = isOpen
    this.element.classList.toggle("open", isOpen)
    this.fold.setAttribute("aria-expanded", String(isOpen))
  }

  toggleTool(kind) {
    this.setOpen(false)
    this.tools.chooseTool(this.tools.tool === kind ? null : kind)
  }

  askRemoval() {
    const { store } = this.tools
    const count = store.listOwn().length
    const named = count === 1 ? "the only drawing" : `all ${count} drawings`
    const place = store.canSave ? "" : " of this browser"
    this.question.textContent = `Remove ${named}${place} on ${store.symbol}?`
    this.setOpen(false)
    this.dialog.showModal()
  }

  update() {
    const { tools } = this
    const { store, selected, tool } = tools
    for (const [kind, button] of this.kinds) {
      setPressed(button, tool === kind)
      button.disabled = !tools.isReady
    }
    setPressed(this.hide, tools.isHidden)
    const count = store.list().length
    this.hide.disabled = !count
    this.removal.disabled = !store.listOwn().length
    this.bar.hidden = !selected || tools.isHidden
    if (selected) this.color.value = selected.color
    tools.panel.stage.classList.toggle("is-drawing", !!tool)
    this.updateNote()
  }

  updateNote() {
    const [text, label, act] = this.describeNote()
    this.note.hidden = !text
    if (this.noteText.textContent !== text) this.noteText.textContent = text
    this.noteButton.hidden = !label
    this.noteButton.textContent = label ?? ""
    this.noteButton.title = label ?? ""
    this.noteButton.setAttribute("aria-label", label ?? "")
    this.noteAction = act
  }

  // The text, and the name and the function of its button.
  describeNote() {
    const { tools } = this
    const { store, tool, draft } = tools
    const dismiss = () => tools.cancel()
    if (tools.problem) return [tools.problem, "Close", dismiss]
    const isLocal = !store.canSave
    const kept = isLocal ? " It stays in this browser: unlock the app to save drawings." : ""
    if (tool) {
      const { title, points } = KINDS[tool]
      const number = points === 1 ? "the price" : draft ? "the second point" : "the first point"
      return [`${title}: choose ${number}.${tool === "measure" ? "" : kept}`, "Cancel", dismiss]
    }
    const count = store.countLocal()
    if (!count) return [""]
    const subject = count === 1 ? "1 drawing is" : `${count} drawings are`
    if (!isLocal) return [`${subject} only in this browser.`, "Save", () => store.saveLocal()]
    const hint = `${subject} only in this browser: unlock the app to save drawings.`
    return tools.selected ? [hint] : [""]
  }
}

// By the class of the button: paths in a square of 20.
const ICONS = {
  trend: "M5.4 14.6 14.6 5.4M4 17.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3ZM16 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z",
  horizontal: "M2 10h6M12 10h6M10 11.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
  rectangle: "M3.5 5.5h13v9h-13z",
  fibonacci: "M3 4h14M3 8h14M3 12h14M3 16h14M5 16 15 4",
  measure: "M3.5 3.5h13v13h-13zM10 6v8M7.5 8.5 10 6l2.5 2.5M7.5 11.5 10 14l2.5-2.5",
  hide: "M2.5 10C4.5 6.5 7 5 10 5s5.5 1.5 7.5 5c-2 3.5-4.5 5-7.5 5s-5.5-1.5-7.5-5ZM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z",
  removal: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6M8.5 9v5M11.5 9v5",
  removeOne: "M4 6h12M8 6V4h4v2M5.5 6l.8 10.5h7.4L14.5 6M8.5 9v5M11.5 9v5",
  fold: "M4 16l1-3.5L13.5 4 16 6.5 7.5 15 4 16ZM11.5 6 14 8.5",
}
