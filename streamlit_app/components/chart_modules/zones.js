// The time zone of the viewer: its clock, its names, and how times are written.

const DAY_MS = 86_400_000
const QUARTER_HOUR_MS = 900_000
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")
const DAYS = "Sun Mon Tue Wed Thu Fri Sat".split(" ")
// Browsers know some zones by the name of an earlier version of the IANA database.
const RENAMED_ZONES = {
  "Asia/Calcutta": "Asia/Kolkata", "Asia/Katmandu": "Asia/Kathmandu", "Asia/Rangoon": "Asia/Yangon",
  "Asia/Saigon": "Asia/Ho_Chi_Minh", "Atlantic/Faeroe": "Atlantic/Faroe", "Europe/Kiev": "Europe/Kyiv",
  "America/Buenos_Aires": "America/Argentina/Buenos_Aires", "America/Godthab": "America/Nuuk",
  "Africa/Asmera": "Africa/Asmara",
}

// A time zone with its offset from UTC at any time, in ms.
class ViewerZone {
  constructor(name) {
    this.name = name
    this.offsets = new Map()
    this.parts = new Intl.DateTimeFormat("en-US", {
      timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    })
  }

  get label() {
    if (["UTC", "Etc/UTC"].includes(this.name)) return "UTC"
    return `${this.name.split("/").at(-1).replaceAll("_", " ")} time`
  }

  // The clock at a time, as a date whose UTC fields are those of the zone.
  toClock(time) {
    return new Date(time + this.findOffset(time))
  }

  // The time at which the clock shows a date, given by its UTC fields; of two, the later one.
  toTime(clock) {
    const guess = clock - this.findOffset(clock)
    return clock - this.findOffset(guess)
  }

  // Clocks change at a quarter of an hour, and seldom more than once a day.
  findOffset(time) {
    const day = Math.floor(time / DAY_MS) * DAY_MS
    const offset = this.readOffset(day)
    if (offset === this.readOffset(day + DAY_MS)) return offset
    return this.readOffset(Math.floor(time / QUARTER_HOUR_MS) * QUARTER_HOUR_MS)
  }

  readOffset(time) {
    if (!this.offsets.has(time)) {
      const { year, month, day, hour, minute, second } = Object.fromEntries(
        this.parts.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
      )
      this.offsets.set(time, Date.UTC(year, month - 1, day, hour, minute, second) - time)
    }
    return this.offsets.get(time)
  }
}

const renameZone = name => RENAMED_ZONES[name] ?? name

function findLocalZone() {
  return renameZone(Intl.DateTimeFormat().resolvedOptions().timeZone)
}

export function resolveZone(choice) {
  const local = findLocalZone()
  const name = { local, exchange: "UTC" }[choice] ?? renameZone(choice)
  try {
    return new ViewerZone(name)
  } catch (error) {
    if (error instanceof RangeError) return null  // no such zone
    throw error
  }
}

export function createZoneOptions() {
  const local = findLocalZone()
  const first = [
    new Option(`Local (${local})`, "local"), new Option("UTC", "UTC"),
    new Option("Exchange (UTC)", "exchange"),
  ]
  const zones = document.createElement("optgroup")
  zones.label = "Time zones"
  const names = Intl.supportedValuesOf("timeZone").map(renameZone).sort()
  zones.append(...names.map(name => new Option(name.replaceAll("_", " "), name)))
  return [...first, zones]
}

// The library's time axis, with years, months, days and hours of the viewer's zone.
export function buildZonedTimeScale(panel) {
  // By the library's weights: the first point of a longer unit has the larger label.
  const divisors = [[12, 33], [6, 32], [3, 31], [1, 30], [0.5, 22], [1 / 12, 21], [1 / 60, 20]]
  const weigh = (clock, before) => {
    if (clock.getUTCFullYear() !== before.getUTCFullYear()) return 70
    if (clock.getUTCMonth() !== before.getUTCMonth()) return 60
    if (clock.getUTCDate() !== before.getUTCDate()) return 50
    const isCrossed = hours => (
      Math.floor(clock / (hours * 3_600_000)) !== Math.floor(before / (hours * 3_600_000))
    )
    return divisors.find(([hours]) => isCrossed(hours))?.[1] ?? 0
  }
  return class extends panel.library.defaultHorzScaleBehavior() {
    fillWeightsForPoints(points, start = 0) {
      if (!points.length) return
      const toClock = index => panel.zone.toClock(points[index].originalTime * 1000)
      let before = start ? toClock(start - 1) : null
      for (let index = start; index < points.length; index++) {
        const clock = toClock(index)
        points[index].timeWeight = before
          ? weigh(clock, before) : weigh(clock, new Date(clock - panel.content.step))
        before = clock
      }
    }
  }
}

const pad = number => String(number).padStart(2, "0")

const formatHours = clock => `${pad(clock.getUTCHours())}:${pad(clock.getUTCMinutes())}`

// `kind` is the library's: 0 is a year, 1 a month, 2 a day.
export function formatTick(zone, time, kind) {
  const clock = zone.toClock(time)
  if (kind === 0) return String(clock.getUTCFullYear())
  if (kind === 1) return MONTHS[clock.getUTCMonth()]
  return kind === 2 ? String(clock.getUTCDate()) : formatHours(clock)
}

// `Thu 06 Mar 2025 09:00`; a period of days that begins at midnight has no hours.
export function formatTime(zone, time, step = 0) {
  const clock = zone.toClock(time)
  const date = `${DAYS[clock.getUTCDay()]} ${pad(clock.getUTCDate())} ${MONTHS[clock.getUTCMonth()]}`
  const hours = formatHours(clock)
  const isDay = step >= DAY_MS && hours === "00:00"
  return `${date} ${clock.getUTCFullYear()}${isDay ? "" : ` ${hours}`}`
}
