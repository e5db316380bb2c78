// What is said and written, line by line: follows the player, is searched, a press seeks, a passage is marked.
// Knows no player and no Python. Every text here is foreign and only ever set as text.

const PER_BLOCK = 100 // lines drawn at once, when they come near the view: a day of talk has 15,000
const LINE_PIXELS = 28 // height of a line that is not drawn yet
const FEW = 7 // fewer lines need no room for more
const NEAR_PIXELS = 600
const OWN_MILLISECONDS = 200 // scroll events this soon after the panel scrolled by itself are its own

/** A text as it is searched: without case and accents, and where each of its letters comes from. */
function foldedText(text) {
  const [letters, from] = [[], []]
  let at = 0
  for (const letter of text) {
    for (const each of letter.normalize("NFD").toLowerCase().replace(/\p{M}/gu, "")) {
      letters.push(each)
      for (let unit = 0; unit < each.length; unit++) from.push(at)
    }
    at += letter.length
  }
  from.push(at)
  return { text: letters.join(""), from }
}

/** Where the terms occur in a folded text, as places in the text itself; null where one does not. */
function hits(folded, terms) {
  const found = []
  for (const term of terms) {
    let at = folded.text.indexOf(term)
    if (at < 0) return null
    for (; at >= 0; at = folded.text.indexOf(term, at + term.length))
      found.push([folded.from[at], folded.from[at + term.length]])
  }
  found.sort(([one], [other]) => one - other)
  return found
}

/** A language in words, where the browser knows it. */
function languageName(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code.replace("_", "-")) ?? code
  } catch {
    return code
  }
}

class Line {
  constructor([start, end, text, unsure, words, boxes]) {
    Object.assign(this, { start, end, text, unsure, timed: words, boxes, row: null })
  }

  get folded() {
    return (this.kept ??= foldedText(this.text))
  }

  /** Its words with their places in the text; those that are not found there have none. */
  get words() {
    if (this.placed) return this.placed
    this.placed = []
    let at = 0
    for (const [start, end, text] of this.timed) {
      const from = this.text.indexOf(text, at)
      if (from < 0) continue
      at = from + text.length
      this.placed.push({ start, end, from, past: at })
    }
    return this.placed
  }

  /** When it is said from a letter on. */
  startAt(letter) {
    return this.words.find((word) => word.past > letter)?.start ?? this.start
  }

  /** Until when it is said up to a letter. */
  endAt(letter) {
    return this.words.findLast((word) => word.from < letter)?.end ?? this.end
  }
}

class Transcript {
  /** `listener.seek(seconds)` is called for a press, `listener.mark(start, end)` for a passage, and
   *  `listener.loaded(entries)` once the words are there. */
  constructor(root, listener) {
    this.root = root
    this.listener = listener
    this.list = root.querySelector(".lines")
    this.input = root.querySelector(".filter")
    this.status = root.querySelector(".said")
    this.entries = []
    this.lines = this.shown = []
    this.current = []
    this.chosen = [0, 0]
    this.away = false
    this.scrolledAt = 0
    this.watch = new IntersectionObserver((seen) => this.near(seen), {
      root: this.list,
      rootMargin: `${NEAR_PIXELS}px`,
    })
    this.input.addEventListener("input", settled(() => this.filter(), 120))
    this.input.addEventListener("keydown", (event) => this.typed(event))
    this.list.addEventListener("keydown", (event) => this.key(event))
    this.list.addEventListener("scroll", () => this.scrolled(), { passive: true })
    this.list.addEventListener("click", (event) => this.click(event))
    this.touched = settled(() => this.passage(), 500)
    this.listening = new AbortController()
    const options = { signal: this.listening.signal }
    let pressed = "" // what was pressed in the list last; a finger selects after it was lifted
    this.list.addEventListener("pointerdown", ({ pointerType }) => (pressed = pointerType))
    document.addEventListener("selectionchange", () => pressed === "touch" && this.touched(), options)
    const lifted = () => {
      if (pressed === "touch" || !pressed) return
      pressed = ""
      setTimeout(() => this.passage())
    }
    document.addEventListener("pointerup", lifted, options)
  }

  close() {
    this.watch.disconnect()
    this.listening.abort()
    this.touched.never()
    CSS.highlights?.delete("footage-word")
  }

  // -- The words --------------------------------------------------------------

