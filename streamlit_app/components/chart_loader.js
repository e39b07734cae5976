// Loads the scripts of the candle chart, and its library at the same time.

let isPreloading = false

export default function (component) {
  const { script, library } = component.data
  const resolve = name => new URL(name, document.baseURI).href
  if (!isPreloading) {
    isPreloading = true
    const link = document.createElement("link")
    document.head.append(Object.assign(link, { rel: "preload", as: "script", href: resolve(library) }))
  }
  let remove = null
  let isRemoved = false
  import(resolve(script)).then(({ default: draw }) => {
    if (!isRemoved) remove = draw(component)
  })
  return () => {
    isRemoved = true
    remove?.()
  }
}
