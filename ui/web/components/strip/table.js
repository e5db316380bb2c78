// The cutting table: joins monitor, trim bar and strip, and talks to Python. Every change is one message; it is
// shown at once, and the next one waits until Python has answered the one before.

const LINES = [
  { keys: [" "], does: "play or pause" },
  { keys: ["Shift+P"], does: "play the whole reel" },
  { keys: ["n", "p"], does: "next or previous clip" },
  { keys: ["[", "]"], does: "move the in point by a frame; with Shift by ten" },
  { keys: [",", "."], does: "move the out point by a frame; with Shift by ten" },
  { keys: ["Alt+ArrowLeft", "Alt+ArrowRight"], does: "move the clip in the reel" },
  { keys: ["Delete"], does: "remove the clip" },
  { keys: ["m"], does: "sound off or on" },
]
const SCALES = [4, 8, 14, 24, 42, 72, 120] // pixels a second
/** Tells one cut of a clip from another. */
const cutOf = (clip) => clip && `${clip.id} ${clip.start} ${clip.end} ${clip.missing}`
const NUDGES = { BracketLeft: ["start", -1], BracketRight: ["start", 1], Comma: ["end", -1], Period: ["end", 1] }

class CuttingTable {
  constructor(root) {
    this.root = root
    this.tab = Math.random().toString(36).slice(2)
    this.waiting = [] // changes that Python has not answered, oldest first
    this.number = 0
    this.clips = []
    this.zoom = 3
    this.byLength = true
    const source = (clip) => this.sources[clip?.source]
    this.part = (name) => root.querySelector(`.${name}`)
    this.monitor = new Monitor(this.part("screen"), {
      source,
      moved: (clip, seconds, playing) => this.moved(clip, seconds, playing),
    })
    const trim = (...given) => this.trim(...given)
    this.trimBar = new TrimBar(this.part("trim"), { trim })
    this.blocks = new Blocks(this.part("strip"), {
      source,
      trim,
      select: (id) => this.select(id),
      move: (id, before) => this.change({ do: "move", ids: [id], before }),
    })
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]")
      if (button) this.act(button.dataset.do)
    })
    keyboard().join(this)
  }

  close() {
    keyboard().leave(this)
    this.trimBar.close()
    this.monitor.stop()
  }

  // -- With Python -----------------------------------------------------------

  show(data, send) {
    const other = data.reel !== this.reel
    Object.assign(this, { send, reel: data.reel, edition: data.edition, wanted: data.wanted, sources: data.sources })
    this.repeats = data.repeats
    const [tab, number] = data.done ?? []
    if (other || data.trouble) this.waiting = []
    if (data.trouble && this.restore) this.selected = this.restore // a second press must not meet another clip
    if (this.waiting.length && tab === this.tab && number >= this.waiting[0].number) {
      this.waiting.shift()
      if (this.waiting.length) this.sendFirst()
    }
    const before = cutOf(this.clip)
    this.clips = this.waiting.reduce(applied, data.clips)
    if (other) this.monitor.stop()
    if (!this.clips.some((clip) => clip.id === this.selected)) this.select(this.clips[this.gone ?? 0]?.id ?? this.clips.at(-1)?.id)
    else if (cutOf(this.clip) !== before) this.picture()
    this.draw()
  }

  /** Make a change here at once, and send it when its turn comes. */
  change(change) {
    if (!this.waiting.length) this.restore = this.selected
    this.waiting.push({ ...change, number: ++this.number })
    this.clips = applied(this.clips, change)
    this.draft = null
    if (this.waiting.length === 1) this.sendFirst()
    this.draw()
  }

  sendFirst() {
    this.send("edit", { tab: this.tab, reel: this.reel, edition: this.edition, ...this.waiting[0] })
  }

  // -- What can be done --------------------------------------------------------

  get clip() {
    return this.clips.find((clip) => clip.id === this.selected)
  }

  get place() {
    return this.clips.findIndex((clip) => clip.id === this.selected)
  }

  select(id, { quiet = false } = {}) {
    const same = id === this.selected
    this.selected = id
    this.gone = Math.max(0, this.place)
    this.draft = null
    if (!quiet && (!same || this.monitor.paused)) this.picture()
    this.draw()
    if (!same) this.blocks.reveal(id)
  }

  /** Show the first picture of the chosen clip. */
  picture() {
    const { clip } = this
    this.playingId = null
    this.monitor.show(clip && !clip.missing ? this.sources[clip.source] : null, clip?.start ?? 0)
    if (clip?.missing) this.monitor.say(clip.missing)
    this.seconds = totalOf(this.clips.slice(0, Math.max(0, this.place)))
    this.drawClock()
  }

  trim(clip, edge, seconds, done) {
    const source = this.sources[clip.source]
    if (!source || clip.missing) return
    const cut = cutAt(clip, source, edge, seconds)
    const now = this.clips.find((each) => each.id === clip.id)
    if (!now) return
    this.draft = { ...clip, ...cut }
    this.monitor.show(source, edge === "start" ? cut.start : cut.end - frameOf(source) / 2)
    if (done && (cut.start !== now.start || cut.end !== now.end)) this.change({ do: "trim", id: clip.id, ...cut })
    else if (done) this.draft = null
    this.draw()
  }

  nudge(edge, frames) {
    const { clip } = this
    if (clip && !clip.missing) this.trim(clip, edge, clip[edge] + frames * frameOf(this.sources[clip.source]), true)
  }

  shift(by) {
    const { place } = this
    const to = place + by
    if (place < 0 || to < 0 || to >= this.clips.length) return
    const before = by < 0 ? this.clips[to].id : (this.clips[to + 1]?.id ?? null)
    this.change({ do: "move", ids: [this.selected], before })
    this.blocks.reveal(this.selected)
  }

  remove(ids) {
    const next = this.clips.slice(this.place + 1).find((clip) => !ids.includes(clip.id))
    const left = next ?? this.clips.findLast((clip) => !ids.includes(clip.id))
    this.change({ do: "remove", ids })
    if (!this.clips.some((clip) => clip.id === this.selected)) this.select(left?.id)
  }

  act(name) {
    const { clip, monitor } = this
    const [what, edge, frames] = name.split(" ")
    if (what === "all") {
      this.whole = true
      monitor.play(this.clips)
    } else if (what === "play") this.toggle()
    else if (what === "mute") for (const video of monitor.videos) video.muted = !video.muted
    else if (what === "step") {
      const next = this.clips[this.place + Number(edge)]
      if (next) this.select(next.id)
    } else if (what === "shift") this.shift(Number(edge))
    else if (what === "nudge") this.nudge(edge, Number(frames))
    else if (what === "remove" && clip) this.remove([clip.id])
    else if (what === "keep" && clip) this.remove(clip.same.map(([id]) => id).filter((id) => this.clips.some((each) => each.id === id)))
    else if (what === "once") this.remove(this.repeats.filter((id) => this.clips.some((each) => each.id === id)))
    else if (what === "widths") this.byLength = !this.byLength
    else if (what === "zoom") this.zoom = within(this.zoom + Number(edge), 0, SCALES.length - 1)
    this.draw()
  }

  toggle() {
    const { clip, monitor } = this
    if (monitor.playing || monitor.paused) return monitor.toggle()
    if (!clip || clip.missing) return
    this.whole = false
    monitor.play([clip])
  }

  /** The monitor is somewhere else in what it plays. */
  moved(clip, seconds, playing) {
    const before = this.whole || !clip ? 0 : totalOf(this.clips.slice(0, this.clips.findIndex((each) => each.id === clip.id)))
    this.seconds = before + seconds
    this.playingId = playing ? clip?.id : null
    if (clip && clip.id !== this.selected && playing) this.select(clip.id, { quiet: true })
    else if (this.drawnPlaying !== this.playingId) this.draw()
    this.drawClock()
  }

  groups() {
    return [{ title: "Reel", lines: this.clips.length ? LINES : [] }]
  }

  key(event, _, element) {
    if (!this.clips.length || document.querySelector("dialog[open], [role=dialog]")) return false
    const name = this.action(event, element)
    if (name) this.act(name)
    return Boolean(name)
  }

  action(event, element) {
    const inStrip = element === this.part("strip")
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
    if (way && event.altKey) return inStrip || element === document.body ? `shift ${way}` : null
    if (event.altKey) return null
    if (way && inStrip) return `step ${way}`
    if (inStrip && event.key === "Home") return `step ${-this.place}`
    if (inStrip && event.key === "End") return `step ${this.clips.length - 1 - this.place}`
    if (NUDGES[event.code]) return `nudge ${NUDGES[event.code][0]} ${NUDGES[event.code][1] * (event.shiftKey ? 10 : 1)}`
    if (event.key === " ") return element instanceof Element && element.closest("button, a, summary, [role=button]") ? null : "play"
    if (event.key === "Enter") return inStrip ? "play" : null
    return { n: "step 1", p: "step -1", k: "play", m: "mute", Delete: "remove", Backspace: inStrip && "remove", P: "all" }[event.key]
  }

  // -- Drawing -----------------------------------------------------------------

  draw() {
    const shown = this.draft ? this.clips.map((clip) => (clip.id === this.draft.id ? this.draft : clip)) : this.clips
    const chosen = shown.find((clip) => clip.id === this.selected)
    const { monitor } = this
    this.drawnPlaying = this.playingId
    this.root.classList.toggle("playing", monitor.playing)
    this.root.classList.toggle("equal", !this.byLength)
    this.blocks.draw(shown, {
      selected: this.selected,
      scale: this.byLength ? SCALES[this.zoom] : 0,
      playing: this.playingId,
    })
    this.drawClip(chosen)
    this.drawLength(totalOf(shown), shown.length)
    const press = (name, pressed) => (this.root.querySelector(`[data-do="${name}"]`).ariaPressed = String(pressed))
    press("widths", this.byLength)
    press("mute", monitor.videos[0].muted)
    const play = this.root.querySelector("[data-do=play]")
    play.ariaLabel = monitor.playing ? "Pause" : "Play clip"
    this.root.querySelector("[data-do=all]").disabled = !shown.some((clip) => !clip.missing)
    for (const way of [-1, 1]) {
      const over = this.place + way < 0 || this.place + way >= shown.length
      for (const what of ["step", "shift"]) this.root.querySelector(`[data-do="${what} ${way}"]`).disabled = over
      const zoom = this.root.querySelector(`[data-do="zoom ${way}"]`)
      zoom.disabled = !this.byLength || !SCALES[this.zoom + way]
    }
    this.drawClock()
  }

  /** What is known of the chosen clip. */
  drawClip(clip) {
    const panel = this.part("clip")
    const put = (name, text) => (this.part(name).textContent = text)
    panel.hidden = !clip
    if (!clip) return
    const source = this.sources[clip.source]
    put("which", `Clip ${this.place + 1} of ${this.clips.length}`)
    put("title", clip.missing ? "This clip is missing" : clip.text)
    put("from", [source?.name, source?.camera, clip.clock].filter(Boolean).join(" · ") || clip.missing)
    const verdict = this.part("verdict")
    verdict.textContent = clip.verdict
    verdict.className = `verdict pill ${clip.kind}`
    verdict.hidden = !clip.verdict
    put("in", clock(clip.start))
    put("out", clock(clip.end))
    put("lasts", `${lengthOf(clip).toFixed(2)} s`)
    this.part("cut").hidden = Boolean(clip.missing)
    if (!clip.missing) this.trimBar.draw(clip, source)
    const others = clip.same.map(([id, kind]) => [this.clips.findIndex((each) => each.id === id) + 1, kind]).filter(([at]) => at)
    const kinds = { camera: "Same moment, another camera", video: "Same moment, same video" }
    this.part("same").hidden = !others.length
    if (others.length) put("same-words", `${kinds[others[0][1]]}: clip ${others.map(([at]) => at).join(", ")}`)
    const repeats = this.repeats.filter((id) => this.clips.some((each) => each.id === id)).length
    this.part("once").hidden = !repeats
    put("once-words", `${repeats} ${repeats === 1 ? "clip shows a moment" : "clips show moments"} a second time.`)
  }

  drawLength(total, number) {
    const bar = this.part("length-bar")
    const full = Math.max(this.wanted, total, 0.001)
    this.part("filled").style.width = percent(Math.min(total, this.wanted || total), 0, full)
    this.part("over").style.left = percent(this.wanted || total, 0, full)
    this.part("over").style.width = percent(this.wanted ? Math.max(0, total - this.wanted) : 0, 0, full)
    const over = this.wanted > 0 && total > this.wanted + 0.05
    bar.classList.toggle("too-long", over)
    bar.hidden = !this.wanted
    const left = over ? `${clock(total - this.wanted, 1)} too long` : `${clock(this.wanted - total, 1)} left`
    const clips = `${number} ${number === 1 ? "clip" : "clips"}`
    this.part("total").textContent = this.wanted ? `${clock(total, 1)} of ${clock(this.wanted, 1)}` : clock(total, 1)
    this.part("rest").textContent = this.wanted ? `in ${clips} · ${left}` : `in ${clips}`
  }

  drawClock() {
    this.part("now").textContent = `${clock(this.seconds ?? 0, 1)} / ${clock(totalOf(this.clips), 1)}`
  }
}

const tables = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  let table = tables.get(parentElement)
  if (!table) {
    table = new CuttingTable(parentElement.querySelector(".table"))
    tables.set(parentElement, table)
  }
  table.show(data, setStateValue)
  return () => {
    table.close()
    tables.delete(parentElement)
  }
}
