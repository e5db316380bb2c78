// On a narrow window the stage is docked at the bottom, small; a tap brings it up, another puts it back. The rest
// of the page is laid out by styles/layout.css, by what is written here on the document.

class Dock {
  constructor(root, signal) {
    this.root = root
    this.bar = root.querySelector(".mini")
    this.media = matchMedia(NARROW)
    this.full = false
    this.media.addEventListener("change", () => this.draw(), { signal })
    this.bar.addEventListener("click", (event) => {
      if (!event.target.closest("[data-do]")) this.turn()
    })
    root.querySelector(".picture").addEventListener(
      "click",
      (event) => {
        if (!this.small) return
        event.stopPropagation() // the small picture is a way up, not a button to play
        this.turn()
      },
      { capture: true, signal },
    )
    this.draw()
  }

  get narrow() {
    return this.media.matches
  }

  get small() {
    return this.narrow && !this.full && this.docked
  }

  /** Whether the stage lies in a layout that docks it. */
  get docked() {
    const host = this.root.getRootNode().host
    return Boolean(host?.closest(".st-key-stage") && !host.closest("[class*=_in_place]"))
  }

  show({ title, when }) {
    this.bar.querySelector(".title").textContent = title
    this.bar.querySelector(".when").textContent = when
    this.draw()
  }

  turn(full = !this.full) {
    this.full = full
    this.draw()
    if (this.narrow && full) this.root.querySelector("[data-do=dock].down").focus({ preventScroll: true })
  }

  /** Make it small; false where it is. */
  leave() {
    if (!this.narrow || !this.full) return false
    this.turn(false)
    return true
  }

  draw() {
    const docked = this.narrow && this.docked
    this.root.classList.toggle("small", docked && !this.full)
    this.root.classList.toggle("up", docked && this.full)
    document.documentElement.dataset.fxStage = docked ? (this.full ? "full" : "small") : ""
  }

  close() {
    delete document.documentElement.dataset.fxStage
  }
}
