// The strip: clips as blocks, which are selected, dragged to another place and trimmed at their ends. It draws
// what it is given and says what is wanted; the list itself is changed elsewhere. Foreign text is only set as text.

const DRAG_PIXELS = 6
const EDGE_PIXELS = 56 // so near to the end of the strip, a drag scrolls it

class Blocks {
  /** `listener`: `source(clip)`, `select(id)`, `move(id, before)`, `trim(clip, edge, seconds, done)`. */
  constructor(root, listener) {
    this.root = root
    this.listener = listener
    this.elements = new Map()
    this.line = root.parentElement.querySelector(".drop")
    root.addEventListener("pointerdown", (event) => this.grab(event))
  }

  get vertical() {
    return getComputedStyle(this.root).flexDirection === "column"
  }

  /** Draw clips; `scale` is pixels a second, 0 for blocks of one width. */
  draw(clips, { selected, scale, playing }) {
    Object.assign(this, { clips, scale })
    const known = new Set(clips.map((clip) => clip.id))
    for (const [id, element] of this.elements)
      if (!known.has(id)) {
        element.remove()
        this.elements.delete(id)
      }
    let place = this.root.firstElementChild
    clips.forEach((clip, number) => {
      let element = this.elements.get(clip.id)
      if (!element) this.elements.set(clip.id, (element = this.block(clip)))
      this.fill(element, clip, number, { selected, playing })
      if (element === place) place = place.nextElementSibling
      else this.root.insertBefore(element, place)
    })
    this.root.setAttribute("aria-activedescendant", selected ? `clip-${selected}` : "")
  }

  block(clip) {
    const element = make("li", "block")
    element.id = `clip-${clip.id}`
    element.dataset.id = clip.id
    element.setAttribute("role", "option")
    const picture = make("img", "poster")
    Object.assign(picture, { alt: "", loading: "lazy", draggable: false })
    const grip = make("span", "grip")
    const [start, end] = ["start", "end"].map((edge) => {
      const handle = make("span", `edge ${edge}`)
      handle.dataset.edge = edge
      return handle
    })
    for (const each of [grip, start, end]) each.setAttribute("aria-hidden", "true")
    const words = make("span", "words")
    words.append(make("b", "number"), make("span", "text"), make("span", "where"), make("span", "badge"))
    element.append(picture, words, make("em", "length"), grip, start, end)
    return element
  }

  fill(element, clip, number, { selected, playing }) {
    const source = this.listener.source(clip)
    const length = `${lengthOf(clip).toFixed(1)} s`
    const drawn = JSON.stringify([clip, number, clip.id === selected, clip.id === playing, this.scale])
    if (element.drawn === drawn) return
    element.drawn = drawn
    element.classList.toggle("chosen", clip.id === selected)
    element.classList.toggle("playing", clip.id === playing)
    element.classList.toggle("missing", Boolean(clip.missing))
    element.setAttribute("aria-selected", String(clip.id === selected))
    const badge = clip.missing ? "Missing" : clip.same.length ? "Same moment" : ""
    const parts = [`Clip ${number + 1}`, clip.text, source?.name, length, clip.missing || badge]
    element.setAttribute("aria-label", parts.filter(Boolean).join(", "))
    element.style.setProperty("--width", `${this.scale ? Math.max(64, lengthOf(clip) * this.scale) : 152}px`)
    const picture = element.querySelector(".poster")
    const address = clip.missing ? "" : pictureAt(source, (clip.start + clip.end) / 2)
    if (picture.getAttribute("src") !== address && !element.classList.contains("trimming")) {
      if (address) picture.src = address
      else picture.removeAttribute("src")
    }
    const put = (kind, text) => (element.querySelector(`.${kind}`).textContent = text)
    put("number", number + 1)
    put("text", clip.missing || clip.text)
    put("where", [source?.camera || source?.name, clock(clip.start, 1)].filter(Boolean).join(" · "))
    element.querySelector(".badge").dataset.words = badge
    element.querySelector(".badge").title = badge
    put("length", length)
    element.querySelector(".badge").hidden = !badge
  }

  /** Bring a block into view; the page itself scrolls only for somebody who walks through a list by keys. */
  reveal(id) {
    const element = this.elements.get(id)
    if (!element) return
    if (this.vertical) {
      if (this.root.matches(":focus")) element.scrollIntoView({ block: "nearest" })
      return
    }
    const [box, home] = [element, this.root].map((each) => each.getBoundingClientRect())
    if (box.left < home.left + 12) this.root.scrollLeft -= home.left + 12 - box.left
    else if (box.right > home.right - 12) this.root.scrollLeft += box.right - home.right + 12
  }

