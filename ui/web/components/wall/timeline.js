// Draws the lanes of a day on a canvas, in the part of the day that is looked at; a press goes to a moment.

const LANE_PIXELS = 32
const AXIS_PIXELS = 30
const LEAST_BLOCK = 8
const SHORTEST_MS = 10_000
const DRAG_PIXELS = 5
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600]
const PAINTS = [
  "ink", "muted", "line", "panel", "sunken", "accent", "on-accent", "soft-line", "match", "on-match", "now", "covered", "gap",
]
const KINDS = ["event", "match", "alert"]
const BELL = new Path2D("M0-6.4c-2.6.3-4 2.2-4 4.6V1.6L-5.4 3v.6H5.4V3L4 1.6v-3.4c0-2.4-1.4-4.3-4-4.6zM-1.5 4.6a1.5 1.5 0 0 0 3 0z")

class WallTimeline {
  constructor(root, acts) {
    this.acts = acts
    this.root = root
    this.names = root.querySelector(".names")
    this.plot = root.querySelector(".plot")
    ;[this.axis, this.canvas] = root.querySelectorAll("canvas")
    this.tip = root.querySelector(".tip")
    this.slider = this.plot
    this.view = [0, 1]
    this.drawn = []
    this.pointers = new Map()
    this.probe = root.querySelector(".paints")
    for (const name of PAINTS) this.probe.append(element("i", `paint-${name}`))
    this.resized = new ResizeObserver(() => { this.dirty = true })
    this.resized.observe(this.plot)
    this.listen()
  }

  close() { this.resized.disconnect() }

  show(day) {
    this.day = day
    this.view = [...day.fit]
    const rows = day.lanes.filter((lane) => lane.first).map((lane) => {
      const row = element("div", "row")
      row.style.height = `${LANE_PIXELS * lane.row.length}px`
      row.append(element("b", "", lane.name))
      if (!lane.named) row.append(element("small", "", "folder, no camera named"))
      row.title = lane.name
      return row
    })
    this.names.replaceChildren(element("div", "corner"), ...rows)
    this.changed()
  }

  get length() { return this.view[1] - this.view[0] }

  x(ms) { return ((ms - this.view[0]) / this.length) * this.width }

  at(x) { return this.view[0] + (x / this.width) * this.length }

  // -- What is looked at ----------------------------------------------------------

  look(from, to) {
    const [first, last] = this.day.day
    const length = clamp(to - from, SHORTEST_MS, last - first)
    const start = clamp(from + (to - from - length) / 2, first, last - length)
    this.view = [start, start + length]
    this.changed()
  }

  changed() {
    this.dirty = true
    this.acts.viewed()
  }

  zoom(factor, around = null) {
    const now = this.acts.now()
    const seen = this.view[0] <= now && now <= this.view[1]
    const middle = around ?? (seen ? now : (this.view[0] + this.view[1]) / 2)
    const length = clamp(this.length * factor, SHORTEST_MS, this.day.day[1] - this.day.day[0])
    const part = (middle - this.view[0]) / this.length
    this.look(middle - part * length, middle + (1 - part) * length)
  }

  pan(part) { this.look(this.view[0] + part * this.length, this.view[1] + part * this.length) }

  reveal(ms) {
    if (ms < this.view[0] || ms > this.view[1]) this.look(ms - this.length / 3, ms + (2 * this.length) / 3)
  }

  // The clock walks out of the view: the view turns a page.
  follow(ms) {
    if (ms > this.view[1] && ms < this.view[1] + this.length) this.look(ms - 0.05 * this.length, ms + 0.95 * this.length)
  }

  fits() { return same(this.view, this.day.fit) }

  isWhole() { return same(this.view, this.day.day) }

  // -- Pointers -------------------------------------------------------------------

