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
    const near = found.slice(0, MOST_LINES)
    const key = near.map((block) => `${block.start} ${block.lane.number} ${block.kind}`).join()
    if (key !== this.key) {
      this.key = key
      this.lines = near.map((block) => [block, this.line(block)])
      this.list.replaceChildren(...this.lines.map(([, line]) => line))
      this.empty.hidden = near.length > 0
      this.count.textContent = found.length > near.length ? `first ${near.length} of ${found.length}` : near.length ? String(near.length) : ""
    }
    for (const [block, line] of this.lines) line.classList.toggle("here", block.start <= now && now < Math.max(block.end, block.start + 1000))
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
