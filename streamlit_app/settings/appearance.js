/* Streamlit keeps the viewer's theme by page, under this name; all pages get the same one. */
const VERSION = 2

export default function (component) {
  const { data, parentElement } = component
  const paths = data.pages.map((page) => data.base + page)
  const names = paths.map((path) => `stActiveTheme-${path}-v${VERSION}`)
  const kept = names.map((name) => window.localStorage.getItem(name)).find((value) => value)
  const current = kept ? JSON.parse(kept) : "System"
  for (const button of parentElement.querySelectorAll("button")) {
    const theme = button.dataset.theme
    button.setAttribute("aria-pressed", String(theme === current))
    button.onclick = () => {
      for (const name of names) {
        if (theme === "System") window.localStorage.removeItem(name)
        else window.localStorage.setItem(name, JSON.stringify(theme))
      }
      window.location.reload()
    }
  }
}
