// Makes the page's search box a combobox with a list of offers; knows nothing of filters.

class Combobox {
  /**
   * @param list the element for the offers
   * @param said the element that a screen reader reads
   * @param offers gives the offers for a text and a place in it
   * @param accept is called with the offer that is taken
   */
  constructor(list, said, offers, accept) {
    Object.assign(this, { list, said, offers, accept, active: -1, shown: [] })
    this.listening = new AbortController()
    const listen = (name, heard) =>
      document.addEventListener(name, (event) => event.target === this.input && heard(event), { capture: true, signal: this.listening.signal })
    listen("keydown", (event) => this.key(event))
    listen("input", (event) => event.isTrusted && this.open())
    listen("click", () => !this.input.value && this.open())
    listen("blur", () => this.close())
    listen("focus", () => this.adopt(this.input))
    addEventListener("resize", () => this.close(), { signal: this.listening.signal })
    addEventListener("scroll", (event) => event.target !== this.list && this.close(), { capture: true, signal: this.listening.signal })
    list.addEventListener("mousedown", (event) => event.preventDefault()) // or the box would lose the focus
    list.addEventListener("click", (event) => this.take(this.number(event.target)))
  }

  end() {
    this.listening.abort()
    this.close()
  }

  /** Tell screen readers what the box is; the page may have made it anew. */
  adopt(input) {
    this.input = input
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": this.list.id, "aria-haspopup": "listbox", spellcheck: "false" }
    for (const [name, value] of Object.entries(roles)) input.setAttribute(name, value)
    input.setAttribute("aria-expanded", String(this.isOpen))
  }

  get isOpen() {
    return this.shown.length > 0
  }

  open() {
    this.shown = this.offers(this.input.value, this.input.selectionStart ?? this.input.value.length)
    this.active = -1
    if (!this.isOpen) return this.close()
    this.list.replaceChildren(...this.shown.map((offer, number) => this.option(offer, number)))
    const box = (this.input.closest("[data-testid=stTextInputRootElement]") ?? this.input).getBoundingClientRect()
    Object.assign(this.list.style, { left: `${box.left}px`, top: `${box.bottom + 4}px`, width: `${box.width}px` })
    if (!this.list.matches(":popover-open")) this.list.showPopover()
    this.input.setAttribute("aria-expanded", "true")
    this.said.textContent = `${this.shown.length} suggestions`
    this.mark(-1)
  }

  close() {
    this.shown = []
    if (this.list.matches(":popover-open")) this.list.hidePopover()
    this.input?.setAttribute("aria-expanded", "false")
    this.input?.removeAttribute("aria-activedescendant")
    this.said.textContent = ""
  }

  option(offer, number) {
    const [option, text, note] = ["div", "span", "small"].map((name) => document.createElement(name))
    option.id = `fq-option-${number}`
    option.className = offer.query === undefined ? "fq-offer" : "fq-offer fq-query"
    option.setAttribute("role", "option")
    text.textContent = offer.query ?? offer.text
    note.textContent = offer.note
    option.append(text, note)
    return option
  }

  number(element) {
    return [...this.list.children].indexOf(element.closest("[role=option]"))
  }

  mark(number) {
    this.active = number
    for (const [place, option] of [...this.list.children].entries()) {
      option.setAttribute("aria-selected", String(place === number))
      if (place === number) option.scrollIntoView({ block: "nearest" })
    }
    if (number < 0) this.input.removeAttribute("aria-activedescendant")
    else this.input.setAttribute("aria-activedescendant", `fq-option-${number}`)
  }

  take(number) {
    const offer = this.shown[number]
    this.close()
    if (offer) this.accept(offer)
  }

  key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step && !this.isOpen && step > 0) this.open()
    if (step && this.isOpen) {
      const length = this.shown.length + 1 // none is one of the places
      this.mark(((this.active + 1 + step + length) % length) - 1)
    } else if (event.key === "Escape" && this.isOpen) this.close()
    else if (event.key === "Enter" && this.isOpen && this.active >= 0) this.take(this.active)
    else if (event.key === "Tab" && !event.shiftKey && this.isOpen && (this.active >= 0 || this.completes)) this.take(Math.max(0, this.active))
    else {
      if (event.key === "Enter") this.close()
      return
    }
    event.preventDefault()
    event.stopImmediatePropagation()
  }

  /** Whether the first offer completes a value that is being typed. */
  get completes() {
    const { text, from } = this.shown[0] ?? {}
    const typed = this.input.value.slice(from, this.input.selectionStart ?? undefined)
    return text !== undefined && typed.includes(":") && text !== typed
  }
}
