// The wall: tiles that follow one clock, the timeline that moves it, and what the page is sent. Foreign text is set as
// text only. The page hears of a moment when the person pauses or goes somewhere, never while it plays.

const MOST_VIDEOS = 16
const SETTLE_MS = 350
const PATIENCE_MS = 6000 // the clock waits this long for the last tiles, and longer only if there is none at all
const LOST_MS = 700
const BUSY_MS = 1500 // so long after a move of the clock every frame is drawn
const REST_MS = 150 // at rest the wall is looked at only so often: a loop of frames takes a tenth of a processor
const TILE_SHAPE = 16 / 9
const FIELDS =
  "input:not([type=button], [type=submit], [type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=listbox]," +
  " [role=combobox], [role=menu], [role=grid]"
const SHEET = [
  ["Space", "Play or pause all cameras"], ["k", "Pause"], ["l", "Play, again faster: 2×, 4×, 8×"], ["j", "Backwards, again faster"],
  ["← →", "One frame; on the timeline 1 s"], ["Shift ← →", "0.1 s; on the timeline 10 s"], ["n p", "Next, previous event"],
  ["Home End", "On the timeline: first, last second of footage"], ["+ − 0", "Zoom in, zoom out, fit"],
  ["Enter, f", "Full screen of the camera with the focus"], ["Esc", "Back to the wall"], ["m", "Mute all"], ["?", "This list"],
]

class Wall {
  constructor(root) {
    this.root = root
    this.clock = new WallClock()
    this.gate = new Gate()
    this.tiles = []
    this.wants = false
    this.resting = null
    this.listening = new AbortController()
    this.timeline = new WallTimeline(root.querySelector(".timeline"), {
      now: () => this.clock.now,
      seek: (ms) => this.seek(ms),
      scrub: (ms) => this.scrub(ms),
      viewed: () => this.drawZooms(),
    })
    this.calendar = new Calendar(root, (day) => this.trigger("day", day))
    this.around = new Around(root, { seek: (ms, plays) => this.seek(ms, plays), ask: (asked) => this.ask(asked) })
    this.grid = root.querySelector(".tiles")
    this.playButton = root.querySelector(".play")
    this.buttons()
    this.resized = new ResizeObserver(() => this.layout())
    this.resized.observe(root)
    document.addEventListener("keydown", (event) => this.key(event), { signal: this.listening.signal, capture: true })
    for (const act of ["pointerdown", "pointermove", "wheel", "focusin"])
      root.addEventListener(act, () => this.wake(), { signal: this.listening.signal, capture: true, passive: true })
    this.frame = () => {
      this.step()
      if (this.busy) this.next = requestAnimationFrame(this.frame)
      else this.resting = setTimeout(() => this.wake(), REST_MS)
    }
    this.next = requestAnimationFrame(this.frame)
  }

  // Draw the next frame, also at rest.
  wake() {
    if (this.resting === null) return
    clearTimeout(this.resting)
    this.resting = null
    this.next = requestAnimationFrame(this.frame)
  }

  close() {
    cancelAnimationFrame(this.next)
    clearTimeout(this.resting)
    this.listening.abort()
    this.resized.disconnect()
    this.timeline.close()
    clearTimeout(this.settling)
    for (const tile of this.tiles) tile.close()
  }

  // -- What the page gives ----------------------------------------------------------

  show(data, trigger) {
    this.trigger = trigger
    this.calendar.show(data.days, data.chosen)
    const { root } = this
    root.querySelector(".pick").textContent = data.chosen_label
    root.querySelector(".zone").textContent = data.zone
    root.querySelector(".earlier").disabled = !this.calendar.neighbour(-1)
    root.querySelector(".later").disabled = !this.calendar.neighbour(1)
    this.actions = data.actions
    if (data.address !== this.address) {
      this.address = data.address
      this.load(data)
    } else if (data.jump !== this.jump && this.day) this.arrive(data.cursor)
    this.jump = data.jump
  }