  // -- Pointers --------------------------------------------------------------

  grab(event) {
    const element = event.target.closest(".block")
    if (!element || event.button > 0) return
    const { id } = element.dataset
    const { edge } = event.target.dataset
    this.listener.select(id)
    const clip = this.clips.find((each) => each.id === id)
    if (edge && !clip.missing) return this.trim(event, element, clip, edge)
    const gripped = event.target.closest(".grip")
    if (event.pointerType === "mouse" || gripped) this.drag(event, element, clip)
  }

  trim(event, element, clip, edge) {
    event.preventDefault()
    const scale = this.scale || element.offsetWidth / Math.max(1, lengthOf(clip))
    element.classList.add("trimming")
    this.hold(event, {
      moved: (x) => this.listener.trim(clip, edge, clip[edge] + x / scale, false),
      done: (x) => {
        element.classList.remove("trimming")
        this.listener.trim(clip, edge, clip[edge] + (x ?? 0) / scale, true)
      },
    })
  }

  drag(event, element, clip) {
    const from = { x: event.clientX, y: event.clientY }
    let dragging = false
    let before
    this.hold(event, {
      moved: (x, y, now) => {
        if (!dragging && Math.hypot(x, y) < DRAG_PIXELS) return
        dragging = true
        element.classList.add("dragged")
        this.scrollBy(now)
        before = this.place(now)
        this.mark(before)
      },
      done: (x) => {
        element.classList.remove("dragged")
        this.line.hidden = true
        if (dragging && x !== null && before !== clip.id && before !== this.after(clip.id))
          this.listener.move(clip.id, before)
      },
    })
    if (event.pointerType !== "mouse") event.preventDefault()
  }

  /** Follow a pointer until it is let go; `done(null)` when Escape or the system ends it. */
  hold(event, { moved, done }) {
    const { clientX: x, clientY: y, pointerId } = event
    const stop = new AbortController()
    const { signal } = stop
    const end = (far) => {
      stop.abort()
      done(far)
    }
    const mine = (then) => (next) => next.pointerId === pointerId && then(next)
    window.addEventListener("pointermove", mine((next) => moved(next.clientX - x, next.clientY - y, next)), { signal })
    window.addEventListener("pointerup", mine((next) => end(next.clientX - x)), { signal })
    window.addEventListener("pointercancel", mine(() => end(null)), { signal })
    window.addEventListener("keydown", (key) => key.key === "Escape" && end(null), { signal, capture: true })
  }

  scrollBy({ clientX, clientY }) {
    if (this.vertical) {
      const near = clientY < 120 ? -14 : clientY > innerHeight - 80 ? 14 : 0
      if (near) this.root.ownerDocument.querySelector("[data-testid=stMain]")?.scrollBy(0, near)
      return
    }
    const box = this.root.getBoundingClientRect()
    if (clientX < box.left + EDGE_PIXELS) this.root.scrollLeft -= 18
    else if (clientX > box.right - EDGE_PIXELS) this.root.scrollLeft += 18
  }

  /** The clip that a dragged one would stand before; null for the end. */
  place({ clientX, clientY }) {
    for (const clip of this.clips) {
      const box = this.elements.get(clip.id).getBoundingClientRect()
      if (this.vertical ? clientY < box.top + box.height / 2 : clientX < box.left + box.width / 2) return clip.id
    }
    return null
  }

  after(id) {
    const at = this.clips.findIndex((clip) => clip.id === id)
    return this.clips[at + 1]?.id ?? null
  }

  /** Show where a dragged clip would go. */
  mark(before) {
    const box = (before ? this.elements.get(before) : this.root.lastElementChild).getBoundingClientRect()
    const home = this.line.parentElement.getBoundingClientRect()
    const [start, end] = this.vertical ? [box.top, box.bottom] : [box.left, box.right]
    const at = (before ? start - 4 : end + 2) - (this.vertical ? home.top : home.left)
    this.line.hidden = false
    this.line.style.setProperty("--at", `${at}px`)
  }
}

function make(kind, name, text = "") {
  const element = document.createElement(kind)
  element.className = name
  if (text) element.textContent = text
  return element
}
