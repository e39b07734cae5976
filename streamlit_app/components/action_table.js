// Draws the table, keeps the focus when it is drawn again, and reports clicks.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".action-table")
  if (root.dataset.html !== data.html) {
    const focused = describe(root.querySelector(":focus"))
    root.innerHTML = data.html
    root.dataset.html = data.html
    if (focused) root.querySelector(focused)?.focus()
  }
  root.onclick = (event) => {
    const target = event.target.closest("[data-action]")
    if (!target || target.disabled) return
    // A click that opens another tab or window is the browser's.
    if (event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    const row = target.closest("[data-row]").dataset.row
    setTriggerValue("clicked", { action: target.dataset.action, row })
  }
}

// Returns a selector of a button or link in its row.
function describe(element) {
  if (!element?.dataset.action) return null
  const row = CSS.escape(element.closest("[data-row]").dataset.row)
  return `[data-row="${row}"] [data-action="${CSS.escape(element.dataset.action)}"]`
}
