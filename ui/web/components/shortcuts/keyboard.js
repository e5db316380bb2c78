// The keys of the whole app: one listener, one sheet ("?"), and a list of who takes keys on this page. Each part of
// the page that takes keys brings its table; the sheet is drawn from the same tables. Foreign text is only ever text.

const TYPED =
  "input:not([type=button], [type=submit], [type=checkbox], [type=radio], [type=range]), textarea, select"
const OTHERS =
  "[contenteditable], [role=slider], [role=listbox], [role=combobox], [role=menu], [role=grid], [role=dialog]," +
  " [role=tablist], [role=radiogroup], [role=spinbutton], canvas, video, audio"
const SEARCH =
  "[data-testid=stMainBlockContainer] input:is([placeholder^='What happens'], [type=search], [placeholder^='Search'], [placeholder^='Find'])"
const PLACES = { BracketLeft: "[", BracketRight: "]", Comma: ",", Period: "." } // keys by place, on every layout
const CAPS = {
  " ": "Space", arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", escape: "Esc", "-": "−",
  pageup: "Page ↑", pagedown: "Page ↓", enter: "Enter",
}
const EVERYWHERE = [
  { keys: ["/"], does: "search box" },
  { keys: ["?"], does: "this sheet" },
]
const SHEET_STYLE = `
dialog { border: 1px solid var(--fx-line, #dfe4ee); border-radius: 16px; padding: 0; background: var(--fx-panel, Canvas); color: var(--fx-ink, CanvasText);
  font: 400 .9rem/1.45 "Source Sans", "Source Sans Pro", system-ui, sans-serif; width: min(56rem, 94vw); max-height: 88vh; box-shadow: 0 24px 70px rgba(0, 0, 0, .32); }
dialog::backdrop { background: rgba(10, 14, 22, .5); }
header { position: sticky; top: 0; display: flex; align-items: center; justify-content: space-between; padding: 1rem 1.4rem .7rem; background: inherit; border-bottom: 1px solid var(--fx-line, #dfe4ee); }
h3 { margin: 0; font-size: 1.15rem; }
h4 { margin: 0 0 .5rem; font-size: .8rem; font-weight: 650; color: var(--fx-muted, GrayText); }
.groups { columns: 23rem; column-gap: 2.4rem; padding: 1.1rem 1.4rem .6rem; }
section { break-inside: avoid; margin-bottom: 1.2rem; }
dl { margin: 0; display: grid; gap: .3rem; }
dl div { display: grid; grid-template-columns: 8.6rem 1fr; gap: .8rem; align-items: baseline; }
dd { margin: 0; }
dt { display: flex; flex-wrap: wrap; gap: .25rem .4rem; align-items: baseline; }
dt span { display: inline-flex; gap: .2rem; white-space: nowrap; }
kbd { font: 600 .78rem/1.5 ui-monospace, monospace; padding: 0 .42rem; border: 1px solid var(--fx-line, #dfe4ee); border-bottom-width: 2px; border-radius: 6px; background: var(--fx-sunken, Field); }
button { font: inherit; font-weight: 600; min-height: 2.2rem; padding: 0 1rem; border-radius: 9px; border: 1px solid var(--fx-line, #dfe4ee); background: transparent; color: inherit; cursor: pointer; }
button:hover { background: var(--fx-soft, Field); }
:focus-visible { outline: 2px solid var(--fx-accent, Highlight); outline-offset: 2px; }
@media (max-width: 640px) { button { min-height: 2.6rem; } .groups { columns: 1; } }
`

/** What a key press is called in a table: "j", "Shift+a", "Shift+ArrowLeft", "Shift+[", "?"; small letters alone. */
function keyName(event) {
  const place = PLACES[event.code]
  const key = place ?? event.key
  const shifted = event.shiftKey && (place || key.length > 1 || key.toLowerCase() !== key.toUpperCase() || key === " ")
  return `${event.altKey ? "alt+" : ""}${shifted ? "shift+" : ""}${key.toLowerCase()}`
}

/** The caps of a key in a table, for people. */
function keyCaps(name) {
  const parts = name === "+" ? ["+"] : name.split(/\+(?=.)/)
  return parts.map((part) => CAPS[part.toLowerCase()] ?? (part.length > 1 ? part[0].toUpperCase() + part.slice(1) : part))
}

class Keyboard {
  constructor() {
    this.users = []
    this.clicked = null // the button that was pressed by a pointer last: Space is not meant for it
    document.addEventListener("keydown", (event) => this.key(event))
    document.addEventListener("pointerdown", (event) => (this.clicked = buttonOf(event)), { capture: true })
  }

