// The trim bar: the chosen clip inside some of its video, with a large handle at each end; for fingers and keys.

class TrimBar {
  /** `listener.trim(clip, edge, seconds, done)`. */
  constructor(root, listener) {
    this.root = root
    this.listener = listener
    this.handles = [...root.querySelectorAll("[role=slider]")]
    this.kept = root.querySelector(".kept")
    this.film = [...root.querySelectorAll(".film img")]
    this.develop = settled(() => this.picture(), 200)
    for (const handle of this.handles) {
      handle.addEventListener("pointerdown", (event) => this.grab(event, handle.dataset.edge))
      handle.addEventListener("keydown", (event) => this.key(event, handle.dataset.edge))
    }
  }

  /** Show a clip; what of its video is in view stays while it is trimmed. */
  draw(clip, source) {
    if (!this.held && (clip.id !== this.clip?.id || clip.start < this.first || clip.end > this.last || this.stale(clip)))
      this.frame(clip, source)
    Object.assign(this, { clip, source })
    this.kept.style.left = percent(clip.start, this.first, this.last)
    this.kept.style.right = percent(this.last - clip.end, 0, this.last - this.first)
    for (const handle of this.handles) {
      const at = clip[handle.dataset.edge]
      handle.style.left = percent(at, this.first, this.last)
      handle.ariaValueMin = "0"
      handle.ariaValueMax = source.duration.toFixed(3)
      handle.ariaValueNow = at.toFixed(3)
      handle.ariaValueText = clock(at)
    }
  }

  stale(clip) {
    return lengthOf(clip) < (this.last - this.first) / 6
  }

  frame(clip, source) {
    const margin = Math.max(2, lengthOf(clip) / 2)
    this.first = Math.max(0, clip.start - margin)
    this.last = Math.max(this.first + 0.1, Math.min(source.duration, clip.end + margin))
    this.develop()
  }

  /** Show pictures of the part in view. */
  picture() {
    const step = (this.last - this.first) / this.film.length
    this.film.forEach((image, number) => (image.src = pictureAt(this.source, this.first + (number + 0.5) * step)))
  }

  close() {
    this.develop.never()
  }

  grab(event, edge) {
    event.preventDefault()
    event.currentTarget.focus()
    const { clip } = this
    const scale = this.root.querySelector(".track").clientWidth / (this.last - this.first)
    const stop = new AbortController()
    const { signal } = stop
    const move = (next, done) => this.listener.trim(clip, edge, clip[edge] + (next.clientX - event.clientX) / scale, done)
    const mine = (then) => (next) => next.pointerId === event.pointerId && then(next)
    this.held = true
    const end = (next) => {
      stop.abort()
      this.held = false
      move(next, true)
    }
    window.addEventListener("pointermove", mine((next) => move(next, false)), { signal })
    window.addEventListener("pointerup", mine(end), { signal })
    window.addEventListener("pointercancel", mine(() => end(event)), { signal })
  }

  key(event, edge) {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key]
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    event.stopPropagation()
    const frames = way * (event.shiftKey ? 10 : 1)
    this.listener.trim(this.clip, edge, this.clip[edge] + frames * frameOf(this.source), true)
  }
}
