// The filters of the search box: keeps chips, panel and suggestions in step with its text. Foreign text is only
// ever set as text.

const CHIP_LABELS = { said: "Said", shows: "On screen", "-": "Without", in: "Only" }
const WAIT_MS = 200

class Bar {
  constructor(root) {
    this.root = root
    this.chips = root.querySelector(".fq-chips")
    this.add = root.querySelector(".fq-add")
    this.sheet = root.querySelector(".fq-panel")
    this.panel = new Panel(this.sheet, this)
    this.combobox = new Combobox(root.querySelector(".fq-list"), root.querySelector(".fq-said"), (text, place) => this.offers(text, place), (offer) => this.take(offer))
    this.listening = new AbortController()
    const { signal } = this.listening
    document.addEventListener("focusin", (event) => event.target === this.input && this.combobox.adopt(event.target), { capture: true, signal })
    document.addEventListener("input", (event) => event.target === this.input && this.draw(), { signal })
    this.add.addEventListener("click", () => this.open())
    this.sheet.addEventListener("toggle", (event) => this.toggled(event.newState === "open"))
    addEventListener("resize", () => this.place(), { signal })
  }

  end() {
    this.listening.abort()
    this.combobox.end()
    clearTimeout(this.waiting)
  }

  show(data, trigger) {
    const fresh = this.data?.asked !== data.asked
    Object.assign(this, { data, trigger, names: new Set([...data.fields.map(({ name }) => name)]) })
    const input = this.input
    if (input) this.combobox.adopt(input)
    this.draw(fresh || !input ? data.asked : input.value)
    if (fresh) requestAnimationFrame(() => this.adopt()) // the page may have drawn the box by then
    if (data.found && this.combobox.isOpen) this.combobox.open()
  }

  /** Take the search box that the page has by now, and draw what it holds. */
  adopt() {
    const { input } = this
    if (!input) return
    this.combobox.adopt(input)
    this.draw()
  }

  get input() {
    return document.querySelector(`.st-key-${CSS.escape(this.data?.box ?? "")} input`)
  }

  get text() {
    return this.input?.value ?? this.data.asked
  }

