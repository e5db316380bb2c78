// Draws where text is in the picture at a moment; knows no player. Texts are only ever set as text.

class Boxes {
  constructor(root, button) {
    this.root = root
    this.button = button
    this.lines = []
    this.drawn = []
    this.on = true
  }

  /** The lines of every transcript; those with boxes are drawn. */
  fill(entries) {
    this.lines = entries.flatMap(({ lines }) => lines.filter(({ boxes }) => boxes.length))
    this.lines.sort((one, other) => one.start - other.start)
    let last = 0
    this.reached = this.lines.map(({ end }) => (last = Math.max(last, end)))
    this.put([])
  }

  get has() {
    return this.lines.length > 0
  }

  toggle() {
    this.on = !this.on
  }

  draw(now) {
    this.button.ariaPressed = String(this.on)
    const places = this.on ? this.at(now) : []
    const same = places.length === this.drawn.length && places.every(({ box }, n) => box === this.drawn[n].box)
    if (!same) this.put(places)
  }

  /** Each line on screen at a moment, with its last known place. */
  at(now) {
    let past = 0
    for (let high = this.lines.length; past < high; ) {
      const middle = (past + high) >> 1
      if (this.lines[middle].start <= now) past = middle + 1
      else high = middle
    }
    const found = []
    for (let number = past - 1; number >= 0 && this.reached[number] > now; number--) {
      const line = this.lines[number]
      if (line.end > now) found.push({ line, box: line.boxes.findLast(([at]) => at <= now) ?? line.boxes[0] })
    }
    return found
  }

  put(places) {
    this.drawn = places
    const drawn = places.map(({ line, box }) => {
      const [, left, top, right, bottom, reading] = box
      const [frame, label] = [document.createElement("div"), document.createElement("span")]
      frame.className = "box"
      frame.classList.toggle("low", bottom > 0.85)
      frame.style.left = `${100 * left}%`
      frame.style.top = `${100 * top}%`
      frame.style.width = `${100 * (right - left)}%`
      frame.style.height = `${100 * (bottom - top)}%`
      label.textContent = reading ?? line.text
      frame.append(label)
      return frame
    })
    this.root.replaceChildren(...drawn)
  }
}
