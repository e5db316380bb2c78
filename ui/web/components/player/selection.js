// Chooses a paused picture, or a box on it, to search by; knows neither Python nor timeline.

class Selection {
  /** `find()` is called when the box is confirmed by a key. */
  constructor(root, find) {
    this.bar = root.querySelector(".look")
    this.hint = root.querySelector(".hint")
    this.surface = root.querySelector(".surface")
    this.on = false
    this.region = new Region(this.surface, () => this.put())
    this.surface.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !this.on) return
      event.preventDefault()
      find()
    })
  }

  /** The part of the picture that is meant; null for all of it. */
  get box() {
    return this.region.box
  }

  /** Let a box be drawn, or leave without one. */
  turn(on) {
    this.on = on
    this.region.enable(on)
    if (on) this.surface.focus({ preventScroll: true })
    else this.region.show(null)
    this.put()
  }

  /** Clear the box, or leave where there is none; false where there is nothing to leave. */
  leave() {
    if (!this.on) return false
    if (this.box) this.region.clear()
    else this.turn(false)
    return true
  }

  /** A picture can be searched by while it stands still. */
  draw(possible) {
    this.bar.hidden = !possible
    if (!possible && this.on) this.turn(false)
  }

  put() {
    this.bar.querySelector("[data-do=select]").ariaPressed = String(this.on)
    this.bar.querySelector("[data-do=picture] span").textContent = this.box ? "Find this box" : "Find this"
    this.hint.hidden = !this.on || Boolean(this.box)
  }
}
