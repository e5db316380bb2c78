// The stage: joins player, timeline and keys, and talks to Python. Streamlit calls the exported function with
// the page's data at first and whenever they change. Foreign text is only ever set as text.

const ONCE = ["accept", "reject", "export", "picture"] // of these, what counts each time that it is pressed
const PAGE = ["previous", "next", "accept", "reject", "export", "picture"] // what the page does, where it says so
const UNITS = { second: () => 1, tenth: () => 0.1, frame: (player) => player.frame }
const KEYS = {
  " ": "play",
  k: "play",
  j: "step - second",
  l: "step + second",
  i: "in = head",
  o: "out = head",
  n: "next",
  p: "previous",
  a: "accept",
  x: "reject",
  e: "export",
  t: "loop",
  m: "mute",
  f: "full",
  b: "boxes",
  s: "select",
  v: "picture",
  Escape: "leave",
  r: "fold",
  "/": "find",
  "?": "help",
  "+": "zoom +",
  "-": "zoom -",
  0: "zoom all",
}
const ARROWS = { ArrowLeft: "-", ArrowRight: "+", PageUp: "- second", PageDown: "+ second" }
const NUDGES = { BracketLeft: "in -", BracketRight: "in +", Comma: "out -", Period: "out +" } // keys by place
const TYPING = "input:not([type=button], [type=submit], [type=checkbox], [type=radio]), textarea, select"
const OTHERS =
  "[contenteditable], [role=slider], [role=listbox], [role=combobox], [role=menu], [role=grid], [role=dialog]," +
  " [role=tablist], [role=radiogroup], [role=spinbutton], canvas, video, audio"

class Stage {
  constructor(root) {
    this.root = root
    this.player = new Player(root.querySelector(".preview"), {
      moved: () => this.draw(),
      reach: (seconds, play) => this.ask({ seconds, play }),
      marked: () => this.report({ marked: true }),
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
    this.selection = new Selection(root, () => this.act("picture"))
    this.flush = settled(() => this.reportNow(), 120)
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]")
      if (button) this.act(button.dataset.do)
    })
    this.listening = new AbortController()
    document.addEventListener("keydown", (event) => this.key(event), { signal: this.listening.signal })
  }

  close() {
    this.listening.abort()
    this.flush.never()
    this.timeline.close()
    this.transcript.close()
    this.player.unload()
  }

  // -- With Python ------------------------------------------------------------

  show(data, send, trigger) {
    Object.assign(this, { send, trigger, actions: data.actions })
    const fresh = data.of !== this.of
    if (fresh) {
      this.flush.never()
      this.of = data.of
      this.unreported = {}
      this.selection.turn(false)
      this.player.open(data)
      this.timeline.open(data)
    }
    this.timeline.fill(data)
    this.transcript.load(data.words, data.track)
    const jumped = fresh || data.jump.number !== this.jumps
    this.jumps = data.jump.number
    const same = (data.clip && this.player.clip && data.clip.url) === this.player.clip?.url
    if (jumped || !same) this.player.load(data.clip, jumped ? data.jump : {})
    for (const button of this.root.querySelectorAll("[data-do]"))
      if (PAGE.includes(button.dataset.do)) button.hidden = !data.actions.includes(button.dataset.do)
    for (const line of this.root.querySelectorAll("[data-needs]"))
      line.hidden = !data.actions.includes(line.dataset.needs)
    this.draw()
  }

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
      this.ask({ action: what })
    } else if (what === "select") return this.select()
    else if (what === "leave") return this.selection.leave()
    else if (what === "help") this.help()
    else if (what === "fold") this.transcript.open()
    else if (what === "find") return this.transcript.find()
    else if (what === "follow") this.transcript.back()
    else if (what === "boxes") this.boxes.toggle()
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
    if (!player.clip) return false
    player.video.pause()
    this.ask({ action: "picture", at: player.now, box: this.selection.box })
    return true
  }

  /** Begin or end drawing a box on the picture, which stands still for that. */
  select() {
    if (!this.player.clip || !this.actions.includes("picture")) return false
    this.player.video.pause()
    this.selection.turn(!this.selection.on)
    this.draw()
    return true
  }

  help() {
    const dialog = this.root.querySelector("dialog")
    if (dialog.open) dialog.close()
    else dialog.showModal()
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen()
    else this.root.querySelector(".screen").requestFullscreen?.()
  }

  key(event) {
    const target = event.composedPath()[0]
    const inside = event.composedPath().includes(this.root)
    const element = target instanceof Element ? target : document.body
    if (event.defaultPrevented || event.ctrlKey || event.metaKey) return
    if (this.root.querySelector("dialog").open && event.key !== "?") return
    if (element.closest(TYPING) || (!inside && element.closest(OTHERS))) return
    if (element.closest("button, a, summary, label, input") && [" ", "Enter"].includes(event.key)) return
    const name = this.named(event, element)
    if (event.repeat && ONCE.includes(name)) return
    if (name && this.act(name)) event.preventDefault()
  }

  /** What a key stands for; on a point's clock the arrows move the point. */
  named(event, element) {
    const unit = event.altKey ? "second" : event.shiftKey ? "tenth" : "frame"
    const arrow = ARROWS[event.key]
    if (arrow) {
      const what = element.closest(".clock")?.parentElement.dataset.point ?? "step"
      if (arrow.length > 1 && what === "step") return null // pages are for scrolling
      return arrow.length > 1 ? `${what} ${arrow}` : event.altKey ? null : `${what} ${arrow} ${unit}`
    }
    if (NUDGES[event.code]) return `${NUDGES[event.code]} ${unit}`
    if (event.altKey) return null
    return KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key]
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
    const playing = !player.video.paused
    root.classList.toggle("playing", playing)
    root.querySelector(".play").ariaLabel = playing ? "Pause" : "Play"
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
    this.selection.draw(this.actions.includes("picture") && Boolean(player.clip) && !playing)
  }
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
