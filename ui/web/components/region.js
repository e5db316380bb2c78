// A box on a picture, drawn and moved by mouse, finger or keys; knows neither the picture nor what the box is for.
// Its sides are shares of the picture's width and height, 0 to 1: left, top, right, bottom.

const LEAST = 0.02 // a smaller box is a click
const STEP = 0.01
const WIDE_STEP = 0.05 // with Alt
const FIRST = [0.3, 0.3, 0.7, 0.7] // what a key begins with
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"]
const TURNS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

class Region {
  /** `surface` covers the picture. `changed(box)` is called when a box was drawn, moved or cleared: null for none. */
  constructor(surface, changed) {
    this.surface = surface
    this.changed = changed
    this.box = null
    this.on = false
    this.frame = document.createElement("div")
    this.frame.className = "region"
    for (const name of HANDLES) {
      const handle = document.createElement("i")
      handle.dataset.handle = name
      this.frame.append(handle)
    }
    surface.append(this.frame)
    surface.addEventListener("pointerdown", (event) => this.press(event))
    surface.addEventListener("keydown", (event) => this.key(event))
    this.draw()
  }

  /** Whether a box can be drawn. */
  enable(on) {
    this.on = on
    this.draw()
  }

  /** Show a box, or none; `changed` is not called. */
  show(box) {
    this.box = box
    this.draw()
  }

  /** A box of the usual place and size, for the keys to move. */
  begin() {
    this.put(FIRST)
    this.changed(this.box)
  }

  clear() {
    this.put(null)
    this.changed(null)
  }

  put(box) {
    this.box = box
    this.draw()
  }

  // -- By mouse and finger ----------------------------------------------------

  press(event) {
    if (!this.on || event.button) return
    event.preventDefault()
    this.surface.focus({ preventScroll: true })
    const before = this.box
    const [x, y] = this.place(event)
    const handle = event.target.dataset.handle
    const inside = before && !handle && event.target === this.frame
    const move = (moved) => {
      const [left, top] = this.place(moved)
      if (inside) this.put(shifted(before, left - x, top - y))
      else if (handle) this.put(resized(before, handle, left, top))
      else this.put(ordered([x, y, left, top]))
    }
    const release = (end) => {
      for (const name of ["pointermove", "pointerup", "pointercancel"])
        this.surface.removeEventListener(name, name === "pointermove" ? move : release)
      if (end.type === "pointercancel") this.put(before)
      else if (this.box && (this.box[2] - this.box[0] < LEAST || this.box[3] - this.box[1] < LEAST)) this.put(null)
      if (String(this.box) !== String(before)) this.changed(this.box)
    }
    this.surface.setPointerCapture(event.pointerId)
    this.surface.addEventListener("pointermove", move)
    this.surface.addEventListener("pointerup", release)
    this.surface.addEventListener("pointercancel", release)
  }

  /** Where on the picture a pointer is, as shares; never outside. */
  place({ clientX, clientY }) {
    const { left, top, width, height } = this.surface.getBoundingClientRect()
    return [within((clientX - left) / width, 0, 1), within((clientY - top) / height, 0, 1)]
  }

  // -- By keys ------------------------------------------------------------------

  /** Arrows move the box, with Shift its lower right corner; Escape and Delete clear it. */
  key(event) {
    if (!this.on || event.ctrlKey || event.metaKey) return
    const turn = TURNS[event.key]
    if (["Escape", "Delete", "Backspace"].includes(event.key)) {
      if (!this.box) return
      this.clear()
    } else if (turn) {
      const [x, y] = turn.map((way) => way * (event.altKey ? WIDE_STEP : STEP))
      if (!this.box) this.put(FIRST)
      else if (event.shiftKey) this.put(resized(this.box, "se", this.box[2] + x, this.box[3] + y))
      else this.put(shifted(this.box, x, y))
      this.changed(this.box)
    } else return
    event.preventDefault()
    event.stopPropagation()
  }

  // -- Drawing --------------------------------------------------------------------

  draw() {
    const { box, frame, surface } = this
    surface.classList.toggle("drawable", this.on)
    surface.tabIndex = this.on ? 0 : -1
    frame.hidden = !box
    surface.ariaLabel = `Box on the picture: ${box ? spoken(box) : "none"}. Arrow keys move it, with Shift resize it, Escape clears it.`
    if (!box) return
    const [left, top, right, bottom] = box
    Object.assign(frame.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * (right - left)}%`,
      height: `${100 * (bottom - top)}%`,
    })
  }
}

/** The sides in order, wherever the drag began. */
function ordered([x, y, otherX, otherY]) {
  return [Math.min(x, otherX), Math.min(y, otherY), Math.max(x, otherX), Math.max(y, otherY)]
}

/** The box elsewhere, as large as before and inside the picture. */
function shifted([left, top, right, bottom], x, y) {
  const across = within(x, -left, 1 - right)
  const down = within(y, -top, 1 - bottom)
  return [left + across, top + down, right + across, bottom + down]
}

/** The box with the sides that a handle has at another place. */
function resized([left, top, right, bottom], handle, x, y) {
  const [across, down] = [within(x, 0, 1), within(y, 0, 1)]
  if (handle.includes("w")) left = Math.min(across, right - LEAST)
  if (handle.includes("e")) right = Math.max(across, left + LEAST)
  if (handle.includes("n")) top = Math.min(down, bottom - LEAST)
  if (handle.includes("s")) bottom = Math.max(down, top + LEAST)
  return [left, top, right, bottom]
}

function spoken(box) {
  const [left, top, right, bottom] = box.map((side) => Math.round(100 * side))
  return `${left} to ${right} percent across, ${top} to ${bottom} percent down`
}
