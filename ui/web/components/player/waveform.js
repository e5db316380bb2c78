// The loudness of the sound, drawn on a canvas behind the lanes for the part in view; knows no player.
// It comes in parts, those in view first, and only while at most so many of them are in view.

const MOST_PARTS = 12
const AFTER_MILLISECONDS = 900 // pictures and clips come first

class WaveformLane {
  /** `heard()` is called once it is known that there is sound. */
  constructor(canvas, heard) {
    this.canvas = canvas
    this.heard = heard
    this.want = settled(() => this.fetchNext(), AFTER_MILLISECONDS)
  }

  close() {
    this.want.never()
    this.address = null
    this.fetching?.abort()
  }

  /** Another video; an empty address for none. */
  open(address, duration) {
    if (address === this.address) return
    this.close()
    Object.assign(this, { address, duration, parts: new Map(), sound: false, failed: false })
    this.canvas.hidden = true
    this.clear()
  }

  /** Show a part of the video, in seconds. */
  look(start, end) {
    Object.assign(this, { start, end })
    if (!this.address) return
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw())
    if (this.missing() !== undefined) this.want()
  }

  /** The first part in view that is not there; undefined where none is wanted. */
  missing() {
    if (this.failed || this.silent || !this.address) return undefined
    const first = Math.floor(this.start / (this.partSeconds ?? 600))
    const last = Math.min(this.count ?? Infinity, Math.ceil(this.end / (this.partSeconds ?? 600))) - 1
    if (last - first >= MOST_PARTS) return this.parts.size ? undefined : first // one tells whether there is sound
    for (let part = first; part <= last; part++) if (!this.parts.has(part)) return part
    return undefined
  }

  async fetchNext() {
    const part = this.missing()
    const { address } = this
    if (part === undefined || this.fetching) return
    this.fetching = new AbortController()
    try {
      const answer = await fetch(`${address}&part=${part}`, { signal: this.fetching.signal })
      if (!answer.ok) throw new Error(String(answer.status))
      const { parts, part_seconds: long, per_second: perSecond, peaks } = await answer.json()
      if (address !== this.address) return
      Object.assign(this, { count: parts, partSeconds: long, perSecond, silent: !parts })
      if (!this.silent) this.put(part, Uint8Array.from(atob(peaks), (letter) => letter.charCodeAt(0)))
    } catch {
      if (address === this.address) this.failed = true // the lane stays away: the video plays without it
    } finally {
      this.fetching = null
    }
    if (address === this.address && this.missing() !== undefined) this.want()
  }

  /** Keep a part with its coarser levels: each holds the loudest of two of the one before. */
  put(part, peaks) {
    const levels = [peaks]
    while (levels.at(-1).length > 64) {
      const fine = levels.at(-1)
      const coarse = new Uint8Array(Math.ceil(fine.length / 2))
      fine.forEach((peak, number) => (coarse[number >> 1] = Math.max(coarse[number >> 1], peak)))
      levels.push(coarse)
    }
    this.parts.set(part, levels)
    if (!this.sound && peaks.some((peak) => peak > 2)) {
      this.sound = true
      this.canvas.hidden = false
      this.heard()
    }
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw())
  }

  clear() {
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height)
  }

  draw() {
    this.frame = 0
    const { canvas } = this
    const [width, height] = [canvas.clientWidth, canvas.clientHeight]
    if (!width || !this.sound) return
    const ratio = Math.min(2, devicePixelRatio || 1)
    if (canvas.width !== Math.round(width * ratio)) [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)]
    const context = canvas.getContext("2d")
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    context.fillStyle = getComputedStyle(canvas).color
    const seconds = (this.end - this.start) / width
    const level = Math.max(0, Math.floor(Math.log2(Math.max(1, seconds * this.perSecond))))
    for (let x = 0; x < width; x++) {
      const loud = this.loudest(this.start + x * seconds, this.start + (x + 1) * seconds, level)
      if (loud === undefined) continue
      const high = Math.max(1, (loud / 255) ** 0.6 * height) // quiet sound can be seen, too
      context.fillRect(x, (height - high) / 2, 1, high)
    }
  }

  loudest(start, end, level) {
    const part = Math.floor(start / this.partSeconds)
    const levels = this.parts.get(part)
    if (!levels) return undefined
    const used = Math.min(level, levels.length - 1)
    const scale = this.perSecond / 2 ** used
    const from = Math.floor((start - part * this.partSeconds) * scale)
    const past = Math.max(from + 1, Math.ceil((end - part * this.partSeconds) * scale))
    let most
    for (let at = from; at < past && at < levels[used].length; at++) most = Math.max(most ?? 0, levels[used][at])
    return most
  }
}