  async load(data) {
    const { address, cursor } = data
    this.root.dataset.state = "loading"
    let day
    try {
      day = readDay(await (await fetch(address)).json())
    } catch {
      if (address === this.address) this.say("The day could not be loaded: the app does not answer. Reload the page.")
      return
    }
    if (address !== this.address) return
    const before = this.day
    this.day = day
    this.times = recordedTimes(day.lanes)
    for (const tile of this.tiles) tile.close()
    const acts = { sound: (tile) => this.hear(tile), full: (tile) => this.full(tile), open: (tile) => this.open(tile) }
    this.tiles = day.lanes.map((lane) => new Tile(lane, this.gate, acts))
    this.grid.replaceChildren(...this.tiles.map((tile) => tile.element))
    this.shown = ""
    this.timeline.show(day)
    this.around.show(day, this.actions)
    this.legend(day)
    this.pause(false)
    const kept = before && same(before.day, day.day) ? this.clock.now : null
    this.arrive(cursor ?? kept ?? fullest(day.lanes) ?? day.day[0])
    this.root.dataset.state = "ready"
  }

  arrive(ms) {
    if (ms === null || ms === undefined) return
    this.clock.seek(ms)
    this.timeline.reveal(ms)
    this.touched = performance.now()
  }

  legend(day) {
    const kinds = new Set(day.blocks.map(({ kind }) => kind))
    const recordings = day.lanes.flatMap((lane) => lane.recordings)
    const entries = [["footage", "footage"], ["none", "no footage"]]
    if (kinds.has("event")) entries.push(["event", "indexed events, with their number"])
    if (kinds.has("match")) entries.push(["match", "results of the search"])
    if (kinds.has("alert")) entries.push(["alert", "alerts"])
    if (recordings.some(({ guessed }) => guessed)) entries.push(["guess", "the clock is a guess"])
    if (recordings.some(({ unindexed }) => unindexed)) entries.push(["unindexed", "not indexed"])
    const keys = entries.map(([kind, words]) => {
      const key = element("span", "entry")
      key.append(element("i", `key-${kind}`), words)
      return key
    })
    keys.push(element("span", "hint", "Press to go to a moment. Drag to move, Shift and drag to zoom into a part, Ctrl and wheel or pinch to zoom."))
    this.root.querySelector(".legend").replaceChildren(...keys)
  }

  // -- The clock ----------------------------------------------------------------------

  get busy() {
    const moved = performance.now() - (this.touched ?? 0) < BUSY_MS
    return this.wants || this.clock.playing || this.scrubbing || this.timeline.dirty || moved
  }

  step() {
    if (!this.day) return
    const now = this.clock.now
    if (this.clock.playing) this.bounds(now)
    const loads = !this.scrubbing && performance.now() - (this.touched ?? 0) > SETTLE_MS
    const w = { now: this.clock.now, playing: this.clock.playing, rate: this.clock.rate, wants: this.wants, loads, zone: this.day.zone }
    let videos = 0
    const visible = this.tiles.filter((tile) => this.isShown(tile, w.now))
    this.place(visible)
    for (const tile of visible) {
      const plays = Boolean(tile.lane.at(w.now)) && (videos += 1) <= MOST_VIDEOS
      tile.follow({ ...w, plays })
    }
    if (this.wants && !this.clock.playing && loads) this.begin(visible)
    if (this.clock.playing && this.clock.rate > 0 && loads) this.hold(visible)
    if (this.clock.playing && !this.scrubbing) this.timeline.follow(w.now)
    this.timeline.draw(w.now)
    this.around.follow(w.now)
    this.drawClock(w.now)
  }

  // A lane has a tile while it records; the first of a camera also while none of its lanes does.
  isShown({ lane }, now) {
    return Boolean(lane.at(now)) || (lane.first && lane.row.every((other) => !other.at(now)))
  }

  begin(visible) {
    const waits = visible.filter((tile) => !tile.isReady).length
    const plays = visible.some((tile) => tile.element.classList.contains("ready"))
    const waited = performance.now() - this.asked
    if (waits && !(plays && waited > PATIENCE_MS)) return
    this.clock.start()
    this.drawPlay()
  }