  /** Get the words at an address, null for none; `track` is shown first. */
  async load(address, track) {
    if (address === this.address && track === this.first) return
    const fresh = address !== this.address
    Object.assign(this, { address, first: track })
    if (!fresh) return this.choose(this.preferred(track))
    this.input.value = ""
    this.put([])
    if (!address) return
    try {
      const answer = await fetch(address)
      if (!answer.ok) throw new Error(String(answer.status))
      const { entries } = await answer.json()
      if (address !== this.address) return
      this.put(entries.map((entry) => ({ ...entry, lines: entry.lines.map((line) => new Line(line)) })))
    } catch {
      if (address !== this.address) return
      this.root.hidden = false
      this.say("The transcript did not load. Reload the page.")
    }
  }

  put(entries) {
    this.entries = entries
    this.root.hidden = !entries.length
    const several = entries.length > 1
    const buttons = entries.map((entry, number) => {
      const button = document.createElement("button")
      const alike = entries.filter((each) => each.track === entry.track).length > 1
      const language = entry.language ? languageName(entry.language) : alike ? "unknown language" : ""
      button.append(entry.name)
      if (language) {
        const small = document.createElement("small")
        small.textContent = language
        button.append(" ", small)
      }
      button.disabled = !several
      button.addEventListener("click", () => this.choose(number))
      return button
    })
    this.root.querySelector(".tracks").replaceChildren(...buttons)
    this.choose(this.preferred(this.first))
    this.listener.loaded(entries)
  }

  /** The number of the entry to show: of a track, else of the one that was chosen last, else the first. */
  preferred(track) {
    const wanted = track || this.wanted
    return Math.max(
      0,
      this.entries.findIndex((entry) => entry.track === wanted),
    )
  }

  choose(number) {
    const entry = this.entries[number]
    this.root.querySelectorAll(".tracks button").forEach((button, place) => {
      button.ariaPressed = String(place === number)
    })
    this.lines = entry?.lines ?? []
    this.wanted = entry?.track
    let last = 0
    this.reached = this.lines.map(({ end }) => (last = Math.max(last, end))) // the latest end so far
    this.list.ariaLabel = entry ? `${entry.name}, line by line` : ""
    this.list.lang = entry?.language ?? ""
    this.filter()
  }

  // -- Drawing them -------------------------------------------------------------

  /** Show the lines that have all that is typed. */
  filter() {
    const terms = foldedText(this.input.value).text.split(/\s+/).filter(Boolean)
    this.marks = new Map()
    if (terms.length)
      for (const line of this.lines) {
        const found = hits(line.folded, terms)
        if (found) this.marks.set(line, found)
      }
    this.shown = terms.length ? this.lines.filter((line) => this.marks.has(line)) : this.lines
    const [lines, all] = [this.shown.length, this.lines.length]
    if (terms.length) this.say(lines ? `${lines} of ${all} ${all === 1 ? "line" : "lines"}` : "No line has this")
    else this.say("")
    this.drawAll()
  }

  drawAll() {
    this.watch.disconnect()
    for (const line of this.lines) line.row = null
    this.current = []
    this.active = null
    this.blocks = []
    for (let first = 0; first < this.shown.length; first += PER_BLOCK) {
      const block = document.createElement("div")
      block.role = "none"
      block.lines = this.shown.slice(first, first + PER_BLOCK)
      block.first = first
      block.style.minHeight = `${block.lines.length * LINE_PIXELS}px`
      this.blocks.push(block)
    }
    this.list.hidden = !this.shown.length
    this.list.classList.toggle("few", this.shown.length < FEW)
    this.list.removeAttribute("aria-activedescendant")
    this.list.replaceChildren(...this.blocks)
    this.list.scrollTop = 0
    if (this.blocks.length) this.fill(this.blocks[0])
    for (const block of this.blocks) this.watch.observe(block)
    this.away = this.placed = false
    if (this.now !== undefined) this.follow({ now: this.now, chosen: this.chosen })
  }

  near(seen) {
    for (const { isIntersecting, target } of seen) if (isIntersecting) this.fill(target)
  }

  fill(block) {
    if (block.childElementCount) return
    block.append(...block.lines.map((line, number) => this.row(line, block.first + number)))
    block.style.minHeight = ""
  }

  row(line, number) {
    const row = document.createElement("div")
    const [at, text] = [document.createElement("span"), document.createElement("span")]
    row.className = "line"
    row.id = `line-${number}`
    row.role = "option"
    row.ariaSelected = "false"
    row.ariaPosInSet = number + 1
    row.ariaSetSize = this.shown.length
    at.className = "at"
    at.textContent = clock(Math.floor(line.start), 0)
    text.className = "text"
    text.dir = "auto"
    text.append(...this.marked(line))
    row.append(at, text)
    if (line.unsure) {
      const remark = document.createElement("small")
      remark.textContent = "unsure"
      row.append(remark)
    }
    row.line = line
    line.row = row
    row.classList.toggle("current", this.current.includes(line))
    this.choosing(line)
    return row
  }