  /** Take keys. `user.groups()` gives [{title, lines: [{keys, does}]}] for the sheet; `user.key(event, name, element)`
   *  does what a key stands for, and is false where it stands for nothing now. `first` is asked before the others. */
  join(user, first = false) {
    this.leave(user)
    if (first) this.users.unshift(user)
    else this.users.push(user)
  }

  leave(user) {
    this.users = this.users.filter((each) => each !== user)
    if (!this.users.length) this.sheet?.close()
  }

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.isComposing || !event.key) return
    const target = event.composedPath()[0]
    const element = target instanceof Element ? target : document.body
    const name = keyName(event)
    if (this.sheet?.open) {
      if (name === "?") this.toggle(event)
      return
    }
    const mine = this.users.some((user) => user.root && event.composedPath().includes(user.root))
    if (element.closest(TYPED) || (!mine && element.closest(OTHERS))) return
    if (event.key === "Tab") this.clicked = null
    const button = [" ", "Enter"].includes(event.key) && element.closest("button, a, summary, label, input")
    if (button && (event.key === "Enter" || button !== this.clicked)) return
    if (name === "?" && this.users.length) return this.toggle(event)
    for (const user of this.users)
      if (user.key(event, name, element)) {
        if (button) button.blur()
        return event.preventDefault()
      }
    if (name === "/" && this.users.length && this.search()) event.preventDefault()
  }

  /** Put the focus into the page's search box; where it has none, go to the page that has. */
  search() {
    const box = [...document.querySelectorAll(SEARCH)].find((each) => each.offsetParent)
    if (box) {
      box.focus()
      box.select?.()
      box.scrollIntoView({ block: "nearest" })
      return true
    }
    const link = document.querySelector("[data-testid=stTopNavLink], [data-testid=stSidebarNavLink]")
    if (!link) return false
    link.click()
    const watch = new MutationObserver(() => {
      const there = [...document.querySelectorAll(SEARCH)].find((each) => each.offsetParent)
      if (!there) return
      watch.disconnect()
      there.focus()
    })
    watch.observe(document.body, { childList: true, subtree: true })
    setTimeout(() => watch.disconnect(), 5000)
    return true
  }

  // -- The sheet --------------------------------------------------------------

  toggle(event) {
    event?.preventDefault()
    if (this.sheet?.open) return this.sheet.close()
    this.place()
    const theirs = this.users.flatMap((user) => user.groups()).filter(({ lines }) => lines.length)
    const taken = new Set(theirs.flatMap(({ lines }) => lines.flatMap(({ keys }) => keys)))
    const lines = EVERYWHERE.filter(({ keys }) => !taken.has(keys[0]))
    const groups = [...theirs, { title: "Everywhere", lines }]
    const sections = groups.map(({ title, lines }) => {
      const [section, head, list] = ["section", "h4", "dl"].map((name) => document.createElement(name))
      head.textContent = title
      list.append(...lines.map((line) => this.line(line)))
      section.append(head, list)
      return section
    })
    this.sheet.querySelector(".groups").replaceChildren(...sections)
    this.sheet.showModal()
  }

  line({ keys, does }) {
    const [line, term, what] = ["div", "dt", "dd"].map((name) => document.createElement(name))
    for (const key of keys) {
      const caps = document.createElement("span")
      for (const cap of keyCaps(key)) {
        const made = document.createElement("kbd")
        made.textContent = cap
        caps.append(made)
      }
      term.append(caps)
    }
    what.textContent = does
    line.append(term, what)
    line.dataset.keys = JSON.stringify(keys)
    return line
  }

  /** The sheet's own place in the page; made anew where the page lost it. */
  place() {
    if (this.host?.isConnected) return
    this.host = document.createElement("div")
    this.host.className = "fx-keys"
    const root = this.host.attachShadow({ mode: "open" })
    const style = new CSSStyleSheet()
    style.replaceSync(SHEET_STYLE)
    root.adoptedStyleSheets = [style]
    const [dialog, head, title, groups, close] = ["dialog", "header", "h3", "div", "button"].map((name) =>
      document.createElement(name),
    )
    dialog.ariaLabel = "Keys"
    title.textContent = "Keys"
    close.textContent = "Close"
    close.type = "button"
    close.addEventListener("click", () => dialog.close())
    dialog.addEventListener("click", (event) => event.composedPath()[0] === dialog && dialog.close())
    groups.className = "groups"
    head.append(title, close)
    dialog.append(head, groups)
    root.append(dialog)
    const app = document.querySelector(".stApp") ?? document.body
    app.append(this.host)
    this.sheet = dialog
  }
}

/** The button that an event is on. */
function buttonOf(event) {
  return event.composedPath().find((each) => each.matches?.("button, a, summary")) ?? null
}

/** The one keyboard of the page, whichever part of it asks first. */
function keyboard() {
  return (globalThis[Symbol.for("footage keyboard")] ??= new Keyboard())
}
