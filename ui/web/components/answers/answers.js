// Listens to the cards of the answers, which are the page's own HTML, and marks the one that plays.

const FRAMES = 8
const STILL = matchMedia("(prefers-reduced-motion: reduce)")
const CARD = "[data-answer]"

class Answers {
  constructor() {
    this.listening = new AbortController()
    this.open = new Map() // whether a person opened or closed a group that folds
    this.focused = null
    const on = (name, act, more) => document.addEventListener(name, act, { signal: this.listening.signal, ...more })
    on("click", (event) => this.click(event))
    on("pointermove", (event) => this.scrub(event), { passive: true })
    on("pointerdown", (event) => this.hold(event), { passive: true })
    on("keydown", (event) => this.hold(event), { passive: true })
    on("focusin", (event) => this.focus(event))
    on("toggle", (event) => this.fold(event), { capture: true })
    this.watching = new MutationObserver(() => {
      this.waiting ??= requestAnimationFrame(() => this.paint())
    })
    this.watching.observe(document.querySelector("[data-testid=stMain]") ?? document.body, { childList: true, subtree: true })
  }

  close() {
    this.listening.abort()
    this.watching.disconnect()
    cancelAnimationFrame(this.waiting)
  }

  show(data, send) {
    this.send = send
    const moved = this.data && this.data.chosen !== data.chosen && this.chosen !== data.chosen
    this.data = data
    this.chosen = data.chosen
    this.held = this.held === data.chosen ? this.held : null
    this.address()
    this.paint()
    if (moved) this.reveal()
  }

  address() {
    const url = new URL(location.href)
    for (const [name, value] of this.data.address) {
      if (value) url.searchParams.set(name, value)
      else url.searchParams.delete(name)
    }
    if (url.href !== location.href) history.replaceState(history.state, "", url)
  }

  paint() {
    this.waiting = null
    for (const card of document.querySelectorAll(CARD)) {
      const now = card.dataset.answer === this.chosen
      if (card.classList.contains("fx-now") !== now) card.classList.toggle("fx-now", now)
      if (now) card.setAttribute("aria-current", "true")
      else card.removeAttribute("aria-current")
    }
    for (const group of document.querySelectorAll("details[data-fold]")) {
      const wanted = this.open.get(group.dataset.fold)
      if (wanted !== undefined && group.open !== wanted) group.open = wanted
    }
    this.refocus()
  }

  card(key) {
    return document.querySelector(`${CARD}[data-answer="${CSS.escape(key)}"]`)
  }

  reveal() {
    const card = this.card(this.chosen)
    if (!card) return
    const group = card.closest("details[data-fold]")
    if (group && !group.open) group.open = true
    card.scrollIntoView({ block: "nearest", behavior: STILL.matches ? "auto" : "smooth" })
  }

  click(event) {
    const button = event.target instanceof Element ? event.target.closest("[data-do]") : null
    const card = button?.closest(CARD)
    if (!card) return
    const key = card.dataset.answer
    if (button.dataset.do === "play") {
      this.chosen = key
      this.paint()
    }
    this.send({ do: button.dataset.do, key })
  }

  // While the model checks, a person who uses the player keeps what plays there.
  hold(event) {
    if (!this.data?.checking || this.held === this.chosen || !event.composedPath().some((each) => each.classList?.contains("st-key-stage"))) return
    this.held = this.chosen
    this.send({ do: "hold", key: this.chosen })
  }

  // The page may draw a card anew while one of its buttons has the focus.
  focus(event) {
    const button = event.target instanceof Element ? event.target.closest(`${CARD} [data-do]`) : null
    this.focused = button ? { button, key: button.closest(CARD).dataset.answer, does: button.dataset.do } : null
  }

  refocus() {
    if (!this.focused || this.focused.button.isConnected || document.activeElement !== document.body) return
    const card = this.card(this.focused.key)
    const button = card?.querySelector(`[data-do="${this.focused.does}"]`) ?? card?.querySelector("[data-do]")
    button?.focus({ preventScroll: true })
  }

  fold(event) {
    const group = event.target
    if (!(group instanceof HTMLDetailsElement) || !group.dataset.fold) return
    this.open.set(group.dataset.fold, group.open)
  }

  // The mouse over a picture shows frames across the span; the first touch of it fetches them.
  scrub(event) {
    const card = event.pointerType === "mouse" && !STILL.matches && event.target instanceof Element ? event.target.closest(CARD) : null
    const thumb = card?.querySelector(".fx-thumb[data-from]")
    const image = thumb?.querySelector("img")
    const place = image?.getBoundingClientRect()
    const over =
      place && event.clientX >= place.left && event.clientX < place.right && event.clientY >= place.top && event.clientY < place.bottom
    if (this.scrubbed && this.scrubbed.image !== (over ? image : null)) this.rest()
    if (!over) return
    this.scrubbed ??= { image, thumb, still: image.getAttribute("src"), frames: this.frames(image.src, thumb.dataset) }
    const share = (event.clientX - place.left) / place.width
    const frame = this.scrubbed.frames[Math.floor(share * FRAMES)]
    thumb.style.setProperty("--at", `${100 * share}%`)
    thumb.classList.add("fx-scrubbed")
    if (frame.complete && frame.naturalWidth && image.src !== frame.src) image.src = frame.src
  }

  frames(address, { from, to }) {
    return Array.from({ length: FRAMES }, (_, number) => {
      const frame = new Image()
      const at = Math.round(Number(from) + ((Number(to) - Number(from)) * (number + 0.5)) / FRAMES)
      frame.src = address.replace(/\/\d+\.jpg/, `/${at}.jpg`)
      return frame
    })
  }

  rest() {
    const { image, thumb, still } = this.scrubbed
    image.src = still
    thumb.classList.remove("fx-scrubbed")
    this.scrubbed = null
  }
}

const all = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let answers = all.get(parentElement)
  if (!answers) {
    answers = new Answers()
    all.set(parentElement, answers)
  }
  answers.show(data, (asked) => setTriggerValue("asked", asked))
  return () => {
    answers.close()
    all.delete(parentElement)
  }
}
