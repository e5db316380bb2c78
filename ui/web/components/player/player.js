// The preview: plays from the in point to the out point, and moves the two; knows neither Python nor timeline.
// A clip is a place where it lies ({url, start, end}), or where it is cut when it is asked for ({ask, start, end}).
// All times are video time in seconds; the clip's own clock starts where the clip does.

const TINY = 0.001 // seconds: a seek to a frame's very first instant may show the frame before
const FASTEST = 8
const BACKWARD_SECONDS = 8 // what is fetched when one plays back beyond the clip
const PATIENT_MILLISECONDS = 250 // a clip that is there sooner is not said to be cut

const LARGEST_BYTES = 8_000_000 // of a clip that is fetched before it is played
const MOST_FETCHED = 12

const cuts = new Map() // what was asked for: a promise of the clip that was cut, by address
const fetched = [] // clips that lie here whole, the oldest first

/** Have a clip cut, once; one that failed is asked for again next time. */
function cutClip(ask) {
  if (!cuts.has(ask)) {
    const cutting = fetch(ask).then(async (answer) => {
      const clip = await answer.json().catch(() => ({}))
      if (!answer.ok) throw new Error([clip.error, clip.hint].filter(Boolean).join(" ") || "The preview did not load.")
      return clip
    })
    cutting.catch(() => cuts.delete(ask))
    cuts.set(ask, cutting)
    if (cuts.size > 400) cuts.delete(cuts.keys().next().value)
  }
  return cuts.get(ask)
}

/** Have a clip cut and fetch it, so that it plays without a wait; a large one is fetched while it plays. */
async function fetchClip(ask) {
  const clip = await cutClip(ask)
  if (clip.local) return
  const answer = await fetch(clip.url)
  if (!answer.ok || Number(answer.headers.get("content-length")) > LARGEST_BYTES) return answer.body?.cancel()
  const bytes = await answer.blob()
  if (clip.local) return
  clip.local = URL.createObjectURL(bytes)
  fetched.push(clip)
  if (fetched.length <= MOST_FETCHED) return
  const oldest = fetched.shift()
  URL.revokeObjectURL(oldest.local)
  delete oldest.local
}

class Player {
  /** `listener.moved()` is called when anything changed, `listener.marked()` when a point moved,
   *  `listener.pushed(point)` when one point pushed the other, and `listener.reach(seconds, play)` for a moment
   *  outside the clip. */
  constructor(root, listener) {
    this.listener = listener
    this.root = root
    this.video = root.querySelector("video")
    this.scrub = root.querySelector(".scrub")
    this.waiting = root.querySelector(".waiting")
    this.chip = root.querySelector(".speed")
    this.clip = null
    this.loops = false
    this.rate = 1 // of the shuttle; below 0 it plays back
    this.last = 0 // where the head was at the last look, to notice that it passed the out point
    for (const name of ["play", "pause", "seeked", "timeupdate", "loadeddata"])
      this.video.addEventListener(name, () => this.look())
    this.video.addEventListener("play", () => this.follow())
    this.video.addEventListener("ended", () => this.ended())
    this.video.addEventListener("error", () => this.clip?.url && this.wait("The preview did not load. Reload the page."))
    this.scrub.addEventListener("pointerdown", (event) => this.grab(event))
  }

  /** Another span: its points, its clip, and where to begin. */
  open({ span, marks, duration, frame, size }) {
    Object.assign(this, { span, duration, frame })
    ;[this.in, this.out] = marks ?? span
    this.shuttle(0)
    this.video.parentElement.style.setProperty("--aspect", (size[0] || 16) / (size[1] || 9))
  }

  /** The same moment, known better: the points move along unless a person moved them. */
  sharpen(span, marks) {
    const [start, end] = this.span
    const untouched = this.in === start && this.out === end
    const waiting = this.video.paused && Math.abs(this.now - start) < this.frame
    this.span = span
    if (!untouched) return
    ;[this.in, this.out] = marks
    if (waiting && this.holds(span[0])) this.go(span[0], false)
  }

  /** Take a clip (null for none), and stay at the moment shown unless there is another to go to. */
  load(clip, { at, play, poster } = {}) {
    const key = clip && (clip.url ?? clip.ask)
    const same = clip && this.clip && key === this.key
    const playing = play ?? (this.wanted ? this.wanted.play : !this.video.paused)
    const back = this.rate < 0 && this.wanted ? this.wanted.at : undefined // it plays back beyond the clip
    const moment = back ?? at ?? this.now
    this.root.hidden = !clip
    this.failed(false)
    this.key = key
    if (!clip) {
      this.clip = this.wanted = null
      return this.unload()
    }
    if (same) return this.go(moment, playing)
    this.clip = clip
    this.last = moment
    this.wanted = { at: moment, play: playing }
    if (poster) {
      this.video.poster = poster
      if (clip.ask) this.unload()
    }
    if (clip.url) return this.source(clip, key)
    const patient = setTimeout(() => this.key === key && !this.clip?.url && this.wait("Cutting the preview…"), PATIENT_MILLISECONDS)
    cutClip(clip.ask)
      .then((cut) => this.key === key && this.source(cut, key))
      .catch((error) => this.key === key && this.failed(true, error.message))
      .finally(() => clearTimeout(patient))
  }