  /** The text of a line, what was searched in it marked. */
  marked(line) {
    const [parts, found] = [[], this.marks.get(line) ?? []]
    let at = 0
    for (const [from, past] of found) {
      if (past <= at) continue
      const mark = document.createElement("mark")
      mark.textContent = line.text.slice(Math.max(at, from), past)
      parts.push(line.text.slice(at, Math.max(at, from)), mark)
      at = past
    }
    return [...parts, line.text.slice(at)]
  }

  say(words) {
    if (this.status.textContent !== words) this.status.textContent = words
  }

  // -- Following the player -------------------------------------------------------

  /** Show where the player is, and which lines lie between its points. */
  follow({ now, chosen }) {
    Object.assign(this, { now })
    if (!this.lines.length) return
    if (chosen[0] !== this.chosen[0] || chosen[1] !== this.chosen[1]) {
      this.chosen = [...chosen]
      for (const line of this.shown) this.choosing(line)
    }
    const current = this.at(now)
    const same = current.length === this.current.length && current.every((line, n) => line === this.current[n])
    if (!same) {
      for (const line of this.current) this.running(line, false)
      this.current = current
      for (const line of current) this.running(line, true)
      this.keepInSight()
    } else if (!this.placed) this.keepInSight()
    this.speak(now)
  }

  /** The lines at a moment, by start. */
  at(now) {
    const found = []
    for (let number = this.before(now); number >= 0 && this.reached[number] > now; number--)
      if (this.lines[number].end > now) found.unshift(this.lines[number])
    return found
  }

  /** The number of the last line that starts by a moment; -1 before the first. */
  before(now) {
    let [least, past] = [0, this.lines.length]
    while (least < past) {
      const middle = (least + past) >> 1
      if (this.lines[middle].start <= now) least = middle + 1
      else past = middle
    }
    return least - 1
  }

  running(line, is) {
    if (!line.row) return
    line.row.classList.toggle("current", is)
    if (is) line.row.ariaCurrent = "true"
    else line.row.removeAttribute("aria-current")
  }

  /** Whether a line lies between the points, as its row says it. */
  choosing(line) {
    if (!line.row) return
    const inside = line.start < this.chosen[1] && line.end > this.chosen[0]
    line.row.ariaSelected = String(inside)
    line.row.classList.toggle("chosen", inside)
  }

  /** Colour the word that is said at a moment, where the browser can do that without touching the page. */
  speak(now) {
    if (!globalThis.Highlight || !CSS.highlights) return
    const [line] = this.current
    const word = line?.row?.isConnected && line.words.find(({ start, end }) => start <= now && now < end)
    const node = word && line.row.querySelector(".text").firstChild
    if (!node || node.length < word.past) return void CSS.highlights.delete("footage-word")
    const range = new Range()
    range.setStart(node, word.from)
    range.setEnd(node, word.past)
    CSS.highlights.set("footage-word", new Highlight(range))
  }

  /** Scroll to where the player is, unless the reader is elsewhere. */
  keepInSight() {
    if (this.away || !this.list.clientHeight) return this.offer()
    const line = this.current[0] ?? this.lines[Math.max(0, this.before(this.now))]
    this.reveal(this.shown.includes(line) ? line : null)
    this.placed = true
    this.offer()
  }

  reveal(line, near = false) {
    if (!line) return
    this.fill(this.blocks[Math.floor(this.shown.indexOf(line) / PER_BLOCK)])
    const { offsetTop: top, offsetHeight: high } = line.row
    const view = this.list.clientHeight
    const above = top < this.list.scrollTop
    if (!above && top + high <= this.list.scrollTop + view - (near ? 0 : high)) return
    this.scrolledAt = performance.now()
    this.list.scrollTop = near ? (above ? top : top + high - view) : top - view / 3
  }

  scrolled() {
    if (performance.now() - this.scrolledAt < OWN_MILLISECONDS) return
    this.away = !this.inSight()
    this.offer()
  }

  inSight() {
    const line = this.current[0] ?? this.lines[Math.max(0, this.before(this.now))]
    if (!line?.row) return !this.shown.includes(line)
    const top = line.row.offsetTop
    return top + line.row.offsetHeight > this.list.scrollTop && top < this.list.scrollTop + this.list.clientHeight
  }

  /** Offer the way back to where the player is. */
  offer() {
    this.root.querySelector("[data-do=follow]").hidden = !this.away
  }

