// One place on the wall: plays what its lane recorded, in step with the clock. Foreign text is set as text only.

const NEAR_MS = 4000 // footage that begins this soon is fetched ahead
const SEEK_SECONDS = 0.3 // further off than this, a seek is quicker than another speed
const SEEK_PAUSE_MS = 1200
const MOST_NUDGE = 0.2

class Tile {
  constructor(lane, gate, acts) {
    this.lane = lane
    this.gate = gate
    this.drift = null
    this.lead = 0.1
    this.soundOn = false
    const root = (this.element = element("article", "tile"))
    root.tabIndex = 0
    root.setAttribute("role", "group")
    root.ariaLabel = `Camera ${lane.name}`
    this.poster = element("img")
    this.poster.alt = ""
    this.poster.decoding = "async"
    const videos = [element("video"), element("video")]
    ;[this.front, this.back] = videos.map((video) => new Reel(video, gate))
    this.head = element("header")
    this.name = element("b", "", lane.name)
    this.guess = element("span", "guess", "clock is a guess")
    this.head.append(this.name, this.guess)
    this.foot = element("footer")
    this.time = element("time")
    this.file = element("span", "file")
    this.foot.append(this.time, this.file)
    this.note = element("p", "note")
    this.again = element("button", "again", "Try again")
    this.again.hidden = true
    this.again.onclick = () => { this.front.empty() }
    this.sound = element("button", "sound")
    this.sound.onclick = () => acts.sound(this)
    this.open = element("button", "open")
    this.open.append(icon("open"))
    this.open.ariaLabel = `Open in the player: ${lane.name}`
    this.open.title = "Open in the player"
    this.open.onclick = () => acts.open(this)
    this.full = element("button", "full")
    this.full.append(icon("full"))
    this.full.ariaLabel = `Full screen: ${lane.name}`
    this.full.title = "Full screen (Enter)"
    this.full.onclick = () => acts.full(this)
    const shade = element("div", "shade")
    shade.append(this.note, this.again)
    root.append(this.poster, ...videos, this.head, this.foot, shade, this.sound, this.open, this.full)
    root.ondblclick = (event) => { if (!event.target.closest("button")) acts.full(this) }
    root.onkeydown = (event) => {
      if (event.key !== "Enter" || event.target !== root) return
      acts.full(this)
      event.preventDefault()
    }
    this.listen(false)
  }

  close() {
    for (const reel of [this.front, this.back]) reel.empty()
    this.element.remove()
  }

  // Sound on or off, of this tile alone.
  listen(on) {
    this.soundOn = on
    this.sound.replaceChildren(icon(on ? "sound" : "mute"))
    this.sound.ariaLabel = `Sound of ${this.lane.name}`
    this.sound.ariaPressed = String(on)
    this.element.classList.toggle("heard", on)
    this.loud()
  }

  loud() {
    this.front.video.muted = !this.soundOn
    this.back.video.muted = true
  }

  // -- Following the clock --------------------------------------------------------

  // `w`: {now, playing, rate, loads: whether clips are wanted now, zone, plays: whether this tile may have video}
  follow(w) {
    const recording = this.lane.at(w.now)
    this.recording = recording
    const text = w.zone.clock(w.now)
    if (this.time.textContent !== text) this.time.textContent = text
    this.element.classList.toggle("none", !recording)
    if (!recording) return this.rest(w)
    const seconds = (this.seconds = recording.from + (w.now - recording.start) / 1000)
    this.put(this.file, this.lane.named && this.lane.row.length === 1 ? "" : recording.file)
    this.name.title = recording.file
    this.guess.hidden = !recording.guessed
    if (!this.front.holds(recording, seconds)) this.turn(recording, seconds, w)
    const { front } = this
    const shown = front.state === "ready" && front.holds(recording, seconds)
    this.element.classList.toggle("ready", shown)
    this.poster.hidden = this.posterOf !== recording
    this.show(shown ? "" : this.reason(front, w), front.state === "failed")
    if (!shown) {
      this.picture(recording, seconds, w)
      this.drift = null
      return
    }
    this.step(front, seconds, w)
    if (w.wants && w.loads) this.ahead(recording, w)
  }

  reason(front, w) {
    if (front.state === "failed") return front.error
    if (!w.plays) return "Only a picture: the wall plays 16 cameras at a time."
    return w.wants && w.loads ? "Loading…" : ""
  }

  put(place, text) {
    if (place.textContent !== text) place.textContent = text
  }

  show(text, failed = false) {
    this.put(this.note, text)
    this.again.hidden = !failed
    this.element.classList.toggle("failed", failed)
  }

