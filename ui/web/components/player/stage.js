// The stage: joins player, timeline and keys, and talks to Python. Streamlit calls the exported function with
// the page's data at first and whenever they change. Foreign text is only ever set as text.

const ONCE = ["accept", "reject", "export", "picture"] // of these, what counts each time that it is pressed
const PAGE = ["previous", "next", "accept", "reject", "export", "picture"] // what the page does, where it says so
const UNITS = { second: () => 1, tenth: () => 0.1, frame: (player) => player.frame }
const NARROW = "(max-width: 640px)" // where the stage is docked at the bottom, as in styles/layout.css
const STALE_MILLISECONDS = 4000 // so long the page may take to follow a moment that was started here
const PARKED_MILLISECONDS = 3000
const AHEAD = 3 // moments whose previews are cut before anybody asks
const REST_MILLISECONDS = 250 // how long nothing changes before that begins
const TYPING_MILLISECONDS = 1500 // how long no key is pressed before it goes on: an answer comes before a preview

let parked = null // what was playing when the page took the player away, to go on where it puts it next

class Stage {
  constructor(root) {
    this.root = root
    this.player = new Player(root.querySelector(".preview"), {
      moved: () => this.draw(),
      reach: (seconds, play) => this.ask({ seconds, play }),
      marked: () => this.report({ marked: true }),
      pushed: (point) => this.say(`${point === "in" ? "In" : "Out"} moved along`),
    })
    this.timeline = new Timeline(root.querySelector(".whole"), {
      seek: (seconds) => this.player.seek(seconds),
      viewed: (start, end) => this.ask({ view: [start, end] }),
    })
    this.transcript = new Transcript(root.querySelector(".words"), {
      seek: (seconds) => this.player.seek(seconds),
      mark: (start, end) => this.player.choose(start, end),
      loaded: (entries) => {
        this.boxes.fill(entries)
        this.draw()
      },
    })
    this.boxes = new Boxes(root.querySelector(".boxes"), root.querySelector("[data-do=boxes]"))
    this.tracks = new Tracks(root.querySelector(".tracked"))
    this.selection = new Selection(root, () => this.act("picture"))
    this.flush = settled(() => this.reportNow(), 120)
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]")
      if (button) this.act(button.dataset.do)
    })
    this.upcoming = []
    this.listening = new AbortController()
    const options = { signal: this.listening.signal }
    document.addEventListener("click", (event) => this.pressed(event), { ...options, capture: true })
    document.addEventListener("keydown", () => this.prepare(TYPING_MILLISECONDS), { ...options, capture: true })
    document.addEventListener("pointerover", (event) => this.pointed(event), { ...options, passive: true })
    this.dock = new Dock(root, this.listening.signal)
    keyboard().join(this)
  }

  close() {
    const { video } = this.player
    if (this.player.clip) {
      const playing = !video.paused || Boolean(this.player.wanted?.play)
      parked = { of: this.of, at: this.player.now, play: playing, until: performance.now() + PARKED_MILLISECONDS }
    }
    keyboard().leave(this)
    this.listening.abort()
    this.flush.never()
    clearTimeout(this.ahead)
    this.dock.close()
    this.timeline.close()
    this.transcript.close()
    this.player.key = null
    this.player.unload()
  }

  // -- With Python ------------------------------------------------------------

  show(data, send, trigger) {
    if (this.started && data.of === this.started.before && performance.now() < this.started.until) return
    Object.assign(this, { send, trigger, actions: data.actions, upcoming: data.upcoming })
    const fresh = data.of !== this.of
    const begun = this.started?.of === data.of // it plays already, since it was pressed
    this.started = null
    const known = !fresh && this.player.span
    const sharper = known && (data.span[0] !== known[0] || data.span[1] !== known[1])
    if (fresh || begun) {
      if (fresh) this.begin(data)
      this.timeline.open(data)
      this.checking = false
      this.say("")
    }
    if (sharper) this.player.sharpen(data.span, data.marks)
    if (data.provisional) this.say("From captions, being checked", "checking")
    else if (this.checking || sharper) this.say(checked(data), data.verdict)
    this.checking = data.provisional
    this.timeline.fill(data)
    this.transcript.load(data.words, data.track)
    this.tracks.fill(data.tracks)
    this.dock.show(data)
    const jumped = (fresh || data.jump.number !== this.jumps) && !begun
    this.jumps = data.jump.number
    const same = (data.clip && (data.clip.url ?? data.clip.ask)) === this.player.key
    const resumed = fresh && parked?.of === data.of && performance.now() < parked.until ? parked : null
    parked = null
    if (jumped || !same) this.player.load(data.clip, { ...(jumped ? (resumed ?? data.jump) : {}), poster: data.poster })
    for (const button of this.root.querySelectorAll("[data-do]"))
      if (PAGE.includes(button.dataset.do)) button.hidden = !data.actions.includes(button.dataset.do)
    this.draw()
    this.prepare()
  }

  /** Another moment. */
  begin(data) {
    this.flush.never()
    this.of = data.of
    this.unreported = {}
    this.selection.turn(false)
    this.player.open(data)
  }

  /** Say in a line below the picture what happened to the moment. */
  say(words, kind = "") {
    const line = this.root.querySelector(".news")
    line.textContent = words
    line.hidden = !words
    line.dataset.kind = kind
  }

  // -- Moments that the page's buttons play ----------------------------------------

  /** The moment that a press or a pointer is on; undefined for none. */
  meant(event) {
    if (!this.upcoming.length) return undefined
    const names = new Set(event.composedPath().flatMap((each) => [...(each.classList ?? [])]))
    return this.upcoming.find(({ target }) => names.has(`st-key-${target}`))
  }

  /** A button that plays a moment was pressed: start it now, the page follows. */
  pressed(event) {
    const button = event.composedPath().some((each) => each.tagName === "BUTTON" && !each.disabled)
    const moment = button && this.meant(event)
    if (moment) this.start(moment)
  }

  start(moment) {
    const before = this.of
    if (moment.of === before) return this.player.seek(moment.span[0], true)
    this.begin({ ...moment, marks: moment.span })
    this.started = { of: moment.of, before, until: performance.now() + STALE_MILLISECONDS }
    this.say("")
    this.player.load(moment.clip, { at: moment.span[0], play: true, poster: moment.poster })
    this.draw()
  }

  /** What the pointer rests on is probably pressed next. */
  pointed(event) {
    const moment = this.meant(event)
    if (moment) fetchClip(moment.clip.ask).catch(() => {})
  }

  /** Have the previews of the next moments cut, one after the other, once the page rests so long. */
  prepare(milliseconds = REST_MILLISECONDS) {
    clearTimeout(this.ahead)
    const turn = (this.turn = {})
    const here = this.upcoming.findIndex(({ of }) => of === this.of)
    const next = [...this.upcoming.slice(here + 1), ...this.upcoming.slice(0, Math.max(0, here))].slice(0, AHEAD)
    const cut = async () => {
      for (const { clip } of next) {
        if (this.turn !== turn || this.listening.signal.aborted) return
        await fetchClip(clip.ask).catch(() => {})
      }
    }
    if (next.length) this.ahead = setTimeout(cut, milliseconds)
  }

  // -- To Python --------------------------------------------------------------------

  /** Ask for what only Python can do. What a button does is asked at once: new data must not take it away. */
  ask(wishes) {
    this.report({ wishes: { ...this.unreported.wishes, ...wishes } })
    if (ONCE.includes(wishes.action)) {
      this.flush.never()
      this.reportNow()
    }
  }

  /** A key held down is reported once it rests; points go before what is to be done with them. */
  report(news) {
    Object.assign(this.unreported, news)
    this.flush()
  }

  reportNow() {
    const { marked, wishes } = this.unreported
    this.unreported = {}
    if (marked) this.send("marks", { of: this.of, in: this.player.in, out: this.player.out })
    if (wishes) this.trigger("asked", { of: this.of, ...wishes })
  }

  // -- What can be done ---------------------------------------------------------

  /** Do what a button or a key names, such as "play" or "in + frame"; false where that cannot be done now. */
  act(name) {
    const { player, timeline } = this
    const [what, sign, unit] = name.split(" ")
    if (PAGE.includes(what)) {
      if (!this.actions.includes(what)) return false
      if (what === "picture") return this.find()
      const here = this.upcoming.findIndex(({ of }) => of === this.of)
      const other = here < 0 ? undefined : this.upcoming[here + { next: 1, previous: -1 }[what]]
      this.ask({ action: what })
      if (other) {
        this.flush.never()
        this.reportNow() // before another moment is named
        this.start(other)
      }
    } else if (what === "select") return this.select()
    else if (what === "leave") return this.selection.leave() || this.dock.leave()
    else if (what === "help") keyboard().toggle()
    else if (what === "dock") this.dock.turn()
    else if (what === "fold") this.transcript.open()
    else if (what === "find") return this.transcript.find()
    else if (what === "follow") this.transcript.back()
    else if (what === "boxes") {
      if (!this.boxes.has && !this.tracks.has) return false
      this.boxes.toggle()
      this.tracks.on = this.boxes.on
    } else if (what === "pause") {
      if (!player.clip) return false
      player.stop()
    } else if (what === "shuttle") {
      if (!player.clip) return false
      player.shuttle(sign === "-" ? -1 : 1)
    }
    else if (what === "zoom") {
      if (sign === "all") timeline.all()
      else timeline.zoom(sign === "+" ? 1 / 1.6 : 1.6, this.middle())
    } else if (!player.clip) return false
    else if (what === "play") player.toggle()
    else if (what === "loop") player.loops = !player.loops
    else if (what === "mute") player.video.muted = !player.video.muted
    else if (what === "full") this.full()
    else if (what === "reset") player.reset()
    else if (sign === "=") player.set(what, player.now)
    else {
      const seconds = UNITS[unit](player) * (sign === "-" ? -1 : 1)
      if (what === "step") player.step(seconds)
      else player.nudge(what, player[what] + seconds)
    }
    this.draw()
    return true
  }

  /** What a zoom turns around: the head while it is in view. */
  middle() {
    const { start, end } = this.timeline
    const now = this.player.now
    return now >= start && now <= end ? now : (start + end) / 2
  }

  /** Search by the picture on show, or by the box on it. */
  find() {
    const { player } = this
    if (!player.stands) return false
    player.video.pause()
    this.ask({ action: "picture", at: player.now, box: this.selection.box })
    return true
  }

  /** Begin or end drawing a box on the picture, which stands still for that. */
  select() {
    if (!this.player.stands || !this.actions.includes("picture")) return false
    this.player.video.pause()
    this.selection.turn(!this.selection.on)
    this.draw()
    return true
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen()
    else this.root.querySelector(".screen").requestFullscreen?.()
  }

  /** Do what a key stands for; false where it stands for nothing now. */
  key(event, name, element) {
    const act = actOf(name, element.closest(".clock")?.parentElement.dataset.point)
    if (!act) return false
    if (event.repeat && (ONCE.includes(act) || act.startsWith("shuttle"))) return false
    return this.act(act)
  }

  /** The player's part of the sheet: what can be done here. */
  groups() {
    const can = {
      boxes: this.boxes.has || this.tracks.has,
      words: !this.transcript.root.hidden,
      leave: this.actions.includes("picture") || this.dock.narrow,
    }
    const there = ({ needs }) => !needs || (can[needs] ?? this.actions.includes(needs))
    return PLAYER_KEYS.map(({ title, lines }) => ({ title, lines: lines.filter(there) }))
  }

  // -- Drawing ------------------------------------------------------------------

  draw() {
    const { player, root } = this
    if (player.in === undefined) return
    const put = (selector, text) => {
      const element = root.querySelector(selector)
      if (element.textContent !== text) element.textContent = text
    }
    const now = Math.max(0, player.now)
    put(".now", `${clock(now)} / ${clock(player.duration, 1)}`)
    put(".length output", `${(player.out - player.in).toFixed(3)} s`)
    for (const point of ["in", "out"]) {
      put(`[data-point=${point}] .clock`, clock(player[point]))
      const spin = root.querySelector(`[data-point=${point}] .clock`)
      spin.ariaValueNow = player[point].toFixed(3)
      spin.ariaValueText = clock(player[point])
    }
    const moved = player.in !== player.span[0] || player.out !== player.span[1]
    root.querySelector("[data-do=reset]").disabled = !moved
    const playing = !player.video.paused || player.rate < 0 || Boolean(player.wanted?.play)
    root.classList.toggle("playing", playing)
    for (const button of root.querySelectorAll(".play")) button.ariaLabel = playing ? "Pause" : "Play"
    root.querySelector("[data-do=loop]").ariaPressed = String(player.loops)
    root.querySelector("[data-do=mute]").ariaPressed = String(player.video.muted)
    const scrub = root.querySelector(".scrub")
    scrub.ariaValueMin = (player.clip?.start ?? 0).toFixed(3)
    scrub.ariaValueMax = player.end.toFixed(3)
    scrub.ariaValueNow = now.toFixed(3)
    scrub.ariaValueText = clock(now)
    player.draw()
    const chosen = [player.in, player.out]
    this.timeline.follow({ now, chosen, clip: player.clip })
    this.transcript.follow({ now, chosen })
    this.boxes.draw(now)
    this.tracks.draw(now)
    const drawn = this.boxes.has || this.tracks.has
    root.querySelector("[data-do=boxes]").hidden = !drawn
    this.selection.draw(this.actions.includes("picture") && player.stands && !playing)
  }
}

/** What a check came to, in a few words. */
function checked({ span: [start, end], verdict }) {
  if (verdict === "not found") return "Checked: not found here"
  const times = end < 60 ? `${start.toFixed(1)} – ${end.toFixed(1)} s` : `${clock(start, 1)} – ${clock(end, 1)}`
  return `Checked: ${verdict === "uncertain" ? "uncertain, " : ""}${times}`
}

const stages = new WeakMap()

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let stage = stages.get(parentElement)
  if (!stage) {
    stage = new Stage(parentElement.querySelector(".stage"))
    stages.set(parentElement, stage)
  }
  stage.show(data, setStateValue, setTriggerValue)
  return () => {
    stage.close()
    stages.delete(parentElement)
  }
}
