// The panel of pickers: each writes its filter into the query; knows no server.

const TRACK_LABELS = { captions: "Seen", speech: "Said", subtitles: "In subtitles", "screen-text": "On screen" }
const MANY = 10
const OPERATORS = [
  ["THEN", "one after the other", "a car stops THEN somebody gets out"],
  ["AND", "at the same time", "a red car drives by AND a dog runs"],
  ["WITHOUT", "one while the other does not happen", "a man walks by WITHOUT a dog"],
]

class Panel {
  /**
   * @param root the panel
   * @param bar has `text`, `names`, and `write(text)`
   */
  constructor(root, bar) {
    Object.assign(this, { root, bar, fields: root.querySelector(".fq-fields") })
    root.querySelector(".fq-done").addEventListener("click", () => root.hidePopover())
    root.querySelector(".fq-clear").addEventListener("click", () => {
      bar.write(wordsOf(bar.text, bar.names))
      this.fill()
    })
  }

  /** Draw the pickers for the query of now. */
  fill() {
    const { data } = this.bar
    const named = (name) => data.fields.find((each) => each.name === name)
    this.fields.replaceChildren(
      ...["camera", "collection"].map(named).filter(Boolean).map((field) => this.names(field)),
      this.section("Recorded", "fq-when fq-all", [
        this.input("From day", "date", this.first("after").slice(0, 10), (day) => this.set("after", day && [day]), data.days),
        this.input("To day", "date", this.lastDay(), (day) => this.set("before", day && [shiftedDay(day, 1)]), data.days),
        ...this.hours(),
      ], data.days[0] ? "" : "No time of recording is known in this index."),
      this.section("Length of the video", "fq-when", [
        this.length("At least", "longer"),
        this.length("At most", "shorter"),
      ]),
      this.tracks(),
      this.operators(),
      ...["path"].map(named).filter((field) => field?.values.length > 1).map((field) => this.names(field, "fq-all")),
    )
  }

  values(name) {
    return termsOf(this.bar.text, new Set([name])).map(({ value }) => value)
  }

  first(name) {
    return this.values(name)[0] ?? ""
  }

  set(name, values) {
    this.bar.write(withValues(this.bar.text, name, (values || []).filter(Boolean)))
  }

  section(title, style, children, note = "") {
    const [section, head] = [element("section", style), element("h4", "", title)]
    section.append(head, ...children)
    if (note) section.append(element("p", "fq-note", note))
    return section
  }

  /** A list of names, any of which can be chosen; a long one has a box to find them. */
  names(field, style = "") {
    const list = element("div", "fq-names")
    const chosen = new Set(this.values(field.name).map((value) => value.toLowerCase()))
    const draw = (wanted) => {
      const fits = field.values.filter((value) => value.toLowerCase().includes(wanted.toLowerCase()))
      const ordered = [...fits.filter((value) => chosen.has(value.toLowerCase())), ...fits.filter((value) => !chosen.has(value.toLowerCase()))]
      list.replaceChildren(...ordered.slice(0, 60).map((value) => this.choice(value, chosen.has(value.toLowerCase()), (on) => {
        const others = this.values(field.name).filter((each) => each.toLowerCase() !== value.toLowerCase())
        on ? chosen.add(value.toLowerCase()) : chosen.delete(value.toLowerCase())
        this.set(field.name, on ? [...others, value] : others)
      })))
    }
    draw("")
    const parts = [list]
    if (field.values.length > MANY) {
      const find = this.input(`Find a ${field.label.toLowerCase()}`, "search", "", () => {})
      find.querySelector("input").addEventListener("input", (event) => draw(event.target.value))
      parts.unshift(find)
    }
    return this.section(field.label, style, parts, field.more ? "Type the beginning in the search box to find others." : "")
  }

  choice(label, on, changed, title = "") {
    const button = element("button", "fq-choice", label)
    button.type = "button"
    button.title = title
    button.setAttribute("aria-pressed", String(on))
    button.addEventListener("click", () => {
      const now = button.getAttribute("aria-pressed") !== "true"
      button.setAttribute("aria-pressed", String(now))
      changed(now)
    })
    return button
  }

  input(label, type, value, changed, [least, most] = []) {
    const [line, name, input] = [element("label", "fq-field"), element("span", "", label), element("input")]
    Object.assign(input, { type, value })
    if (least && type === "date") input.min = least
    if (most && type === "date") input.max = most
    input.addEventListener("change", () => changed(input.value))
    line.append(name, input)
    return line
  }

  lastDay() {
    const before = this.first("before")
    return /^\d{4}-\d\d-\d\d$/.test(before) ? shiftedDay(before, -1) : before.slice(0, 10)
  }

  hours() {
    const [from, to] = this.first("hours").split("-")
    const inputs = ["From time", "To time"].map((label, number) =>
      this.input(label, "time", [from, to][number] ?? "", () => {
        const [first, last] = inputs.map((line) => line.querySelector("input").value)
        if (first && last && first !== last) this.set("hours", [`${first}-${last}`])
        else if (!first && !last) this.set("hours", [])
      }))
    return inputs
  }

  length(label, name) {
    const line = this.input(label, "text", this.first(name), (value) => {
      const read = value.trim().replace(/\s+/g, "").toLowerCase()
      const good = read === "" || /^\d+(\.\d+)?[smh]?$/.test(read)
      input.setAttribute("aria-invalid", String(!good))
      if (good) this.set(name, read && [read])
    })
    const input = line.querySelector("input")
    input.placeholder = "30s, 5m, 1h"
    return line
  }

  tracks() {
    const chosen = new Set(this.values("in"))
    const offered = ["captions", "speech", "subtitles", "screen-text"].filter((track) => track !== "subtitles" || this.bar.data.tracks.includes(track))
    const choices = offered.map((track) => {
      const there = this.bar.data.tracks.includes(track)
      const button = this.choice(TRACK_LABELS[track], chosen.has(track), (on) => {
        on ? chosen.add(track) : chosen.delete(track)
        this.set("in", [...chosen])
      }, there ? "" : "The index has none of this")
      button.disabled = !there && !chosen.has(track)
      return button
    })
    const list = element("div", "fq-names")
    list.append(...choices)
    return this.section("Search only in what is", "", [list])
  }

  operators() {
    const used = [...this.bar.text.matchAll(OPERATOR)][0]?.[1]
    const list = element("div", "fq-operators")
    list.append(...OPERATORS.map(([word, meaning, example]) => {
      const button = element("button", "fq-operator")
      button.type = "button"
      button.disabled = Boolean(used && used !== word)
      button.title = button.disabled ? "A query can have one kind of operator" : ""
      button.append(element("b", "", word), element("span", "", meaning), element("i", "", example))
      button.addEventListener("click", () => this.bar.insert(word))
      return button
    }))
    return this.section("Combine two events", "fq-all", [list])
  }
}

/** An element with a class and a text. */
function element(name, style = "", text = "") {
  const made = document.createElement(name)
  if (style) made.className = style
  made.textContent = text
  return made
}
