// A month of days in a popover; days with footage can be chosen, and show how much they have.

class Calendar {
  constructor(root, choose) {
    this.choose = choose
    this.panel = root.querySelector(".calendar")
    this.button = root.querySelector(".pick")
    this.title = this.panel.querySelector("h3")
    this.grid = this.panel.querySelector("table")
    this.button.onclick = () => this.toggle()
    this.panel.addEventListener("toggle", (event) => {
      this.button.ariaExpanded = String(event.newState === "open")
    })
    this.panel.querySelector(".before").onclick = () => this.turn(-1)
    this.panel.querySelector(".after").onclick = () => this.turn(1)
    this.panel.onkeydown = (event) => this.key(event)
  }

  show(days, chosen) {
    this.days = days
    this.chosen = chosen
    this.most = Math.max(1, ...Object.values(days))
    if (this.panel.matches(":popover-open")) this.panel.hidePopover()
  }

  toggle() {
    this.focused = this.chosen
    this.panel.togglePopover()
    if (!this.panel.matches(":popover-open")) return
    const at = this.button.getBoundingClientRect()
    this.panel.style.top = `${Math.min(at.bottom + 6, window.innerHeight - this.panel.offsetHeight - 8)}px`
    this.panel.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - 330))}px`
    this.draw(true)
  }

  turn(months) {
    const day = new Date(`${this.focused}T00:00:00Z`)
    this.focused = isoDay(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + months, 1))
    this.draw(false)
  }

  draw(focus) {
    const first = new Date(`${this.focused.slice(0, 7)}-01T00:00:00Z`)
    const language = navigator.language
    const name = (form) => new Intl.DateTimeFormat(language, { timeZone: "UTC", ...form })
    this.title.textContent = name({ month: "long", year: "numeric" }).format(first)
    const monday = first.getTime() - ((first.getUTCDay() + 6) % 7) * DAY_MS
    const head = element("tr")
    for (let day = 0; day < 7; day += 1) {
      const cell = element("th", "", name({ weekday: "short" }).format(monday + day * DAY_MS))
      cell.scope = "col"
      head.append(cell)
    }
    const weeks = Array.from({ length: 6 }, (_, week) => {
      const row = element("tr")
      for (let day = 0; day < 7; day += 1) row.append(this.cell(monday + (7 * week + day) * DAY_MS, first, name))
      return row
    })
    this.grid.replaceChildren(head, ...weeks)
    if (focus) this.grid.querySelector("[tabindex='0']")?.focus()
  }

  cell(ms, first, name) {
    const cell = element("td")
    const iso = isoDay(ms)
    const seconds = this.days[iso] ?? 0
    const day = new Date(ms)
    const button = element("button", "", String(day.getUTCDate()))
    button.type = "button"
    button.dataset.day = iso
    button.tabIndex = iso === this.focused ? 0 : -1
    button.ariaLabel = `${name({ weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(ms)}, ${seconds ? `${amount(seconds)} of footage` : "no footage"}`
    button.ariaDisabled = String(!seconds)
    if (iso === this.chosen) button.ariaCurrent = "date"
    if (day.getUTCMonth() !== first.getUTCMonth()) button.className = "other"
    if (seconds) {
      const mark = element("i")
      mark.style.setProperty("--amount", String(0.25 + 0.75 * (seconds / this.most)))
      button.append(mark)
      button.onclick = () => this.pick(iso)
    }
    cell.append(button)
    return cell
  }

  pick(iso) {
    this.panel.hidePopover()
    this.button.focus()
    if (iso !== this.chosen) this.choose(iso)
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }
    if (!event.target.dataset?.day) return
    if (steps[event.key]) this.focused = isoDay(Date.parse(`${event.target.dataset.day}T00:00:00Z`) + steps[event.key] * DAY_MS)
    else if (event.key === "PageUp" || event.key === "PageDown") {
      const day = new Date(`${event.target.dataset.day}T00:00:00Z`)
      this.focused = isoDay(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + (event.key === "PageUp" ? -1 : 1), 1))
    } else return
    event.preventDefault()
    event.stopPropagation()
    this.draw(true)
  }

  // The nearest day with footage before (-1) or after (1) the chosen one.
  neighbour(step) {
    const days = Object.keys(this.days).sort()
    return step < 0 ? days.findLast((day) => day < this.chosen) : days.find((day) => day > this.chosen)
  }
}

const DAY_MS = 86_400_000
const isoDay = (ms) => new Date(ms).toISOString().slice(0, 10)

function amount(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
