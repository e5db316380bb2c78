// Which pieces of a video are fetched, and one after the other through a narrow gate. Knows no clock.

const SHORT_SECONDS = 10 // the first piece: it is cut quickly
const LONG_SECONDS = 30
const AT_ONCE = 2 // the server cuts two at a time
const TRIES = 4

function segmentAt(seconds, end) {
  let from = Math.floor(seconds / SHORT_SECONDS) * SHORT_SECONDS
  let to = from + SHORT_SECONDS
  if (to - seconds < 6) to += SHORT_SECONDS
  return { from, to: Math.min(to, end) }
}

function segmentAfter({ to }, end) {
  if (to >= end - 0.02) return null
  return { from: to, to: Math.min((Math.floor(to / LONG_SECONDS) + 1) * LONG_SECONDS, end) }
}

const milliseconds = (seconds) => Math.round(1000 * seconds)

function clipAddress(base, { from, to }) {
  return base.replace("/0-0.json", `/${milliseconds(from)}-${milliseconds(to)}.json`)
}

function pictureAddress(base, seconds, size) {
  const place = base.replace("/moments/clip/", "/moments/picture/").replace("/0-0.json", `/${milliseconds(seconds)}.jpg`)
  return size ? `${place}&size=${size}` : place
}

// Fetches a few pictures and clips at a time, those on show before those that come next; what is no longer wanted is dropped.
class Gate {
  constructor() {
    this.waiting = []
    this.running = 0
  }

  // Rank 0 comes before 1; a picture comes as an address of its bytes, a clip as its description.
  ask(address, rank, isWanted, picture = false) {
    return new Promise((done) => {
      this.waiting.push({ address, rank, isWanted, picture, done })
      this.next()
    })
  }

  next() {
    this.waiting = this.waiting.filter((job) => job.isWanted() || job.done(null))
    this.waiting.sort((one, other) => one.rank - other.rank)
    while (this.running < AT_ONCE && this.waiting.length) {
      const job = this.waiting.shift()
      this.running += 1
      this.fetch(job).then((answer) => {
        this.running -= 1
        job.done(answer)
        this.next()
      })
    }
  }

  async fetch({ address, isWanted, picture }) {
    let answer = { error: "The app does not answer.", hint: "Reload the page when it is running again." }
    for (let tries = 0; tries < TRIES && isWanted(); tries += 1) {
      if (tries) await new Promise((done) => setTimeout(done, 1500 * tries))
      try {
        const response = await fetch(address)
        if (picture && response.ok) return { url: URL.createObjectURL(await response.blob()) }
        if (picture) continue
        answer = await response.json()
        if (response.ok || !/too many/i.test(answer.error ?? "")) return answer
      } catch { /* the next try says more */ }
    }
    return answer
  }
}

// One video element, and the piece of a recording in it.
class Reel {
  constructor(video, gate) {
    this.video = video
    this.gate = gate
    this.empty()
    video.muted = true
    video.playsInline = true
    video.preload = "auto"
    video.disablePictureInPicture = true
    video.tabIndex = -1
    video.addEventListener("error", () => {
      if (this.state === "loading") this.fail("The browser cannot play this clip.")
    })
    video.addEventListener("loadeddata", () => {
      if (this.state === "loading") this.state = "ready"
    })
  }

  empty() {
    this.recording = this.segment = null
    this.state = "empty"
    this.error = ""
    if (this.video.src) {
      this.video.pause()
      this.video.removeAttribute("src")
      this.video.load()
    }
  }

  fail(error, hint = "") {
    this.state = "failed"
    this.error = [error, hint].filter(Boolean).join(" ")
  }

  holds(recording, seconds) {
    return this.recording === recording && this.segment.from <= seconds && seconds < this.segment.to
  }

  is(recording, segment) {
    return this.recording === recording && this.segment?.from === segment.from && this.segment.to === segment.to
  }

  async load(recording, segment, rank) {
    this.empty()
    Object.assign(this, { recording, segment, state: "asking" })
    if (segment.to - segment.from < 0.001 || !recording.clip) return this.fail("There is no picture here.")
    const isWanted = () => this.recording === recording && this.segment === segment
    const answer = await this.gate.ask(clipAddress(recording.clip, segment), rank, isWanted)
    if (!isWanted()) return
    if (!answer?.url) return this.fail(answer?.error ?? "There is no clip.", answer?.hint)
    this.start = answer.start
    this.state = "loading"
    this.video.src = answer.url
    this.video.load()
  }
}
