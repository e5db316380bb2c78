// The clock of the wall, and how its times are written. Knows no video.

class WallClock {
  constructor() {
    this.at = 0
    this.since = null
    this.rate = 1
  }

  get playing() { return this.since !== null }

  get now() { return this.playing ? this.at + (performance.now() - this.since) * this.rate : this.at }

  seek(ms) {
    this.at = ms
    if (this.playing) this.since = performance.now()
  }

  start() {
    if (!this.playing) this.since = performance.now()
  }

  stop() {
    this.at = this.now
    this.since = null
  }

  speed(rate) {
    this.seek(this.now)
    this.rate = rate
  }
}

// Local times of a day: an offset from UTC holds from a moment on, until the next one does.
class Zone {
  constructor(offsets) { this.offsets = offsets }

  offset(ms) {
    let found = this.offsets[0]?.[1] ?? 0
    for (const [from, seconds] of this.offsets) if (ms >= from) found = seconds
    return found
  }

  local(ms) { return new Date(ms + 1000 * this.offset(ms)) }

  clock(ms, tenths = false) { return this.local(ms).toISOString().slice(11, tenths ? 21 : 19) }

  short(ms) { return this.local(ms).toISOString().slice(11, 16) }

  // The moment of a day at which its clock shows a time; null for what is no time.
  read(text, [from, to]) {
    const parts = /^(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/.exec(text.trim())
    if (!parts) return null
    const [hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0))
    if (hours > 23 || minutes > 59 || seconds > 59) return null
    const noon = this.local((from + to) / 2).toISOString().slice(0, 10)
    const there = Date.parse(`${noon}T00:00:00Z`) + 1000 * (3600 * hours + 60 * minutes + seconds)
    const fitting = this.offsets.map(([, offset]) => there - 1000 * offset)
    return fitting.find((ms) => 1000 * this.offset(ms) === there - ms) ?? fitting[0] ?? null
  }
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high)

function element(name, kind = "", text = "") {
  const made = document.createElement(name)
  if (kind) made.className = kind
  if (text) made.textContent = text
  return made
}

const ICONS = {
  previous: "M6 6h2v12H6zM9.5 12l8.5 6V6z",
  next: "M6 18l8.5-6L6 6zM16 6v12h2V6z",
  left: "M15.4 7.4 14 6l-6 6 6 6 1.4-1.4L10.8 12z",
  right: "M8.6 16.6 10 18l6-6-6-6-1.4 1.4 4.6 4.6z",
  earlier: "M20 11H7.8l5.6-5.6L12 4l-8 8 8 8 1.4-1.4L7.8 13H20z",
  later: "M12 4l-1.4 1.4 5.6 5.6H4v2h12.2l-5.6 5.6L12 20l8-8z",
  closer: "M10 4a6 6 0 1 0 3.7 10.7l5 5 1.4-1.4-5-5A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM9.3 7.5h1.4v1.8h1.8v1.4h-1.8v1.8H9.3v-1.8H7.5V9.3h1.8z",
  wider: "M10 4a6 6 0 1 0 3.7 10.7l5 5 1.4-1.4-5-5A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM7.5 9.3h5v1.4h-5z",
  fit: "M3 5h2v14H3zM19 5h2v14h-2zM10 8l-4 4 4 4v-3h4v3l4-4-4-4v3h-4z",
  keys: "M20 5H4a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2V7a2 2 0 0 0-2-2zM11 8h2v2h-2zm0 3h2v2h-2zM8 8h2v2H8zm0 3h2v2H8zM5 8h2v2H5zm0 3h2v2H5zm11 6H8v-2h8zm0-4h-2v-2h2zm0-3h-2V8h2zm3 3h-2v-2h2zm0-3h-2V8h2z",
  play: "M8 5v14l11-7z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  sound: "M3 9v6h4l5 5V4L7 9zM16.5 12a4.5 4.5 0 0 0-2.5-4v8a4.5 4.5 0 0 0 2.5-4zM14 3.2v2.1a7 7 0 0 1 0 13.4v2.1a9 9 0 0 0 0-17.6z",
  mute: "M3 9v6h4l5 5V4L7 9zM21 9.6 19.4 8 17 10.4 14.6 8 13 9.6l2.4 2.4-2.4 2.4 1.6 1.6 2.4-2.4 2.4 2.4 1.6-1.6-2.4-2.4z",
  full: "M4 4h6v2H6v4H4zM14 4h6v6h-2V6h-4zM4 14h2v4h4v2H4zM18 14h2v6h-6v-2h4z",
  bell: "M12 22a2.2 2.2 0 0 0 2.2-2.2H9.8A2.2 2.2 0 0 0 12 22zm6.4-6.3V10.6c0-3-1.7-5.6-4.6-6.3v-.6a1.8 1.8 0 0 0-3.6 0v.6c-2.9.7-4.6 3.2-4.6 6.3v5.1L4 17.5v.9h16v-.9z",
  open: "M5 5h6v2H7v10h10v-4h2v6H5zM13 5h6v6h-2V8.4l-6.3 6.3-1.4-1.4L15.6 7H13z",
  find: "M10 4a6 6 0 1 0 3.7 10.7l5 5 1.4-1.4-5-5A6 6 0 0 0 10 4zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z",
}

function icon(name) {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  drawn.setAttribute("viewBox", "0 0 24 24")
  drawn.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", ICONS[name])
  drawn.append(path)
  return drawn
}
