// Loads the scripts of the candle chart, and its library at the same time.

const RETRY_MS = 2_000  // After a request that has failed, as without a network.
let isPreloading = false
// The last message of each chart, which is drawn however late the scripts come.
const newest = new WeakMap()

export default function (component) {
  const { parentElement, data: { script, library } } = component
  const resolve = name => new URL(name, document.baseURI).href
  if (!isPreloading) {
    isPreloading = true
    const link = document.createElement("link")
    document.head.append(Object.assign(link, { rel: "preload", as: "script", href: resolve(library) }))
  }
  newest.set(parentElement, component)
  let remove = null
  let isRemoved = false
  const load = () => {
    if (isRemoved) return
    import(resolve(script)).then(({ default: draw }) => {
      if (!isRemoved) remove = draw(newest.get(parentElement))
    }, () => setTimeout(load, RETRY_MS))
  }
  load()
  return () => {
    isRemoved = true
    remove?.()
  }
}