  /** Show a clip from where it lies. */
  source(clip, key) {
    this.clip = clip
    const ready = () => {
      if (this.key !== key) return
      this.wait("")
      const { at, play } = this.wanted ?? { at: this.last, play: false }
      this.wanted = null
      this.go(at, play)
      if (this.rate < 0) this.rewind()
    }
    this.video.addEventListener("loadedmetadata", ready, { once: true })
    this.video.src = clip.local ?? clip.url
    if (this.wanted?.play) this.video.play().catch(() => {}) // from the first bytes on; `ready` puts the head right
  }

  failed(is, words = "") {
    this.root.classList.toggle("broken", is)
    this.wait(words)
    if (is) this.listener.moved()
  }

  /** Say over the picture what is waited for; nothing for the picture alone. */
  wait(words) {
    this.waiting.textContent = words
    this.waiting.hidden = !words || !this.clip
  }

  unload() {
    this.video.removeAttribute("src")
    this.video.load()
  }

  /** The moment on show. */
  get now() {
    if (!this.clip) return this.in ?? 0
    if (!this.clip.url || !this.video.readyState || this.wanted) return this.wanted?.at ?? this.last
    return this.clip.start + Math.max(0, this.video.currentTime - TINY)
  }

  /** Whether the moment itself is on show, not what stands there until its clip has come. */
  get stands() {
    return Boolean(this.clip?.url) && !this.wanted
  }

  get end() {
    const long = this.video.duration
    return this.clip && Number.isFinite(long) ? this.clip.start + long : (this.clip?.end ?? 0)
  }

  holds(seconds) {
    return this.clip && seconds >= this.clip.start - this.frame && seconds <= this.clip.end + this.frame / 2
  }

  /** Show a moment; where the clip does not hold it, ask for one that does. */
  seek(seconds, play = !this.video.paused) {
    const moment = within(seconds, 0, this.duration)
    if (this.rate < 0) this.shuttle(0)
    if (this.holds(moment)) return this.go(moment, play)
    this.video.pause()
    this.wait("Cutting the preview…")
    this.listener.reach(moment, play)
  }

  /** Show a moment of the clip. */
  go(seconds, play) {
    if (!this.clip.url || this.wanted) {
      this.wanted = { at: seconds, play }
      this.last = seconds
      return this.look()
    }
    const long = Number.isFinite(this.video.duration) ? this.video.duration : Infinity
    this.video.currentTime = within(seconds - this.clip.start + TINY, 0, long)
    this.last = seconds
    if (play) this.video.play().catch(() => {}) // a browser may refuse to play what nobody pressed
    else this.video.pause()
    this.look()
  }

  step(seconds) {
    this.seek(this.now + seconds, false)
  }

  toggle() {
    if (this.rate < 0 || !this.video.paused || this.wanted?.play) return this.stop()
    this.shuttle(0)
    const over = this.video.ended || (this.now >= this.out - this.frame && this.now <= this.out + TINY)
    this.seek(over ? this.in : this.now, true)
  }

  stop() {
    this.shuttle(0)
    if (this.wanted) this.wanted.play = false
    this.video.pause()
  }

  // -- The shuttle --------------------------------------------------------------

  /** Play forward (1) or back (-1), faster each time; 0 for the usual speed, which plays nothing by itself. */
  shuttle(way) {
    if (!way && this.rate === 1 && !this.shuttling) return
    const moving = this.rate < 0 || !this.video.paused
    const along = way && moving && Math.sign(this.rate) === way
    this.rate = !way ? 1 : along ? way * Math.min(FASTEST, 2 * Math.abs(this.rate)) : way
    this.shuttling = Boolean(way)
    if (this.rate > 0) {
      this.video.playbackRate = this.rate
      if (way) {
        if (this.now >= this.end - this.frame && this.end < this.duration - this.frame) this.seek(this.end + this.frame, true)
        else this.video.play().catch(() => {})
      }
    } else {
      this.video.pause()
      this.rewind()
    }
    const fast = Math.abs(this.rate)
    this.chip.hidden = this.rate === 1
    this.chip.textContent = this.rate < 0 ? `◀ ${fast}×` : `${fast}× ▶`
    this.listener.moved()
  }