  // One tile that drops out stops no other; where none has a picture, the clock waits.
  hold(visible) {
    const recording = visible.filter((tile) => tile.recording)
    const goes = recording.some((tile) => tile.element.classList.contains("ready") || tile.front.state === "failed")
    if (goes || !recording.length) this.lostAt = null
    else if ((this.lostAt ??= performance.now()) + LOST_MS < performance.now()) {
      this.clock.stop()
      this.asked = performance.now()
      this.drawPlay()
    }
  }

  // Where nothing is recorded the clock jumps to the next footage; behind the last of it, it stops.
  bounds(now) {
    const inside = this.times.some(([start, end]) => start <= now && now < end)
    if (inside) return
    const back = this.clock.rate < 0
    const next = back ? this.times.findLast(([, end]) => end <= now) : this.times.find(([start]) => start > now)
    if (!next) {
      this.clock.seek(back ? this.times[0][0] : Math.max(...this.times.map(([, end]) => end)) - 40)
      this.pause()
      this.say("The footage of this day ends here.")
    } else if (this.root.querySelector(".skip").checked) {
      const to = back ? next[1] - 40 : next[0]
      if (Math.abs(to - now) > 3000) this.say(`No camera recorded until ${this.day.zone.clock(to)}: skipped.`)
      this.clock.seek(to)
    }
  }

  play() {
    if (this.wants || !this.day) return
    this.wants = true
    this.asked = performance.now()
    this.say("")
    const end = Math.max(...this.times.map(([, last]) => last))
    if (this.clock.rate > 0 && this.clock.now >= end - 60) this.clock.seek(this.times[0][0])
    this.drawPlay()
  }

  pause(tells = true) {
    const wanted = this.wants
    this.wants = false
    this.clock.stop()
    if (this.clock.rate < 0) this.speed(1)
    this.drawPlay()
    if (tells && wanted) this.tell()
  }

  toggle() { this.wants ? this.pause() : this.play() }

  speed(rate) {
    this.clock.speed(rate)
    const select = this.root.querySelector(".speed")
    select.value = String(rate)
    this.drawPlay()
  }

  shuttle(direction) {
    const { rate } = this.clock
    const goes = this.wants && Math.sign(rate) === direction
    this.speed(goes ? direction * Math.min(8, Math.max(2, 2 * Math.abs(rate))) : direction)
    this.play()
    if (direction < 0) this.clock.start() // backwards there is nothing to wait for
  }

  seek(ms, plays = false) {
    if (!this.day) return
    this.scrubbing = false
    const [first, last] = this.day.day
    this.clock.seek(clamp(ms, first, last - 1))
    this.timeline.reveal(this.clock.now)
    this.touched = this.wants ? 0 : performance.now()
    if (this.wants && this.clock.rate > 0) { // wait for the pictures there
      this.clock.stop()
      this.asked = performance.now()
    }
    if (plays) this.play()
    this.say("")
    clearTimeout(this.settling)
    this.settling = setTimeout(() => this.tell(), SETTLE_MS)
  }

  scrub(ms) {
    this.scrubbing = true
    this.clock.seek(ms)
  }

  jump10(seconds) { this.seek(this.clock.now + 1000 * seconds) }

  frames(number) {
    this.pause(false)
    const tile = this.tiles.find((each) => each.recording && each.element.matches(":focus-within")) ?? this.tiles.find((each) => each.recording)
    this.seek(this.clock.now + (1000 * number) / (tile?.recording.fps ?? 25))
  }

  event(step) {
    const now = this.clock.now
    const found = step > 0
      ? this.day.blocks.find(({ start }) => start > now + 20)
      : this.day.blocks.findLast(({ start }) => start < now - 1000 * (this.clock.playing ? 2 : 0.02))
    if (!found) return this.say(step > 0 ? "There is no later event on this day." : "There is no earlier event on this day.")
    this.seek(found.start)
    this.say(`${this.day.zone.clock(found.start)}, ${found.lane.name}: ${found.text}`)
  }

  tell() {
    if (this.day) this.trigger("moment", Math.round(this.clock.now))
  }

  ask(asked) {
    this.pause(false)
    this.clock.seek(asked.moment)
    this.trigger("asked", { ...asked, moment: Math.round(asked.moment) })
  }

  // -- Tiles ----------------------------------------------------------------------------

