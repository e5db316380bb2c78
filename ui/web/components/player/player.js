// The preview: plays from the in point to the out point, and moves the two; knows neither Python nor timeline.
// All times are video time in seconds; the clip's own clock starts where the clip does.

const TINY = 0.001 // seconds: a seek to a frame's very first instant may show the frame before

class Player {
  /** `listener.moved()` is called when anything changed, `listener.marked()` when a point moved, and
   *  `listener.reach(seconds, play)` for a moment outside the clip. */
  constructor(root, listener) {
    this.listener = listener
    this.root = root
    this.video = root.querySelector("video")
    this.scrub = root.querySelector(".scrub")
    this.waiting = root.querySelector(".waiting")
    this.clip = null
    this.loops = false
    this.last = 0 // where the head was at the last look, to notice that it passed the out point
    for (const name of ["play", "pause", "seeked", "timeupdate", "loadeddata"])
      this.video.addEventListener(name, () => this.look())
    this.video.addEventListener("play", () => this.follow())
    this.video.addEventListener("ended", () => this.ended())
    this.video.addEventListener("error", () => this.wait("The preview did not load. Reload the page."))
    this.video.addEventListener("click", () => this.toggle())
    this.scrub.addEventListener("pointerdown", (event) => this.grab(event))
  }

  /** Another span: its points, its clip, and where to begin. */
  open({ span, marks, duration, frame, size }) {
    Object.assign(this, { span, duration, frame })
    ;[this.in, this.out] = marks
    this.video.parentElement.style.setProperty("--aspect", (size[0] || 16) / (size[1] || 9))
  }

  /** Take a clip (null for none), and stay at the moment shown unless there is another to go to. */
  load(clip, { at, play }) {
    const same = clip && this.clip && clip.url === this.clip.url
    const playing = play ?? !this.video.paused
    const moment = at ?? this.now
    this.clip = clip
    this.root.hidden = !clip
    this.wait("")
    if (!clip) return this.unload()
    if (same) return this.go(moment, playing)
    const ready = () => {
      if (this.clip === clip) this.go(moment, playing)
    }
    this.video.addEventListener("loadedmetadata", ready, { once: true })
    this.last = moment
    this.video.src = clip.url
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
    if (!this.video.readyState) return this.last
    return this.clip.start + Math.max(0, this.video.currentTime - TINY)
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
    if (this.holds(moment)) return this.go(moment, play)
    this.video.pause()
    this.wait("Cutting the preview…")
    this.listener.reach(moment, play)
  }

  /** Show a moment of the clip. */
  go(seconds, play) {
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
    if (!this.video.paused) return this.video.pause()
    const over = this.video.ended || (this.now >= this.out - this.frame && this.now <= this.out + TINY)
    this.seek(over ? this.in : this.now, true)
  }

  /** While it plays, look at every picture: half a second late would be past the out point. */
  follow() {
    this.look()
    if (!this.video.paused) requestAnimationFrame(() => this.follow())
  }

  look() {
    const now = this.now
    if (!this.video.paused && this.last < this.out && now >= this.out - TINY) this.atOut()
    else if (!this.video.seeking) this.last = now
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
    if (end < this.out - this.frame && end < this.duration - this.frame) this.seek(end + this.frame, true)
    else if (this.loops) this.seek(this.in, true)
  }

  // -- In and out -----------------------------------------------------------

  /** Move a point. */
  set(point, seconds) {
    const moment = Math.round(seconds * 1e6) / 1e6
    if (point === "in") this.in = within(moment, 0, Math.max(0, this.out - this.frame))
    else this.out = within(moment, Math.min(this.duration, this.in + this.frame), this.duration)
    this.listener.marked()
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
      if (point) this.nudge(point, at)
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