  listen() {
    const { plot } = this
    const place = (event) => event.clientX - this.canvas.getBoundingClientRect().left
    plot.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey) this.zoom(Math.exp(clamp(event.deltaY, -60, 60) / 150), this.at(place(event)))
      else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.pan((event.deltaX || event.deltaY) / this.width)
      else return
      event.preventDefault()
    }, { passive: false })
    plot.onpointerdown = (event) => {
      if (event.button) return
      plot.setPointerCapture(event.pointerId)
      this.pointers.set(event.pointerId, place(event))
      const onAxis = event.clientY < this.axis.getBoundingClientRect().bottom
      const near = Math.abs(place(event) - this.x(this.acts.now())) < 8 && event.pointerType === "mouse"
      this.drag = { x: place(event), view: [...this.view], what: "none", may: onAxis || near ? "scrub" : event.shiftKey ? "range" : "pan" }
      if (this.pointers.size === 2) this.pinch()
    }
    plot.onpointermove = (event) => {
      const x = place(event)
      this.hover(x, event.clientY)
      if (!this.pointers.has(event.pointerId)) return
      this.pointers.set(event.pointerId, x)
      if (this.pinched) return this.pinching()
      const { drag } = this
      if (drag.what === "none" && Math.abs(x - drag.x) >= DRAG_PIXELS) drag.what = drag.may
      if (drag.what === "scrub") this.acts.scrub(this.at(clamp(x, 0, this.width)))
      else if (drag.what === "range") {
        this.range = [Math.min(drag.x, x), Math.max(drag.x, x)]
        this.dirty = true
      } else if (drag.what === "pan") {
        const by = ((drag.x - x) / this.width) * (drag.view[1] - drag.view[0])
        this.look(drag.view[0] + by, drag.view[1] + by)
      }
    }
    plot.onpointerup = (event) => {
      const x = place(event)
      const { drag } = this
      this.pointers.delete(event.pointerId)
      if (this.pinched || !drag) {
        if (!this.pointers.size) this.pinched = null
        return
      }
      if (drag.what === "none") this.acts.seek(this.pressed(x, event.clientY))
      else if (drag.what === "scrub") this.acts.seek(this.at(clamp(x, 0, this.width)))
      else if (drag.what === "range") this.look(this.at(this.range[0]), this.at(this.range[1]))
      this.drag = this.range = null
      this.dirty = true
    }
    plot.onpointercancel = () => { // a finger scrolls the page
      this.pointers.clear()
      this.drag = this.range = this.pinched = null
      this.dirty = true
    }
    plot.onpointerleave = () => {
      this.tip.hidden = true
      this.hovered = null
      this.dirty = true
    }
  }

  pinch() {
    const [one, other] = [...this.pointers.values()]
    this.pinched = { from: [this.at(Math.min(one, other)), this.at(Math.max(one, other))] }
    this.drag = null
  }

  pinching() {
    if (this.pointers.size < 2) return
    const xs = [...this.pointers.values()].sort((one, other) => one - other)
    const [first, last] = this.pinched.from
    const length = ((last - first) * this.width) / Math.max(xs[1] - xs[0], 12)
    const start = first - (xs[0] / this.width) * length
    this.look(start, start + length)
  }

  // A press on a block goes to its beginning, else to the moment under the pointer.
  pressed(x, y) {
    const block = this.blockAt(x, y)
    const start = block?.blocks[0].start
    return block && start >= this.view[0] && block.right - block.left < 60 ? start : this.at(clamp(x, 0, this.width))
  }

  laneAt(clientY) {
    return Math.floor((clientY - this.canvas.getBoundingClientRect().top) / LANE_PIXELS)
  }

  blockAt(x, clientY) {
    const lane = this.laneAt(clientY)
    return this.drawn.findLast((each) => each.lane === lane && each.left - 1 <= x && x <= each.right + 1)
  }

  hover(x, clientY) {
    this.hovered = clamp(x, 0, this.width)
    this.dirty = true
    const ms = this.at(this.hovered)
    const lane = this.day.lanes[this.laneAt(clientY)]
    const block = this.blockAt(x, clientY)
    const lines = [this.day.zone.clock(ms)]
    if (block) lines.push(...describe(block))
    else if (lane) lines.push(describeFootage(lane, ms, this.day.zone))
    this.tip.replaceChildren(...lines.map((line, number) => element(number ? "span" : "b", "", line)))
    this.tip.hidden = false
    const room = this.plot.clientWidth - this.tip.offsetWidth - 4
    this.tip.style.left = `${clamp(this.hovered + 12, 0, Math.max(0, room))}px`
    const top = clientY - this.plot.getBoundingClientRect().top + this.plot.scrollTop
    this.tip.style.top = `${Math.max(AXIS_PIXELS, top + 18)}px`
  }

  // -- Drawing ----------------------------------------------------------------------

  draw(now) {
    this.width = this.canvas.clientWidth
    if (!this.day || !this.width) return
    const cursor = Math.round(this.x(now) * 2) / 2
    const label = this.day.zone.clock(now) // not of the pixel, which is rounded
    const looks = getComputedStyle(this.probe).color
    if (!this.dirty && cursor === this.cursor && label === this.cursorText && looks === this.looks) return
    if (looks !== this.looks) this.paints = Object.fromEntries(PAINTS.map((name, number) => [name, getComputedStyle(this.probe.children[number]).color]))
    this.looks = looks
    this.cursor = cursor
    this.cursorText = label
    this.dirty = false
    const height = LANE_PIXELS * this.day.lanes.length
    const axis = this.scaled(this.axis, AXIS_PIXELS)
    const lanes = this.scaled(this.canvas, height)
    this.drawn = []
    const ticks = this.ticks()
    this.drawAxis(axis, ticks)
    this.day.lanes.forEach((lane, number) => this.drawLane(lanes, lane, number * LANE_PIXELS, ticks))
    this.drawCursor(axis, lanes, height)
    this.say(now)
  }

  scaled(canvas, height) {
    const scale = window.devicePixelRatio || 1
    const [wide, high] = [Math.round(this.width * scale), Math.round(height * scale)]
    if (canvas.width !== wide || canvas.height !== high) {
      canvas.width = wide
      canvas.height = high
      canvas.style.height = `${height}px`
    }
    const pen = canvas.getContext("2d")
    pen.setTransform(scale, 0, 0, scale, 0, 0)
    pen.clearRect(0, 0, this.width, height)
    pen.font = `12px ${getComputedStyle(this.root).fontFamily}`
    pen.textBaseline = "middle"
    return pen
  }

  ticks() {
    const most = Math.max(2, this.width / 92)
    const step = 1000 * (STEPS.find((each) => this.length / 1000 / each <= most) ?? STEPS[STEPS.length - 1])
    const unit = Math.min(step, 900_000)
    const marks = []
    for (let ms = Math.ceil(this.view[0] / unit) * unit; ms < this.view[1]; ms += unit) {
      if ((ms + 1000 * this.day.zone.offset(ms)) % step === 0) marks.push(ms)
    }
    return { marks, step }
  }

  drawAxis(pen, { marks, step }) {
    const { zone } = this.day
    let before = zone.offset(this.view[0])
    pen.textAlign = "center"
    for (const ms of marks) {
      const x = this.x(ms)
      pen.fillStyle = this.paints.muted
      const offset = zone.offset(ms)
      const label = (step < 60_000 ? zone.clock(ms) : zone.short(ms)) + (offset === before ? "" : ` ${zoneName(offset)}`)
      before = offset
      if (x > 22 && x < this.width - 22 && Math.abs(x - this.cursor) > 56) pen.fillText(label, x, 12)
      pen.fillStyle = this.paints.line
      pen.fillRect(Math.round(x), AXIS_PIXELS - 6, 1, 6)
    }
  }

  drawLane(pen, lane, top, { marks }) {
    const { paints, width } = this
    const x = (ms) => this.x(ms)
    if (lane.number % 2 === 0) this.fill(pen, paints.sunken, 0, top, width, LANE_PIXELS, 0, 0.55)
    for (const ms of marks) this.fill(pen, paints.line, Math.round(x(ms)), top, 1, LANE_PIXELS, 0, 0.6)
    for (const bar of this.bars(lane)) {
      const wide = Math.max(bar.right - bar.left, 2)
      this.fill(pen, bar.unindexed ? paints.gap : paints["soft-line"], bar.left, top + 3, wide, LANE_PIXELS - 6, 4)
      if (bar.guessed) this.hatch(pen, bar.left, top + 3, wide, LANE_PIXELS - 6)
    }
    for (const kind of KINDS) {
      const blocks = lane.blocks.filter((block) => block.kind === kind)
      for (const block of merged(blocks, x, kind === "alert" ? 18 : LEAST_BLOCK, 2, width)) {
        block.kind = kind
        block.lane = lane.number
        this.drawn.push(block)
        this.drawBlock(pen, block, top + 7, LANE_PIXELS - 14)
      }
    }
    pen.fillStyle = paints.line
    pen.fillRect(0, top + LANE_PIXELS - 1, width, lane.row[lane.row.length - 1] === lane ? 1 : 0)
  }

  // Recordings that follow each other closely are drawn as one.
  bars(lane) {
    const bars = []
    for (const { start, end, guessed, unindexed } of lane.recordings) {
      if (end < this.view[0] || start > this.view[1]) continue
      const [left, right] = [Math.max(this.x(start), -8), Math.min(this.x(end), this.width + 8)]
      const last = bars[bars.length - 1]
      if (last && left - last.right < 1 && last.guessed === guessed && last.unindexed === unindexed) last.right = right
      else bars.push({ left, right, guessed, unindexed })
    }
    return bars
  }

  drawBlock(pen, block, top, height) {
    const { paints } = this
    const [left, right] = [Math.max(block.left, -6), Math.min(block.right, this.width + 6)]
    const wide = right - left - 1
    const [back, front] = { event: ["accent", "on-accent"], match: ["match", "on-match"], alert: ["now", "panel"] }[block.kind]
    this.fill(pen, paints[back], left, top, wide, height, 4)
    pen.fillStyle = paints[front]
    pen.textAlign = "left"
    let from = Math.max(left, 0) + 6
    if (block.kind === "alert") {
      pen.save()
      pen.translate(wide < 26 ? left + wide / 2 : from + 4, top + height / 2)
      pen.scale(0.95, 0.95)
      pen.fill(BELL)
      pen.restore()
      from += 14
    }
    const room = right - from - 6
    const number = block.blocks.length
    const text = number > 1 ? String(number) : block.blocks[0].text
    if (number > 1 ? room >= 7 * text.length : room > 40) pen.fillText(shortened(pen, text, room), from, top + height / 2 + 0.5)
  }

  drawCursor(axis, lanes, height) {
    const { paints } = this
    if (this.hovered != null) this.fill(lanes, paints.muted, Math.round(this.hovered), 0, 1, height, 0, 0.7)
    if (this.range) this.fill(lanes, paints.accent, this.range[0], 0, this.range[1] - this.range[0], height, 0, 0.22)
    const x = this.cursor
    if (x < -1 || x > this.width + 1) return
    for (const [pen, top, high] of [[axis, 12, AXIS_PIXELS], [lanes, 0, height]]) this.fill(pen, paints.now, x - 1, top, 2, high, 0)
    const label = this.cursorText
    const wide = axis.measureText(label).width + 12
    const left = clamp(x - wide / 2, 0, this.width - wide)
    this.fill(axis, paints.now, left, 2, wide, 20, 6)
    axis.fillStyle = paints.panel
    axis.textAlign = "center"
    axis.fillText(label, left + wide / 2, 12.5)
  }

  fill(pen, paint, left, top, wide, high, radius, alpha = 1) {
    pen.fillStyle = paint
    pen.globalAlpha = alpha
    if (radius) {
      pen.beginPath()
      pen.roundRect(left, top, Math.max(wide, 1), high, radius)
      pen.fill()
    } else pen.fillRect(left, top, wide, high)
    pen.globalAlpha = 1
  }

  hatch(pen, left, top, wide, high) {
    pen.save()
    pen.beginPath()
    pen.rect(Math.max(left, 0), top, Math.min(wide, this.width), high)
    pen.clip()
    pen.strokeStyle = this.paints.panel
    pen.lineWidth = 3
    pen.beginPath()
    for (let x = Math.max(left, 0) - high; x < Math.min(left + wide, this.width); x += 10) {
      pen.moveTo(x, top + high)
      pen.lineTo(x + high, top)
    }
    pen.stroke()
    pen.restore()
  }

  // The slider's value in words, for people who do not see it.
  say(now) {
    const { day, slider } = this
    slider.ariaValueMin = String(Math.round(day.day[0] / 1000))
    slider.ariaValueMax = String(Math.round(day.day[1] / 1000))
    slider.ariaValueNow = String(Math.round(now / 1000))
    const records = new Set(day.lanes.filter((lane) => lane.at(now)).map((lane) => lane.row[0])).size
    const rows = day.lanes.filter((lane) => lane.first).length
    slider.ariaValueText = `${day.zone.clock(now)}, ${records} of ${rows} cameras record`
  }
}

