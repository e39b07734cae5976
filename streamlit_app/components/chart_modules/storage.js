// Texts that this browser keeps for the viewer. It may refuse: its space is limited, and viewers can
// forbid it. Anyone who has the browser may have changed them.

// Returns null without a text.
export function readStoredText(key) {
  return useStorage(storage => storage.getItem(key)) ?? null
}

// Returns null without a text that is JSON.
export function readStoredValue(key) {
  try {
    return JSON.parse(readStoredText(key))
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

// Removes the text if it is null. Returns whether the browser has taken it.
export function storeText(key, text) {
  return useStorage(storage => {
    if (text === null) storage.removeItem(key)
    else storage.setItem(key, text)
    return true
  }) ?? false
}

function useStorage(use) {
  try {
    return use(localStorage)
  } catch (error) {
    if (error instanceof DOMException) return undefined
    throw error
  }
}
