// Numbers as text, as `number_formats.py` describes them.

export function formatValue({ kind, digits, min_digits: minDigits }, value) {
  if (value === undefined || Number.isNaN(value)) return "\u2013"
  return numberFormats[kind](value, digits, minDigits)
}

// By `NumberFormat.kind` in number_formats.py. A value that rounds to zero has no sign.
export const numberFormats = {
  fixed: (value, digits, minDigits = digits) => getNumberFormat(`${minDigits} ${digits}`, {
    minimumFractionDigits: minDigits, maximumFractionDigits: digits, signDisplay: "negative",
  }).format(value),
  change: (value, digits) => `${value >= 0 ? "+" : ""}${numberFormats.percent(value, digits)}`,
  percent: (value, digits) => `${numberFormats.fixed(value * 100, digits)}%`,
  compact: value => getNumberFormat("compact", {
    notation: "compact", maximumSignificantDigits: 4,
  }).format(value),
  significant: value => getNumberFormat("significant", { maximumSignificantDigits: 4 }).format(value),
}

// The browser takes longer to create a format than for all the values of a frame.
const createdFormats = new Map()

function getNumberFormat(key, options) {
  if (!createdFormats.has(key)) createdFormats.set(key, new Intl.NumberFormat("en", options))
  return createdFormats.get(key)
}

// The library derives the axis' steps from the smallest difference of two values.
export function buildPriceFormat(format, findLargest) {
  const largest = findLargest() || 1
  const minMove = {
    fixed: () => 10 ** -(format.digits ?? 0), change: () => 1e-4, percent: () => 1e-4,
  }[format.kind] ?? (() => 10 ** (Math.floor(Math.log10(largest)) - 4))
  return {
    type: "custom", minMove: minMove(), formatter: value => formatValue(format, value),
  }
}
