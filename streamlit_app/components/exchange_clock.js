// Keeps the time of the exchange for the scripts of the chart, by the steady clock of the browser.

const STEP_MS = 2_000  // A clock that is further behind has been set back.

export default function ({ parentElement, data }) {
  const element = parentElement.querySelector(".exchange-clock")
  const receivedAt = performance.now()
  const lead = data.now - receivedAt
  const before = element.clock?.lead ?? -Infinity
  // Messages take time: the fastest one is the most exact.
  const isSlower = lead < before && lead > before - STEP_MS
  element.clock = { lead: isSlower ? before : lead, receivedAt, symbol: data.symbol, isLive: data.is_live }
}
