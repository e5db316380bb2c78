// The timeline of the whole video: lanes to look at, to zoom and to drag; a press seeks. Knows no player.
// What it shows lies in one wide element, placed in percent, so that to zoom is to change its width.

const LEAST_VIEW = 5 // seconds in view at the nearest
const MOST_ZOOM = 15000 // times; browsers lay out no element of more than some ten million pixels
const CLICK_PIXELS = 4 // a press that moves further drags
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400]
const LEGEND = {
  found: "found",
  uncertain: "uncertain",
  "not checked": "not checked",
  "not found": "not found",
  event: "caption",
  speech: "speech",
  subtitles: "subtitles",
  "screen-text": "screen text",
  note: "note",
  stretch: "preview",
  gap: "not indexed",
  none: "no frames",
}
const COLUMNS = {
  Matches: "found",
  Notes: "note",
  Speech: "speech",
  Subtitles: "subtitles",
  "Screen text": "screen-text",
}

class Timeline {
  /** `listener.seek(seconds)` is called for a press, `listener.viewed(start, end)` when finer pieces are wanted. */
  constructor(root, listener) {
    this.listener = listener
    this.root = root
    this.view = root.querySelector(".view")
    this.content = root.querySelector(".content")
    this.tip = root.querySelector(".tip")
    this.finer = settled(() => this.wantFiner(), 300)
    this.view.addEventListener("pointerdown", (event) => this.press(event))
    this.view.addEventListener("pointermove", (event) => this.hover(event))
    this.view.addEventListener("pointerleave", () => (this.tip.hidden = true))
    this.view.addEventListener("wheel", (event) => this.wheel(event), { passive: false })
    this.wave = new WaveformLane(root.querySelector(".wave"), () => this.sounds())
    this.resized = new ResizeObserver(() => {
      this.ticks()
      if (this.duration) this.wave.look(this.start, this.end)
    })
    this.resized.observe(this.view)
  }

  close() {
    this.resized.disconnect()
    this.finer.never()
    this.wave.close()
  }

  /** There is sound: make room for its lane. */
  sounds() {
    this.root.classList.add("heard")
    this.named(this.drawn ?? this.lanes)
    this.wave.look(this.start, this.end)
  }

  /** Another video, or another span of it. */
  open({ duration, span, waveform }) {
    if (waveform !== this.wave.address) this.root.classList.remove("heard")
    this.wave.open(waveform, duration)
    if (duration !== this.duration) [this.duration, this.start, this.end] = [duration, 0, duration]
    else if (span[0] < this.start || span[1] > this.end) this.center((span[0] + span[1]) / 2)
    this.root.querySelector(".far").textContent = clock(duration, 1)
    this.view.ariaValueMin = "0"
    this.view.ariaValueMax = duration.toFixed(3)
  }

  /** What lies where: `lanes` for the whole video, `detail` for a part of it. */
  fill({ lanes, detail, covered, gaps }) {
    Object.assign(this, { lanes, detail, covered, gaps })
    this.drawn = null
    this.show()
    this.finer()
  }

  // -- Looking --------------------------------------------------------------

  look(start, end) {
    const least = Math.min(this.duration, Math.max(LEAST_VIEW, this.duration / MOST_ZOOM))
    const long = within(end - start, least, this.duration)
    const middle = (start + end) / 2
    this.start = within(middle - long / 2, 0, this.duration - long)
    this.end = this.start + long
    this.show()
    this.finer()
  }

  center(seconds) {
    const half = (this.end - this.start) / 2
    this.look(seconds - half, seconds + half)
  }

  /** Zoom by a factor; the moment `about` stays where it is. */
  zoom(factor, about) {
    this.look(about - (about - this.start) * factor, about + (this.end - about) * factor)
  }

  all() {
    this.look(0, this.duration)
  }