const same = (one, other) => Math.abs(one[0] - other[0]) < 1 && Math.abs(one[1] - other[1]) < 1

function zoneName(seconds) {
  if (!seconds) return "UTC"
  const minutes = Math.abs(seconds) / 60
  const two = (number) => String(Math.floor(number)).padStart(2, "0")
  return `UTC${seconds < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`
}

function describe({ kind, blocks }) {
  const words = { event: "event", match: "result", alert: "alert" }[kind]
  const texts = blocks.slice(0, 3).map(({ text }) => text)
  if (blocks.length === 1) return kind === "event" ? texts : [`${words[0].toUpperCase()}${words.slice(1)}`, ...texts]
  const more = blocks.length > 3 ? [`and ${blocks.length - 3} more`] : []
  return [`${blocks.length} ${words}s`, ...texts, ...more]
}

function describeFootage(lane, ms, zone) {
  const recording = lane.at(ms)
  if (!recording) return `${lane.name}: no footage`
  const doubts = [recording.guessed && "the clock is a guess", recording.unindexed && "not indexed"].filter(Boolean)
  return [`${lane.name}: ${zone.clock(recording.start)} – ${zone.clock(recording.end)}`, recording.file, ...doubts].join(", ")
}

function shortened(pen, text, room) {
  if (pen.measureText(text).width <= room) return text
  let most = Math.floor((text.length * room) / pen.measureText(text).width)
  while (most > 1 && pen.measureText(`${text.slice(0, most)}…`).width > room) most -= 1
  return most > 2 ? `${text.slice(0, most)}…` : ""
}
