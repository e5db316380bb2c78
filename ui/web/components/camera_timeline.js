// Draws rows of footage on one wall clock and reports which moment, or which period, was chosen.
// Everything foreign arrives as text and is set as text.

const DRAG_PIXELS = 6

function add(parent, kind, text) {
  const made = document.createElement("div")
  made.className = kind
  if (text) made.textContent = text
  parent.appendChild(made)
  return made
}

function piece(parent, kind, [left, width, title]) {
  const made = add(parent, kind)
  made.style.left = `${100 * left}%`
  made.style.width = `${100 * width}%`
  if (title) made.title = title
}

export default function ({ parentElement, data, setTriggerValue }) {
  let root = parentElement.querySelector(".fx-wall")
  if (root) root.remove()
  root = add(parentElement, "fx-wall")
  const names = add(root, "fx-wall-names")
  const plot = add(root, "fx-wall-plot")

  for (const row of data.rows) {
    const name = add(names, "fx-wall-name")
    name.style.setProperty("--lanes", row.lanes.length)
    add(name, "fx-wall-camera", row.name)
    if (row.note) add(name, "fx-wall-note", row.note)
    const track = add(plot, "fx-wall-row")
    track.style.setProperty("--lanes", row.lanes.length)
    for (const bars of row.lanes) {
      const lane = add(track, "fx-wall-lane")
      for (const bar of bars) piece(lane, `fx-wall-bar ${bar[3]}`, bar)
    }
    for (const tick of row.events) piece(track, "fx-wall-event", tick)
    for (const tick of row.matches) piece(track, "fx-wall-match", tick)
  }
  add(names, "fx-wall-corner", data.zone)
  const axis = add(plot, "fx-wall-axis")
  for (const [at, label] of data.ticks) {
    piece(plot, "fx-wall-grid", [at, 0])
    piece(axis, "fx-wall-tick", [at, 0])
    axis.lastChild.textContent = label
  }
  if (data.cursor !== null) piece(plot, "fx-wall-cursor", [data.cursor, 0])
  const hover = add(plot, "fx-wall-hover")
  const range = add(plot, "fx-wall-range")

  const place = event => {
    const box = plot.getBoundingClientRect()
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1)
  }
  let from = null
  plot.onpointerdown = event => {
    from = { x: event.clientX, at: place(event) }
    plot.setPointerCapture(event.pointerId)
  }
  plot.onpointermove = event => {
    hover.style.left = `${100 * place(event)}%`
    hover.classList.add("fx-wall-moved")
    if (from && Math.abs(event.clientX - from.x) >= DRAG_PIXELS) {
      const to = place(event)
      range.style.left = `${100 * Math.min(from.at, to)}%`
      range.style.width = `${100 * Math.abs(to - from.at)}%`
    }
  }
  plot.onpointerup = event => {
    if (!from) return
    const to = place(event)
    const dragged = Math.abs(event.clientX - from.x) >= DRAG_PIXELS
    if (dragged) setTriggerValue("range", [Math.min(from.at, to), Math.max(from.at, to)])
    else setTriggerValue("picked", to)
    from = null
  }
  plot.onpointercancel = () => { // a finger scrolls the page
    from = null
    range.style.width = 0
  }
}
