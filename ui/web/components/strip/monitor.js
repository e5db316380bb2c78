// The monitor: shows pictures, and plays clips one after the other on two video elements. While one plays, the
// other has the next clip ready. Knows nothing of the strip.

class Monitor {
  /** `listener.source(clip)` gives the clip's video; `listener.moved(clip, seconds in the reel, playing)`. */
  constructor(root, listener) {
    this.listener = listener
    this.root = root
    this.videos = [...root.querySelectorAll("video")]
    this.still = root.querySelector(".still")
    this.note = root.querySelector(".note")
    this.list = []
    this.number = -1
    this.ready = new Map() // piece number → { video, promise }
    for (const video of this.videos) {
      video.addEventListener("ended", () => this.over(video))
      video.addEventListener("play", () => this.follow(video))
      video.addEventListener("pause", () => this.report())
    }
    this.still.addEventListener("load", () => this.pictured())
    this.still.addEventListener("error", () => this.pictured())
  }

  get video() {
    return this.ready.get(this.number)?.video
  }

  get piece() {
    return this.list[this.number]
  }

  get playing() {
    return this.wanted === true
  }

  /** Seconds of the reel that are past. */
  get now() {
    if (!this.piece) return 0
    const { video, from = 0 } = this.ready.get(this.number) ?? {}
    const inside = video?.readyState ? video.currentTime - from : 0
    return this.piece.at + within(inside, 0, this.piece.end - this.piece.start)
  }

  // -- Pictures --------------------------------------------------------------

  /** Show the picture of a moment; while one loads, only the newest wish is kept. */
  show(source, seconds) {
    this.stop()
    this.say("")
    const address = source ? pictureAt(source, seconds, "large") : ""
    this.next = address
    if (!this.loading) this.draw()
  }

  draw() {
    const address = this.next
    this.next = undefined
    if (address === undefined) return
    if (!address) this.still.removeAttribute("src")
    else if (this.still.getAttribute("src") !== address) {
      this.loading = true
      this.still.src = address
    }
    this.still.hidden = !address
  }

  pictured() {
    this.loading = false
    this.draw()
  }

  say(words) {
    this.note.textContent = words
    this.note.hidden = !words
  }

  // -- Playing ---------------------------------------------------------------

  /** Play clips from the first one on. */
  play(clips) {
    this.stop()
    this.list = pieces(clips)
    this.wanted = true
    this.skipped = ""
    this.begin(0)
  }

  toggle() {
    this.wanted = !this.wanted
    if (!this.video) return this.wanted ? this.begin(Math.max(0, this.number)) : this.report()
    if (this.wanted) this.video.play().catch(() => this.pause())
    else this.video.pause()
  }

  pause() {
    this.wanted = false
    this.video?.pause()
    this.report()
  }

  /** End, and free what was loaded. */
  stop() {
    this.wanted = false
    this.run = (this.run ?? 0) + 1
    this.list = []
    this.number = -1
    for (const number of [...this.ready.keys()]) this.drop(number)
    for (const video of this.videos) video.hidden = true
  }

  get paused() {
    return !this.wanted && this.number >= 0
  }

  async begin(number) {
    const run = this.run
    this.number = number
    const piece = this.piece
    if (!piece) return this.finish()
    if (piece.missing) return this.skip(piece, piece.missing)
    this.listener.moved(piece.clip, piece.at, true)
    if (!this.ready.has(number)) this.fetch(number)
    const slot = this.ready.get(number)
    const late = setTimeout(() => run === this.run && this.say("Cutting the clip…"), 250)
    const trouble = await slot.loaded
    clearTimeout(late)
    if (run !== this.run || number !== this.number) return
    if (trouble) return this.skip(piece, trouble)
    this.say(this.skipped)
    this.skipped = ""
    for (const video of this.videos) video.hidden = video !== slot.video
    this.still.hidden = true
    for (const other of [...this.ready.keys()]) if (other < number) this.drop(other)
    if (this.wanted) slot.video.play().catch(() => this.pause())
    const ahead = this.list.findIndex((each, at) => at > number && !each.missing)
    if (ahead > 0 && !this.ready.has(ahead)) this.fetch(ahead)
  }

  /** Have a piece cut, and load it into the free video. */
  fetch(number) {
    const piece = this.list[number]
    const used = [...this.ready.values()].map((slot) => slot.video)
    const video = this.videos.find((each) => !used.includes(each)) ?? this.videos[0]
    const slot = { video, stopped: new AbortController() }
    slot.loaded = this.load(piece, slot).catch((error) => error.message || "It could not be loaded.")
    this.ready.set(number, slot)
  }

  /** Load a piece; resolves with nothing, or with a sentence that says what went wrong. */
  async load(piece, slot) {
    const { signal } = slot.stopped
    const answer = await fetch(clipAddress(this.listener.source(piece.clip), piece.start, piece.end), { signal })
    const cut = await answer.json()
    if (!answer.ok) return cut.error || "It could not be cut."
    slot.from = Math.max(0, piece.start - cut.start)
    await new Promise((resolve, reject) => {
      slot.video.onloadeddata = resolve
      slot.video.onerror = () => reject(new Error("The clip did not load."))
      slot.video.src = cut.url
    })
    if (slot.from > TINY) slot.video.currentTime = slot.from + TINY
    return ""
  }

  drop(number) {
    const { video, stopped } = this.ready.get(number)
    this.ready.delete(number)
    stopped.abort()
    video.onloadeddata = video.onerror = null
    video.pause()
    video.removeAttribute("src")
    video.load()
  }

  skip(piece, reason) {
    this.skipped = `Skipped a clip: ${reason}`
    this.say(this.skipped)
    this.begin(this.number + 1)
  }

  follow(video) {
    this.report()
    const piece = this.piece
    if (video === this.video && piece && video.currentTime - (this.ready.get(this.number).from ?? 0) >= piece.end - piece.start)
      return this.over(video)
    if (video === this.video && !video.paused) requestAnimationFrame(() => this.follow(video))
  }

  over(video) {
    if (video !== this.video || !this.wanted) return
    this.begin(this.number + 1)
  }

  /** The last clip is over: its last picture stays. */
  finish() {
    const last = this.list.findLast((piece) => !piece.missing)
    const words = this.skipped
    if (last) this.show(this.listener.source(last.clip), last.end - frameOf(this.listener.source(last.clip)) / 2)
    else this.stop()
    this.say(words)
    this.listener.moved(last?.clip ?? null, last ? last.at + last.end - last.start : 0, false)
  }

  report() {
    if (this.piece) this.listener.moved(this.piece.clip, this.now, this.playing)
  }
}