  wantFiner() {
    const coarse = (lanes) => lanes.some((lane) => lane.bins)
    const [have] = this.detail
    const inside = have && have.within[0] <= this.start && have.within[1] >= this.end
    const long = this.end - this.start
    const near = inside && (!coarse(this.detail) || have.within[1] - have.within[0] < 6 * long)
    if (coarse(this.lanes) && long < this.duration / 2 && !near) this.listener.viewed(this.start, this.end)
  }

  // -- Drawing --------------------------------------------------------------

  show() {
    const long = this.end - this.start
    this.content.style.width = `${(100 * this.duration) / long}%`
    this.content.style.left = `${(-100 * this.start) / long}%`
    this.view.classList.toggle("zoomed", long < this.duration)
    const [part] = this.detail
    const fits = part && part.within[0] <= this.start && part.within[1] >= this.end
    const chosen = fits && long < this.duration ? this.detail : this.lanes
    if (chosen !== this.drawn) this.draw(chosen)
    this.ticks()
    this.wave.look(this.start, this.end)
  }

  draw(lanes) {
    this.drawn = lanes
    const kinds = new Set(["stretch"])
    const rows = lanes.map((lane) => {
      const row = document.createElement("div")
      row.className = "lane"
      row.style.setProperty("--rows", lane.rows)
      if (lane.bins) this.columns(row, lane, kinds)
      else for (const piece of lane.pieces) row.append(this.piece(piece, kinds))
      return row
    })
    const base = document.createElement("div")
    base.className = "indexed"
    for (const [start, end] of this.covered) base.append(this.box("i", start, end))
    for (const [start, end] of this.gaps) base.append(this.box("b", start, end))
    const known = [...this.covered, ...this.gaps].reduce((sum, [start, end]) => sum + end - start, 0)
    if (known < this.duration - 0.5) kinds.add("gap")
    if (this.gaps.length) kinds.add("none")
    const without = this.gaps.map(([start, end]) => this.box("b", start, end))
    this.content.querySelector(".lanes").replaceChildren(...without, ...rows, base)
    this.named(lanes)
    this.explain(kinds)
  }

  box(element, start, end) {
    const made = document.createElement(element)
    made.style.left = percent(start, 0, this.duration)
    made.style.width = percent(end - start, 0, this.duration)
    return made
  }

  piece([start, end, label, kind, row], kinds) {
    kinds.add(kind)
    const made = this.box("i", start, end)
    made.className = `piece ${kind.replace(" ", "-")}`
    made.style.setProperty("--row", row)
    made.about = `${clock(start, 1)} – ${clock(end, 1)}  ${label}`
    return made
  }

  columns(row, { bins, within: [first, past], name }, kinds) {
    const kind = COLUMNS[name] ?? "event"
    kinds.add(kind)
    const most = Math.max(...bins)
    const wide = (past - first) / bins.length
    bins.forEach((count, number) => {
      if (!count) return
      const start = first + number * wide
      const made = this.box("i", start, start + wide)
      made.className = `column ${kind}`
      made.style.height = `${12 + 88 * Math.sqrt(count / most)}%`
      const ends = [start, start + wide].map((seconds) => clock(seconds, wide < 10 ? 1 : 0))
      made.about = `${ends.join(" – ")}  ${count} ${name.toLowerCase()}`
      row.append(made)
    })
  }

  named(lanes) {
    const names = lanes.map((lane) => {
      const made = document.createElement("span")
      made.textContent = lane.name
      made.style.setProperty("--rows", lane.rows)
      return made
    })
    if (this.wave.sound) {
      const made = document.createElement("span")
      made.textContent = "Sound"
      made.className = "sound"
      names.unshift(made)
    }
    this.root.querySelector(".names").replaceChildren(...names)
    this.view.ariaDescription = lanes.map((lane) => `${lane.name}: ${lane.count}`).join(", ")
  }

  explain(kinds) {
    const keys = Object.keys(LEGEND).filter((kind) => kinds.has(kind))
    const entries = keys.map((kind) => {
      const [entry, sign] = [document.createElement("span"), document.createElement("i")]
      sign.className = `key ${kind.replace(" ", "-")}`
      entry.append(sign, LEGEND[kind])
      return entry
    })
    this.root.querySelector(".legend").replaceChildren(...entries)
  }

