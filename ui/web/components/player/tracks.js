// Draws what was pointed at or followed in the picture at a moment; knows no player. Names are only ever set as text.

const HOLD_SECONDS = 0.25 // how long before and after its time a place shows, as in drawings of the command line
const JOIN_SECONDS = 1 // places no further apart are one movement
const TRACK_COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#4f8fd0", "#d55e00", "#cc79a7"]
const SVG = "http://www.w3.org/2000/svg"

class Tracks {
  constructor(root) {
    this.root = root
    this.objects = []
    this.on = true
  }

  get has() {
    return this.objects.length > 0
  }

  /** Objects with their places: [seconds, x, y] or [seconds, left, top, right, bottom], shares of the picture. */
  fill(objects) {
    const same = JSON.stringify(objects)
    if (same === this.given) return
    this.given = same
    this.objects = objects.filter(({ places }) => places.length)
    this.marks = this.objects.map((object, number) => this.mark(object, TRACK_COLOURS[number % TRACK_COLOURS.length]))
    this.root.replaceChildren(...this.marks.flatMap(({ trail, mark }) => [trail, mark]))
  }

  mark({ name }, colour) {
    const [mark, label] = [document.createElement("div"), document.createElement("span")]
    const [trail, line] = [document.createElementNS(SVG, "svg"), document.createElementNS(SVG, "polyline")]
    mark.className = "object"
    mark.style.setProperty("--colour", colour)
    label.textContent = name
    mark.append(label)
    trail.classList.add("trail")
    trail.setAttribute("viewBox", "0 0 1 1")
    trail.setAttribute("preserveAspectRatio", "none")
    trail.style.setProperty("--colour", colour)
    trail.append(line)
    return { mark, trail, line }
  }

  draw(now) {
    this.root.hidden = !this.on
    if (!this.on) return
    this.objects.forEach(({ places }, number) => {
      const { mark, trail, line } = this.marks[number]
      const place = placeAt(places, now)
      mark.hidden = !place
      trail.style.display = place ? "" : "none"
      if (!place) return
      const [x, y, right, bottom] = place
      const box = right !== undefined
      mark.classList.toggle("dot", !box)
      Object.assign(mark.style, {
        left: `${100 * x}%`,
        top: `${100 * y}%`,
        width: box ? `${100 * (right - x)}%` : "",
        height: box ? `${100 * (bottom - y)}%` : "",
      })
      const middle = ([left, top, past, low]) => (past === undefined ? [left, top] : [(left + past) / 2, (top + low) / 2])
      const came = places.filter(([at]) => at <= now).map(([, ...shares]) => middle(shares))
      line.setAttribute("points", [...came, middle(place)].map((each) => each.join(",")).join(" "))
    })
  }
}

/** Where something is at a moment; null where it is not to be seen. */
function placeAt(places, now) {
  const after = places.findIndex(([at]) => at > now)
  const [one, other] = [places[(after < 0 ? places.length : after) - 1], places[after]]
  if (one && other && other[0] - one[0] <= JOIN_SECONDS && one.length === other.length) {
    const share = (now - one[0]) / (other[0] - one[0])
    return one.slice(1).map((value, number) => value + share * (other[number + 1] - value))
  }
  const near = [one, other].filter(Boolean).sort((a, b) => Math.abs(a[0] - now) - Math.abs(b[0] - now))[0]
  return near && Math.abs(near[0] - now) <= HOLD_SECONDS ? near.slice(1) : null
}