  place(visible) {
    const key = visible.map((tile) => tile.lane.number).join()
    if (key === this.shown) return
    this.shown = key
    for (const tile of this.tiles) {
      const hidden = !visible.includes(tile)
      if (hidden && !tile.element.hidden) for (const reel of [tile.front, tile.back]) reel.video.pause()
      tile.element.hidden = hidden
    }
    this.layout()
  }

  // As many columns as make the tiles largest without pushing the timeline out of sight.
  layout() {
    const number = this.tiles.filter((tile) => !tile.element.hidden).length
    if (!number) return
    const wide = this.root.clientWidth
    const gap = 8
    let best = { width: 0, columns: 1 }
    if (wide < 560) best = { width: wide, columns: 1 }
    else {
      const high = Math.max(340, 0.56 * window.innerHeight)
      for (let columns = 1; columns <= number; columns += 1) {
        const rows = Math.ceil(number / columns)
        const width = Math.min((wide - gap * (columns - 1)) / columns, ((high - gap * (rows - 1)) / rows) * TILE_SHAPE)
        if (width > best.width + 1) best = { width, columns }
      }
      const least = Math.min(220, wide / 2 - gap)
      if (best.width < least) {
        const columns = Math.floor((wide + gap) / (least + gap))
        best = { width: (wide - gap * (columns - 1)) / columns, columns }
      }
    }
    this.grid.style.gridTemplateColumns = `repeat(${best.columns}, ${Math.floor(best.width)}px)`
  }

  hear(tile) {
    const on = !tile.soundOn
    for (const each of this.tiles) each.listen(on && each === tile)
    this.root.querySelector(".hush").disabled = !on
    this.say(on ? `Sound of ${tile.lane.name}` : "")
  }

  hush() {
    for (const tile of this.tiles) tile.listen(false)
    this.root.querySelector(".hush").disabled = true
  }

  full(tile) {
    if (document.fullscreenElement) document.exitFullscreen()
    else tile.element.requestFullscreen?.().catch(() => this.say("This browser does not show one camera on the full screen."))
  }

  open({ recording, seconds }) {
    if (recording) this.ask({ action: "player", content: recording.content, seconds, moment: this.clock.now })
  }

  // How far each playing video is off the clock, in milliseconds.
  drifts() {
    return this.tiles.filter((tile) => tile.drift !== null && !tile.element.hidden).map((tile) => Math.round(1000 * tile.drift))
  }

  // -- Buttons and keys -------------------------------------------------------------------

  buttons() {
    const { root } = this
    const acts = {
      play: () => this.toggle(), back: () => this.jump10(-10), on: () => this.jump10(10), mute: () => this.hush(),
      "frame-back": () => this.frames(-1), "frame-on": () => this.frames(1), next: () => this.event(1), previous: () => this.event(-1),
      fit: () => this.timeline.look(...this.day.fit), whole: () => this.timeline.look(...this.day.day),
      closer: () => this.timeline.zoom(0.4), wider: () => this.timeline.zoom(2.5),
      earlier: () => this.timeline.pan(-0.5), later: () => this.timeline.pan(0.5), keys: () => this.sheet(),
    }
    this.acts = acts
    for (const button of root.querySelectorAll("[data-icon]")) button.replaceChildren(icon(button.dataset.icon))
    for (const button of root.querySelectorAll("[data-do]")) button.onclick = () => this.day && acts[button.dataset.do]()
    for (const [name, step] of [["earlier", -1], ["later", 1]]) {
      root.querySelector(`.day .${name}`).onclick = () => this.trigger("day", this.calendar.neighbour(step))
    }
    root.querySelector(".speed").onchange = (event) => this.speed(Number(event.target.value))
    const typed = root.querySelector(".typed")
    typed.onkeydown = (event) => {
      if (event.key !== "Enter" || !typed.value.trim() || !this.day) return
      const ms = this.day.zone.read(typed.value, this.day.day)
      typed.ariaInvalid = String(ms === null)
      if (ms === null) return this.say(`“${typed.value}” is not a time of day. Type hours, minutes and seconds: 14:03:20.`)
      typed.value = ""
      this.seek(ms)
    }
    root.querySelector(".keys dl").append(...SHEET.map(([keys, does]) => {
      const line = element("div")
      const term = element("dt")
      term.append(element("kbd", "", keys))
      line.append(term, element("dd", "", does))
      return line
    }))
  }