  back() {
    this.away = false
    this.keepInSight()
  }

  // -- Pressing, marking, typing ----------------------------------------------------

  click(event) {
    const selection = this.selection()
    if (selection && !selection.isCollapsed) return
    const line = event.target.closest(".line")?.line
    if (!line) return
    this.activate(line)
    const place = event.target.closest(".text") && selection && this.place(selection.anchorNode, selection.anchorOffset)
    this.away = false
    this.listener.seek(place?.line === line ? line.startAt(place.letter) : line.start)
  }

  /** What is selected; browsers differ in how they tell it of a part of the page like this one. */
  selection() {
    const root = this.list.getRootNode()
    if (root.getSelection) return root.getSelection()
    const selection = document.getSelection()
    const [range] = selection?.getComposedRanges?.({ shadowRoots: [root] }) ?? []
    if (!range) return selection
    const { startContainer: anchorNode, startOffset: anchorOffset } = range
    const { endContainer: focusNode, endOffset: focusOffset, collapsed: isCollapsed } = range
    return { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed }
  }

  /** Which letter of which line a place in the page is; null outside the lines. */
  place(node, offset) {
    const element = node instanceof Element ? node : node?.parentElement
    const row = element?.closest(".line") ?? (element === this.list ? null : node?.childNodes?.[offset]?.closest?.(".line"))
    if (!row || !this.list.contains(row)) return null
    const text = row.querySelector(".text")
    if (!text.contains(node)) return { line: row.line, letter: 0 }
    const range = new Range()
    range.selectNodeContents(text)
    range.setEnd(node, offset)
    return { line: row.line, letter: range.toString().length }
  }

  /** Make what is selected the passage from in to out. */
  passage() {
    const selection = this.selection()
    if (!selection || selection.isCollapsed) return
    const ends = [
      this.place(selection.anchorNode, selection.anchorOffset),
      this.place(selection.focusNode, selection.focusOffset),
    ]
    if (!ends[0] || !ends[1]) return
    const number = ({ line }) => this.shown.indexOf(line)
    ends.sort((one, other) => number(one) - number(other) || one.letter - other.letter)
    const [first, last] = ends
    if (!last.letter && last.line !== first.line) {
      last.line = this.shown[number(last) - 1]
      last.letter = last.line.text.length
    }
    this.mark(first.line.startAt(first.letter), last.line.endAt(last.letter))
  }

  mark(start, end) {
    if (!(end > start)) return
    this.listener.mark(start, end)
    this.say(`In ${clock(start)}, out ${clock(end)}`)
  }

  typed(event) {
    if (event.key === "Enter" && this.shown.length) {
      const after = this.shown.find((line) => line.start > this.now + 0.05) ?? this.shown[0]
      this.away = false
      this.listener.seek(after.start)
    } else if (event.key === "Escape" && this.input.value) {
      this.input.value = ""
      this.filter()
    } else if (event.key === "ArrowDown" && this.shown.length) this.list.focus()
    else return
    event.preventDefault()
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.shown.length) return
    const here = this.shown.indexOf(this.active ?? this.current[0])
    const page = Math.max(1, Math.floor(this.list.clientHeight / LINE_PIXELS) - 1)
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }
    if (event.key in steps) {
      const next = here < 0 ? 0 : within(here + steps[event.key], 0, this.shown.length - 1)
      if (!event.shiftKey) this.anchor = null
      else this.anchor ??= this.active ?? this.shown[Math.max(0, here)]
      this.activate(this.shown[next])
      if (this.anchor) {
        const ends = [this.anchor, this.active]
        this.mark(Math.min(...ends.map(({ start }) => start)), Math.max(...ends.map(({ end }) => end)))
      }
    } else if (event.key === "Enter" && here >= 0) this.listener.seek(this.shown[here].start)
    else return
    event.preventDefault()
  }

  /** Make a line the one that keys speak of. */
  activate(line) {
    this.active?.row?.classList.remove("active")
    this.active = line
    this.fill(this.blocks[Math.floor(this.shown.indexOf(line) / PER_BLOCK)])
    line.row.classList.add("active")
    this.list.setAttribute("aria-activedescendant", line.row.id)
    this.reveal(line, true)
  }

  find() {
    if (this.root.hidden) return false
    this.open(true)
    this.input.focus()
    this.input.select()
    return true
  }

  /** Fold the panel, or unfold it. */
  open(is = this.root.classList.contains("folded")) {
    this.root.classList.toggle("folded", !is)
    this.root.querySelector("[data-do=fold]").ariaExpanded = String(is)
    if (is) this.keepInSight()
  }
}
