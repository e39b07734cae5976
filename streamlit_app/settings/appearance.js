// Streamlit stores the theme per page under this name. This sets it for all pages.
const VERSION = 2

export default function (component) {
  const { data, parentElement } = component
  const paths = data.pages.map((page) => data.base + page)
  const names = paths.map((path) => `stActiveTheme-${path}-v${VERSION}`)
  const stored = names.map((name) => window.localStorage.getItem(name)).find((value) => value)
  const current = stored ? JSON.parse(stored) : "System"
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