  /** Put a text into the search box, as if it were typed. */
  write(text) {
    const { input } = this
    if (!input) return
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, text)
    input.dispatchEvent(new Event("input", { bubbles: true }))
  }

  /** Press the button of the search box, if the query has words; else leave the cursor there. */
  submit() {
    const said = wordsOf(this.text, new Set([...this.names].filter((name) => !["said", "shows"].includes(name))))
    if (!said) return this.input?.focus()
    setTimeout(() => this.input?.closest("[data-testid=stForm]")?.querySelector("button[kind=primaryFormSubmit]")?.click())
  }

  // -- Suggestions

  offers(text, place) {
    const offers = offersFor(text, place, this.data)
    this.askForMore(text.slice(termStart(text, place), place))
    return offers
  }

  /** Have the server look up values of which the page has only some. */
  askForMore(term) {
    const [, name, value] = term.match(/^([A-Za-z-]+):"?(.+)$/) ?? []
    const field = name && this.data.fields.find((each) => each.name === name.toLowerCase() && each.more)
    clearTimeout(this.waiting)
    const known = this.data.found
    if (!field || (known?.name === field.name && known.text === value)) return
    this.waiting = setTimeout(() => this.trigger("wanted", { name: field.name, text: value }), WAIT_MS)
  }

  take({ query, text, from, open }) {
    const { input } = this
    if (query !== undefined) {
      this.write(query)
      return this.submit()
    }
    const after = this.text.slice(input.selectionStart ?? this.text.length).replace(/^\S*/, "")
    const before = this.text.slice(0, from) + text + (open ? "" : " ")
    this.write(before + after.trimStart())
    input.focus()
    input.setSelectionRange(before.length, before.length)
    if (open) this.combobox.open()
  }

  // -- The panel

  open() {
    this.before = this.text
    this.panel.fill()
    this.sheet.showPopover()
    this.place()
  }

  place() {
    const box = this.add.getBoundingClientRect()
    const narrow = innerWidth < 640
    const left = Math.max(12, Math.min(box.left, innerWidth - this.sheet.offsetWidth - 12))
    Object.assign(this.sheet.style, narrow ? { left: "0", top: "auto", bottom: "0" } : { left: `${left}px`, top: `${box.bottom + 6}px`, bottom: "auto" })
    this.sheet.style.maxHeight = narrow ? "82dvh" : `${Math.max(260, innerHeight - box.bottom - 24)}px`
  }

  toggled(open) {
    this.add.setAttribute("aria-expanded", String(open))
    if (open) this.sheet.querySelector("button, input")?.focus()
    else if (!this.inserting && this.text !== this.before) this.submit()
    this.inserting = false
  }

  /** Write an operator behind the query, and leave the cursor there. */
  insert(operator) {
    this.inserting = true
    this.sheet.hidePopover()
    this.write(`${this.text.trim()} ${operator} `.trimStart())
    this.input?.focus()
    this.input?.setSelectionRange(this.text.length, this.text.length)
  }

  // -- Chips

  draw(text = this.text) {
    const { data } = this
    const terms = [...termsOf(text, this.names), ...exclusionsOf(text)].sort((a, b) => a.start - b.start)
    const asked = text.trim() === data.asked.trim()
    const unread = new Set(asked ? data.unread : [])
    this.chips.replaceChildren(
      ...this.parts(text, asked),
      ...(asked ? data.notes : []).map((note) => element("li", "fq-chip fq-plain", note)),
      ...terms.filter(({ start, end }) => !unread.has(text.slice(start, end))).map((term) => this.chip(term, text)),
      ...[...unread].map((term) => this.unread(term, text)),
    )
    this.chips.hidden = !this.chips.children.length
  }

  /** The events of a query over several, with what joins them. */
  parts(text, asked) {
    const words = wordsOf(text, this.names)
    const parts = asked && this.data.parts.length > 1 ? this.data.parts : words.split(OPERATOR).filter((_, place) => place % 2 === 0)
    const relation = (asked && this.data.relation) || [...words.matchAll(OPERATOR)][0]?.[1]
    if (!relation || parts.length < 2) return []
    return parts.flatMap((part, number) => [
      ...(number ? [element("li", "fq-joint", relation)] : []),
      element("li", "fq-chip fq-part", part.trim() || "…"),
    ])
  }

  chip(term, text) {
    const [label, value] = this.spelled(term)
    const chip = element("li", "fq-chip")
    chip.append(element("b", "", label), element("span", "", value))
    return this.removable(chip, `${label} ${value}`, () => without(text, [term]))
  }

  unread(term, text) {
    const chip = element("li", "fq-chip fq-unread")
    chip.append(element("span", "", term), element("i", "", "searched as words"))
    const start = text.indexOf(term)
    return this.removable(chip, term, () => without(text, [{ start, end: start + term.length }]))
  }

  removable(chip, name, rest) {
    const button = element("button", "", "×")
    button.type = "button"
    button.setAttribute("aria-label", `Remove ${name}`)
    button.addEventListener("click", () => {
      this.write(rest())
      this.data.asked ? this.submit() : this.input?.focus()
    })
    chip.append(button)
    return chip
  }

  /** Label and value of a chip, as people say them. */
  spelled({ name, value }) {
    const label = CHIP_LABELS[name] ?? this.data.fields.find((each) => each.name === name)?.label ?? name
    if (name === "in") return [label, TRACK_LABELS[value.toLowerCase()]?.toLowerCase() ?? value]
    if (name === "before" && /^\d{4}-\d\d-\d\d$/.test(value)) return ["To", spelledDay(shiftedDay(value, -1))]
    if (name === "after" && /^\d{4}-\d\d-\d\d$/.test(value)) return ["From", spelledDay(value)]
    if (name === "hours") return [label, value.replace("-", " – ")]
    return [label, ["said", "shows", "-"].includes(name) ? `“${value}”` : value]
  }
}


const bars = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let bar = bars.get(parentElement)
  if (!bar) {
    bar = new Bar(parentElement.querySelector(".fq"))
    bars.set(parentElement, bar)
  }
  bar.show(data, setTriggerValue)
  return () => {
    bar.end()
    bars.delete(parentElement)
  }
}
