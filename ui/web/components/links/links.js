// Opens links of the page within the app, copies texts, marks the row that plays, and keeps the place in a list.
// Foreign text is never set as HTML.

const FOLLOW_MS = 250
const RESTORE_MS = 3000
const SETTLED_MS = 500
const PLACES = "footage places"

const scroller = () => document.querySelector("[data-testid=stMain]")

function places() {
  try {
    return JSON.parse(sessionStorage.getItem(PLACES)) ?? {}
  } catch {
    return {}
  }
}

function keep(all) {
  try {
    sessionStorage.setItem(PLACES, JSON.stringify(all))
  } catch {
    // a browser that keeps nothing starts each page at its top
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const field = document.createElement("textarea") // pages without https may not use the clipboard
    field.value = text
    document.body.append(field)
    field.select()
    document.execCommand("copy")
    field.remove()
  }
}

class Links {
  constructor() {
    this.listening = new AbortController()
    const options = { signal: this.listening.signal }
    document.addEventListener("click", (event) => this.click(event), options)
    this.timer = setInterval(() => this.follow(), FOLLOW_MS)
  }

  close() {
    this.listening.abort()
    clearInterval(this.timer)
  }

  show(place, send) {
    this.send = send
    this.place = place
    if (place === globalThis.footagePlace) return // drawn again: the page stays where it is
    globalThis.footagePlace = place
    this.restore(place)
  }

  click(event) {
    const target = event.target instanceof Element ? event.target : null
    const copied = target?.closest("[data-copy]")
    if (copied) {
      const label = copied.textContent
      copy(copied.dataset.copy)
      copied.textContent = "Copied"
      setTimeout(() => (copied.textContent = label), 1500)
      return
    }
    const link = target?.closest("a.fx-open")
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    keep({ ...places(), [this.place]: scroller()?.scrollTop ?? 0 })
    globalThis.footagePlace = null // it is left: who comes back before the next page is drawn comes back all the same
    this.send(new URL(link.href).search.slice(1))
  }

  /** Scroll to where the place was left, and stay there while the page is drawn; another one starts at its top. */
  restore(place) {
    const { [place]: top = 0, ...others } = places()
    keep(others)
    const end = performance.now() + RESTORE_MS
    let right = performance.now() // since when it is there
    const scrolled = new AbortController()
    for (const name of ["wheel", "touchmove", "pointerdown", "keydown"])
      addEventListener(name, () => scrolled.abort(), { signal: scrolled.signal, passive: true, capture: true })
    const go = (now) => {
      const main = scroller()
      if (!main || this.place !== place || now > end || now - right > (top && SETTLED_MS)) scrolled.abort()
      if (scrolled.signal.aborted) return
      if (Math.abs(main.scrollTop - top) > 2) {
        main.scrollTop = top
        right = now
      }
      requestAnimationFrame(go)
    }
    if (scroller()) scroller().scrollTop = top
    requestAnimationFrame(go)
  }

  /** Mark the row of what plays: rows say when in data-start and data-end. */
  follow() {
    const rows = document.querySelectorAll("[data-start]")
    if (!rows.length) return
    const now = position()
    for (const row of rows) {
      const here = now !== null && now >= Number(row.dataset.start) && now < Number(row.dataset.end)
      row.classList.toggle("fx-playing-now", here)
    }
  }
}

/** The player's position in video time, by its own slider; null without a player. */
function position() {
  for (const host of document.querySelectorAll(".st-key-stage [data-testid=stBidiComponentIsolated]")) {
    const value = host.shadowRoot?.querySelector(".scrub")?.ariaValueNow
    if (value) return Number(value)
  }
  return null
}

const all = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let links = all.get(parentElement)
  if (!links) {
    links = new Links()
    all.set(parentElement, links)
  }
  links.show(data.place, (address) => setTriggerValue("opened", address))
  return () => {
    links.close()
    all.delete(parentElement)
  }
}