  /** Play back, picture by picture: browsers know no speed below 0. */
  rewind() {
    const turn = (this.turn = {})
    let [moment, then] = [this.now, performance.now()]
    const back = (time) => {
      if (this.turn !== turn || this.rate >= 0 || !this.clip?.url || this.wanted) return
      moment -= (Math.min(200, Math.max(0, time - then)) / 1000) * -this.rate
      then = time
      if (moment <= 0) {
        this.go(0, false)
        return this.shuttle(0)
      }
      if (moment < this.clip.start) {
        this.wanted = { at: this.clip.start, play: false }
        return this.listener.reach(Math.max(0, this.clip.start - BACKWARD_SECONDS), false)
      }
      if (!this.video.seeking) this.go(moment, false)
      requestAnimationFrame(back)
    }
    requestAnimationFrame(back)
  }

  /** While it plays, look at every picture: half a second late would be past the out point. */
  follow() {
    this.look()
    if (!this.video.paused) requestAnimationFrame(() => this.follow())
  }

  look() {
    const now = this.now
    const passed = !this.video.paused && !this.shuttling && this.last < this.out && now >= this.out - TINY
    if (passed && !this.wanted) this.atOut()
    else if (!this.video.seeking && !this.wanted) this.last = now
    this.draw()
    this.listener.moved()
  }

  atOut() {
    if (this.loops) return this.seek(this.in, true)
    this.video.pause()
    this.go(Math.max(this.in, this.out - this.frame / 2), false) // the last picture inside
  }

  /** The clip is over: it goes on where the span is longer than a clip may be. */
  ended() {
    const end = this.clip?.end ?? 0
    const more = this.shuttling || end < this.out - this.frame
    if (more && end < this.duration - this.frame) this.seek(end + this.frame, true)
    else if (this.shuttling) this.stop()
    else if (this.loops) this.seek(this.in, true)
  }

  // -- In and out -----------------------------------------------------------

  /** Move a point. One that passes the other pushes it along: the length stays where there is room for it. */
  set(point, seconds) {
    const long = this.out - this.in
    const moment = Math.round(within(seconds, 0, this.duration) * 1e6) / 1e6
    const least = Math.min(this.frame, this.duration)
    const before = [this.in, this.out]
    if (point === "in") {
      this.in = Math.min(moment, this.duration - least)
      if (this.in > this.out - least) this.out = Math.min(this.duration, this.in + long)
    } else {
      this.out = Math.max(moment, least)
      if (this.out < this.in + least) this.in = Math.max(0, this.out - long)
    }
    const pushed = point === "in" ? this.out !== before[1] : this.in !== before[0]
    this.listener.marked()
    if (pushed) this.listener.pushed(point === "in" ? "out" : "in")
    this.draw()
  }

  /** Move a point, and show the picture there: the first inside for "in", the last inside for "out". */
  nudge(point, seconds) {
    this.set(point, seconds)
    this.seek(point === "in" ? this.in : this.out - this.frame / 2, false)
  }

  /** Move both points, and show the first picture inside. */
  choose(start, end) {
    this.in = within(start, 0, Math.max(0, this.duration - this.frame))
    this.out = within(end, Math.min(this.duration, this.in + this.frame), this.duration)
    this.listener.marked()
    this.seek(this.in)
  }

  reset() {
    ;[this.in, this.out] = this.span
    this.listener.marked()
    this.seek(this.in, false)
  }

  // -- The scrub bar ----------------------------------------------------------

  grab(event) {
    if (event.button || !this.clip) return
    const edge = event.target.closest(".edge")
    const point = edge && (edge.classList.contains("in") ? "in" : "out")
    const box = this.scrub.getBoundingClientRect()
    const reach = ({ clientX }) => {
      const share = within((clientX - box.left) / box.width, 0, 1)
      const at = this.clip.start + share * (this.end - this.clip.start)
      if (point === "in") this.nudge(point, Math.min(at, this.out - this.frame))
      else if (point) this.nudge(point, Math.max(at, this.in + this.frame))
      else this.go(at, false)
    }
    const played = !this.video.paused
    this.scrub.setPointerCapture(event.pointerId)
    this.scrub.onpointermove = reach
    this.scrub.onpointerup = this.scrub.onpointercancel = () => {
      this.scrub.onpointermove = this.scrub.onpointerup = this.scrub.onpointercancel = null
      if (played && !point) this.video.play().catch(() => {})
    }
    if (!point) reach(event)
  }

  draw() {
    if (!this.clip) return
    const place = (name, start, end = start) => {
      const bounds = [this.clip.start, this.end]
      const piece = this.scrub.querySelector(name)
      const [left, right] = [within(start, ...bounds), within(end, ...bounds)]
      piece.style.left = percent(left, ...bounds)
      piece.style.width = end > start ? percent(this.clip.start + right - left, ...bounds) : ""
      piece.hidden = end < bounds[0] || start > bounds[1]
    }
    place(".span", ...this.span)
    place(".chosen", this.in, this.out)
    place(".edge.in", this.in)
    place(".edge.out", this.out)
    place(".head", this.now)
  }
}
