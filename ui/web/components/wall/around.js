// Lists what happens around the moment on all cameras; each line goes there.

const AROUND_MS = 60_000
const MOST_LINES = 60

class Around {
  constructor(root, acts) {
    this.list = root.querySelector(".around ol")
    this.empty = root.querySelector(".around .empty")
    this.count = root.querySelector(".around h3 span")
    this.acts = acts
  }

  show(day, actions) {
    this.day = day
    this.actions = actions
    this.key = null
  }

  follow(now) {
    if (!this.day) return
    const second = Math.floor(now / 1000)
    if (second === this.second && this.key !== null) return
    this.second = second
    const found = this.day.blocks.filter((block) => block.end >= now - AROUND_MS && block.start <= now + AROUND_MS)
    const apart = (block) => Math.max(block.start - now, now - block.end, 0)
    const most = found.length > MOST_LINES ? found.map(apart).sort((one, other) => one - other)[MOST_LINES - 1] : AROUND_MS
    const near = found.filter((block) => apart(block) <= most).slice(0, MOST_LINES)
    const key = near.map((block) => `${block.start} ${block.lane.number} ${block.kind}`).join()
    if (key !== this.key) {
      this.key = key
      this.lines = near.map((block) => [block, this.line(block)])
      this.list.replaceChildren(...this.lines.map(([, line]) => line))
      this.empty.hidden = near.length > 0
      this.count.textContent = found.length > near.length ? `nearest ${near.length} of ${found.length}` : near.length ? String(near.length) : ""
    }
    this.mark(now)
  }

  // What happens now stands out, and stays in sight unless the person is reading elsewhere in the list.
  mark(now) {
    for (const [block, line] of this.lines) line.classList.toggle("here", block.start <= now && now < Math.max(block.end, block.start + 1000))
    const next = this.lines.find(([block]) => now < Math.max(block.end, block.start + 1000))
    if (!next || this.list.matches(":hover, :focus-within")) return
    this.list.scrollTop = next[1].offsetTop - this.list.clientHeight / 3
  }

  line(block) {
    const line = element("li", block.kind)
    const go = element("button", "go")
    go.type = "button"
    if (block.kind === "alert") go.append(icon("bell"))
    go.append(element("time", "", this.day.zone.clock(block.start)), element("b", "", block.lane.name), element("span", "", block.text))
    go.onclick = () => this.acts.seek(block.start, true)
    line.append(go)
    const recording = block.lane.at(block.start)
    if (!recording) return line
    const asked = { content: recording.content, seconds: recording.from + (block.start - recording.start) / 1000, moment: block.start }
    for (const [action, words, drawn] of [["player", "Open in the player", "open"], ["search", "Search from here", "find"]]) {
      if (!this.actions.includes(action)) continue
      const button = element("button", "do")
      button.type = "button"
      button.title = words
      button.ariaLabel = `${words}: ${block.text}`
      button.append(icon(drawn))
      button.onclick = () => this.acts.ask({ action, ...asked })
      line.append(button)
    }
    return line
  }
}