  sheet() {
    const dialog = this.root.querySelector("dialog")
    dialog.open ? dialog.close() : dialog.showModal()
  }

  key(event) {
    this.wake()
    const target = event.composedPath()[0]
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.day) return
    if (target instanceof Element && target.closest(FIELDS)) return
    if (document.querySelector("[role=dialog][aria-modal=true], dialog[open]")) return
    const inside = this.root.contains(target) // a player on the page has its own keys
    if (!inside && document.querySelector(".st-key-stage")) return
    if (this.root.querySelector("dialog").open && event.key !== "?") return
    const act = (target === this.timeline.plot && this.timelineKey(event)) || this.pageKey(event, target)
    if (!act) return
    event.preventDefault()
    event.stopPropagation()
    act()
  }

  timelineKey({ key, shiftKey }) {
    const seconds = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -60, PageUp: 60 }[key]
    if (seconds) return () => this.jump10(seconds * (shiftKey ? 10 : 1))
    if (key === "Home") return () => this.seek(this.times[0][0])
    if (key === "End") return () => this.seek(Math.max(...this.times.map(([, end]) => end)) - 1000)
    return null
  }

  pageKey({ key, shiftKey }, target) {
    const pressed = target instanceof Element && target.closest("button, a, summary, [role=button], [role=tab], [role=radio]")
    if (pressed && (key === " " || key === "Enter" || key.startsWith("Arrow"))) return null
    const tile = this.tiles.find(({ element: drawn }) => drawn.contains(target)) ?? this.tiles.find((each) => !each.element.hidden)
    const way = { ArrowLeft: -1, ArrowRight: 1 }[key]
    if (way) return () => (shiftKey ? this.jump10(0.1 * way) : this.frames(way))
    if (shiftKey && key !== "?" && key !== "+") return null
    return {
      " ": () => this.toggle(), k: () => this.pause(), j: () => this.shuttle(-1), l: () => this.shuttle(1), n: () => this.event(1),
      p: () => this.event(-1), m: () => this.hush(), f: () => tile && this.full(tile), "+": this.acts.closer, "=": this.acts.closer,
      "-": this.acts.wider, 0: this.acts.fit, "?": () => this.sheet(),
    }[key]
  }

  // -- Words ----------------------------------------------------------------------------------

  say(text) {
    const place = this.root.querySelector(".say")
    if (place.textContent !== text) place.textContent = text
  }

  drawClock(now) {
    const place = this.root.querySelector(".now")
    const text = this.day.zone.clock(now)
    if (place.textContent !== text) place.textContent = text
    if (this.root.dataset.moment !== String(Math.round(now))) this.root.dataset.moment = String(Math.round(now))
    const drifts = this.drifts().join()
    if (this.root.dataset.drifts !== drifts) this.root.dataset.drifts = drifts
  }

  drawPlay() {
    const state = !this.wants ? "paused" : this.clock.playing ? "playing" : "waiting"
    if (this.root.dataset.plays === state) return
    this.root.dataset.plays = state
    this.playButton.replaceChildren(icon(this.wants ? "pause" : "play"))
    this.playButton.ariaLabel = this.wants ? "Pause all cameras" : "Play all cameras"
  }

  drawZooms() {
    if (!this.day) return
    const [fits, whole] = [this.timeline.fits(), this.timeline.isWhole()]
    const off = { fit: fits, whole, wider: whole, closer: this.timeline.length <= SHORTEST_MS, earlier: this.timeline.view[0] <= this.day.day[0], later: this.timeline.view[1] >= this.day.day[1] }
    for (const [name, disabled] of Object.entries(off)) {
      const button = this.root.querySelector(`.zooms [data-do=${name}]`)
      if (button.disabled !== disabled) button.disabled = disabled
    }
  }
}

const walls = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let wall = walls.get(parentElement)
  if (!wall) {
    wall = new Wall(parentElement.querySelector(".wall"))
    walls.set(parentElement, wall)
  }
  wall.show(data, setTriggerValue)
  return () => {
    wall.close()
    walls.delete(parentElement)
  }
}