  // Nothing was recorded now.
  rest(w) {
    this.seconds = this.drift = null
    for (const reel of [this.front, this.back]) if (!reel.video.paused) reel.video.pause()
    this.element.classList.remove("ready")
    this.guess.hidden = true
    this.put(this.file, "")
    const [before, after] = this.lane.around(w.now)
    const parts = [after ? `No footage until ${w.zone.clock(after.start)}` : "No more footage on this day"]
    if (before) parts.push(`last until ${w.zone.clock(before.end)}`)
    this.show(parts.join(", "))
    if (w.playing && w.loads && after && after.start - w.now < NEAR_MS * Math.max(1, w.rate)) this.fetchNext(after)
  }

  // Another piece comes to the front: the one fetched ahead, or one that is fetched now.
  turn(recording, seconds, w) {
    if (this.back.holds(recording, seconds)) {
      ;[this.front, this.back] = [this.back, this.front]
      this.back.video.pause()
      this.back.video.classList.remove("front")
      this.front.video.classList.add("front")
      this.loud()
    } else if (w.loads && w.plays) {
      this.front.load(recording, segmentAt(seconds, recording.from + (recording.end - recording.start) / 1000), 0)
      this.front.video.classList.add("front")
    }
  }

  ahead(recording, w) {
    const segment = segmentAfter(this.front.segment, recording.from + (recording.end - recording.start) / 1000)
    if (segment) {
      if (!this.back.is(recording, segment)) this.back.load(recording, segment, 1)
      return
    }
    const [, after] = this.lane.around(recording.end - 1)
    if (after && after.start - w.now < 8 * NEAR_MS) this.fetchNext(after)
  }

  fetchNext(recording) {
    const segment = segmentAt(recording.from, recording.from + (recording.end - recording.start) / 1000)
    if (!this.back.is(recording, segment)) this.back.load(recording, segment, 1)
  }

  // A picture until the video is there: of each second at rest, but hardly on the way, where the clips are wanted more.
  async picture(recording, seconds, { playing }) {
    const wanted = pictureAddress(recording.clip, Math.floor(seconds), "large")
    const now = performance.now()
    if (!recording.clip || this.pictured === wanted || now - (this.picturedAt ?? 0) < 150) return
    if (playing && this.posterOf === recording && now - this.picturedAt < 5000) return
    this.pictured = wanted
    this.picturedAt = now
    const answer = await this.gate.ask(wanted, playing ? 2 : -1, () => this.pictured === wanted, true)
    if (!answer?.url || this.pictured !== wanted) return
    if (this.poster.src) URL.revokeObjectURL(this.poster.src)
    this.poster.src = answer.url
    this.posterOf = recording
  }

  // Keep the video where the clock is: at rest by seeks, on the way by small changes of speed.
  step(reel, seconds, { playing, rate }) {
    const { video } = reel
    const target = Math.max(0, seconds - reel.start)
    const off = video.currentTime - target
    const now = performance.now()
    if (!playing || rate < 0) {
      if (!video.paused) video.pause()
      this.drift = off
      if (Math.abs(off) > 0.015 && !video.seeking && target < video.duration) video.currentTime = target + 0.002
      return
    }
    if (video.seeking) return
    if (this.soughtAt && this.soughtFor === reel) { // what a seek costs is made up for by the next one
      this.lead = clamp(this.lead - off / rate / 2, 0, 0.6)
      this.soughtFor = null
    }
    if (video.ended || target > video.duration) return
    if (video.paused) {
      if (Math.abs(off) > 0.1) video.currentTime = target
      video.playbackRate = rate
      video.play().catch(() => {})
      return
    }
    this.drift = off
    if (Math.abs(off) > SEEK_SECONDS * Math.max(1, rate) && now - (this.soughtAt ?? 0) > SEEK_PAUSE_MS) {
      this.soughtAt = now
      this.soughtFor = reel
      video.currentTime = Math.min(target + this.lead * rate, video.duration)
      return
    }
    const nudge = Math.abs(off) < 0.012 * rate ? 0 : clamp((-2 * off) / rate, -MOST_NUDGE, MOST_NUDGE)
    const speed = Math.round(1000 * rate * (1 + nudge)) / 1000
    if (Math.abs(video.playbackRate - speed) > 0.004 * rate) video.playbackRate = speed
  }

  // Whether the clock may start as far as this tile is concerned.
  get isReady() {
    return !this.recording || this.front.state === "failed" || this.element.classList.contains("ready")
  }
}