  ticks() {
    if (!this.duration || !this.view.clientWidth) return
    const long = this.end - this.start
    const room = Math.max(2, this.view.clientWidth / 76)
    const step = STEPS.find((each) => long / each <= room) ?? STEPS.at(-1)
    const marks = []
    for (let at = Math.ceil(this.start / step - 1e-9) * step; at <= this.end + 1e-9; at += step) {
      const mark = document.createElement("span")
      mark.textContent = clock(at, step < 1 ? 1 : 0)
      mark.style.left = percent(at, this.start, this.end)
      const share = (at - this.start) / long
      mark.className = share < 0.04 ? "first" : share > 0.96 ? "last" : ""
      marks.push(mark)
    }
    this.root.querySelector(".ticks").replaceChildren(...marks)
  }

  /** Where the player is: the head, its points and its clip. */
  follow({ now, chosen, clip }) {
    const place = (name, start, end) => {
      const piece = this.content.querySelector(`:scope > ${name}`)
      piece.hidden = start === undefined
      if (piece.hidden) return
      piece.style.left = percent(start, 0, this.duration)
      if (end !== undefined) piece.style.width = percent(end - start, 0, this.duration)
    }
    place(".head", now)
    place(".chosen", ...chosen)
    place(".stretch", clip?.start, clip?.end)
    this.view.ariaValueNow = now.toFixed(3)
    this.view.ariaValueText = clock(now, 1)
  }

  // -- Pointing -------------------------------------------------------------

  at(event) {
    const box = this.view.getBoundingClientRect()
    return this.start + within((event.clientX - box.left) / box.width, 0, 1) * (this.end - this.start)
  }

  press(event) {
    if (event.button) return
    const [from, start, end] = [event.clientX, this.start, this.end]
    let dragged = false
    this.view.setPointerCapture(event.pointerId)
    const move = ({ clientX }) => {
      dragged ||= Math.abs(clientX - from) > CLICK_PIXELS
      if (!dragged) return
      this.tip.hidden = true
      const seconds = ((clientX - from) / this.view.clientWidth) * (end - start)
      this.look(start - seconds, end - seconds)
    }
    const release = (last) => {
      this.view.removeEventListener("pointermove", move)
      this.view.removeEventListener("pointerup", release)
      this.view.removeEventListener("pointercancel", release)
      if (!dragged && last.type === "pointerup") this.listener.seek(this.at(last))
    }
    this.view.addEventListener("pointermove", move)
    this.view.addEventListener("pointerup", release)
    this.view.addEventListener("pointercancel", release)
  }

  hover(event) {
    const piece = event.target.closest?.(".piece, .column")
    this.tip.hidden = event.buttons > 0 || event.pointerType === "touch"
    this.tip.textContent = piece?.about ?? clock(this.at(event), 1)
    const box = this.root.getBoundingClientRect()
    const lanes = this.view.getBoundingClientRect()
    const half = this.tip.offsetWidth / 2
    this.tip.style.left = `${within(event.clientX - box.left, half, box.width - half)}px`
    this.tip.style.bottom = `${box.bottom - lanes.top + 6}px`
  }

  /** The wheel zooms with Ctrl, or alone once the timeline was pressed: else it scrolls the page. */
  wheel(event) {
    const here = this.view.getRootNode().activeElement === this.view
    const along = Math.abs(event.deltaX) > Math.abs(event.deltaY)
    if (!event.ctrlKey && !event.metaKey && !here && !along) return
    event.preventDefault()
    if (along) {
      const seconds = (event.deltaX / this.view.clientWidth) * (this.end - this.start)
      this.look(this.start + seconds, this.end + seconds)
    } else this.zoom(1.0015 ** within(event.deltaY, -300, 300), this.at(event))
  }
}
