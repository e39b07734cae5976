// The candles that have been received, joined, and the periods of the time axis.

import { mergeEvents } from "./markers.js"

const MAX_FILLED_PERIODS = 1_000  // The width of a longer gap on the time axis.
// By `STATE_NOTES` of candles.py.
export const FORMING = 1

// The candles of one message: times and columns of equal length. `key` names all columns; candles
// of two messages can be joined if it is the same.
export function readCandles(content) {
  const columns = Object.entries(content.columns)
  for (const [kind, indicators] of [["overlay", content.overlays], ["pane", content.panes]]) {
    indicators.forEach((indicator, number) => indicator.lines.forEach((line, index) => {
      columns.push([`${kind} ${number} ${index}`, line.values])
    }))
  }
  content.compared.forEach((line, index) => columns.push([`compared ${index}`, line.values]))
  const names = [...content.overlays, ...content.panes, ...content.compared].map(one => [one.key, one.name])
  return {
    key: [content.symbol, content.interval, !!content.volume, content.overlays.length, ...names].join("|"),
    window: content.window,
    times: decodeFloats(content.times),
    columns: Object.fromEntries(columns.map(([name, text]) => [name, decodeFloats(text)])),
    gaps: content.gaps,
    events: mergeEvents([], content.events, content.window),
  }
}

// An array of doubles as `encode_floats` of float_arrays.py writes it.
function decodeFloats(text) {
  const characters = atob(text)
  const bytes = new Uint8Array(characters.length)
  for (let index = 0; index < bytes.length; index++) bytes[index] = characters.charCodeAt(index)
  return new Float64Array(bytes.buffer)
}

// Joins two messages if nothing is missing between them; the later one counts.
export function mergeCandles(loaded, received) {
  if (!loaded || loaded.key !== received.key) return received
  const [from, to] = received.window
  if (from > loaded.window[1] || to < loaded.window[0]) return received
  const [before, after] = [from, to].map(time => findIndex(loaded.times, time))
  if (from >= loaded.window[0] && to <= loaded.window[1] && isLoaded(loaded, received, before, after)) {
    return loaded
  }
  const join = (old, added) => {
    const joined = new Float64Array(before + added.length + old.length - after)
    joined.set(old.subarray(0, before))
    joined.set(added, before)
    joined.set(old.subarray(after), before + added.length)
    return joined
  }
  // A gap that has been filled since is no longer among those received.
  const gaps = loaded.gaps.flatMap(([start, end, reason]) => [
    [start, Math.min(end, from), reason], [Math.max(start, to), end, reason],
  ].filter(([first, last]) => first < last))
  return {
    key: loaded.key,
    window: [Math.min(from, loaded.window[0]), Math.max(to, loaded.window[1])],
    times: join(loaded.times, received.times),
    columns: Object.fromEntries(Object.entries(received.columns).map(([name, added]) => [
      name, join(loaded.columns[name], added),
    ])),
    gaps: [...gaps, ...received.gaps].sort((one, other) => one[0] - other[0]),
    events: mergeEvents(loaded.events, received.events, received.window),
  }
}

// Whether all candles of a message are loaded already, so that nothing has to be drawn.
function isLoaded(loaded, received, before, after) {
  const isEqual = (old, added) => added.every((value, index) => Object.is(value, old[before + index]))
  return after - before === received.times.length && isEqual(loaded.times, received.times)
    && isEqualAsText(mergeEvents(loaded.events, received.events, received.window), loaded.events)
    && Object.keys(received.columns).every(name => isEqual(loaded.columns[name], received.columns[name]))
}

function isEqualAsText(one, other) {
  return JSON.stringify(one) === JSON.stringify(other)
}

// Only what was known at a moment: the candles that had closed, and the gaps and events before it.
export function cutCandles(loaded, moment, step) {
  let count = findIndex(loaded.times, moment - step + 1)
  if (count && loaded.columns.state[count - 1] === FORMING) count--
  return {
    key: loaded.key,
    window: loaded.window.map(end => Math.min(end, moment)),
    times: loaded.times.subarray(0, count),
    columns: Object.fromEntries(Object.entries(loaded.columns).map(([name, values]) => [
      name, values.subarray(0, count),
    ])),
    gaps: loaded.gaps.filter(([from]) => from < moment)
      .map(([from, to, reason]) => [from, Math.min(to, moment), reason]),
    // The details of an event that has not ended tell how long it lasts.
    events: loaded.events.filter(({ from }) => from < moment)
      .map(event => event.to <= moment ? event : { ...event, to: moment, detail: "" }),
  }
}

// The index of the first of ascending times that is not below `time`.
function findIndex(times, time) {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle] < time) low = middle + 1
    else high = middle
  }
  return low
}

// The periods of the time axis: those of the candles, and the missing ones between them. `rows`
// has the candle of each period, -1 if it is missing.
export class PeriodGrid {
  constructor(candleTimes, step) {
    this.step = step
    this.times = []
    this.rows = []
    candleTimes.forEach((time, row) => {
      const missing = row ? Math.round((time - candleTimes[row - 1]) / step) - 1 : 0
      const stride = Math.max(1, missing / MAX_FILLED_PERIODS)
      for (let n = 1; n <= missing; n += stride) this.add(candleTimes[row - 1] + Math.floor(n) * step, -1)
      this.add(time, row)
    })
  }

  add(time, row) {
    this.times.push(time)
    this.rows.push(row)
  }

  get wholeRange() {
    return { from: 0, to: Math.max(1, this.times.length - 1) }
  }

  // The position of a time; beyond the candles, periods have the interval's width.
  toLogical(time) {
    const { times, step } = this
    const last = times.length - 1
    if (time <= times[0]) return (time - times[0]) / step
    if (time >= times[last]) return last + (time - times[last]) / step
    const index = findIndex(times, time)
    return index - (times[index] - time) / (times[index] - times[index - 1])
  }

  toTime(logical) {
    const { times, step } = this
    const last = times.length - 1
    if (logical <= 0) return times[0] + logical * step
    if (logical >= last) return times[last] + (logical - last) * step
    const index = Math.floor(logical)
    return times[index] + (logical - index) * (times[index + 1] - times[index])
  }

  // The newest candle at or before a position, -1 if there is none.
  findRow(logical) {
    let index = Math.min(this.times.length - 1, Math.floor(logical))
    while (index >= 0 && this.rows[index] < 0) index--
    return index < 0 ? -1 : this.rows[index]
  }
}
