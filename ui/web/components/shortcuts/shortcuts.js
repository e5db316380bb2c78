// Listens to the keys of a page. Foreign text is only ever set as text.

const TYPING =
  "input:not([type=button], [type=submit], [type=checkbox], [type=radio]), textarea, select, [contenteditable]," +
  " [role=listbox], [role=combobox], [role=menu], [role=grid]"

class Shortcuts {
  constructor(root) {
    this.dialog = root.querySelector("dialog")
    this.listening = new AbortController()
    document.addEventListener("keydown", (event) => this.key(event), { signal: this.listening.signal })
  }

  close() {
    this.listening.abort()
  }

  show(shortcuts) {
    this.shortcuts = shortcuts
    const lines = shortcuts.map(({ key, does }) => {
      const [line, term, what, cap] = ["div", "dt", "dd", "kbd"].map((name) => document.createElement(name))
      cap.textContent = key === " " ? "Space" : key
      what.textContent = does
      term.append(cap)
      line.append(term, what)
      return line
    })
    this.dialog.querySelector("dl").replaceChildren(...lines)
  }

  key(event) {
    const element = event.composedPath()[0]
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    if (element instanceof Element && element.closest(TYPING)) return
    if (event.key === "?" && !document.querySelector(".st-key-stage")) {
      this.dialog.open ? this.dialog.close() : this.dialog.showModal()
      return event.preventDefault()
    }
    if (this.dialog.open) return
    const name = event.shiftKey && event.key.length === 1 ? `Shift+${event.key.toLowerCase()}` : event.key.toLowerCase()
    const found = this.shortcuts.find(({ key }) => key.toLowerCase() === name.toLowerCase())
    if (found && this.press(found.target)) event.preventDefault()
  }

  press(target) {
    const place = document.querySelector(`.st-key-${CSS.escape(target)}`)
    const control = place?.querySelector("button, input, textarea")
    if (!control || control.disabled) return false
    if (control.tagName === "BUTTON") control.click()
    else {
      control.focus()
      control.select?.()
    }
    return true
  }
}

const all = new WeakMap()

export default function ({ data, parentElement }) {
  let shortcuts = all.get(parentElement)
  if (!shortcuts) {
    shortcuts = new Shortcuts(parentElement)
    all.set(parentElement, shortcuts)
  }
  shortcuts.show(data.shortcuts)
  return () => {
    shortcuts.close()
    all.delete(parentElement)
  }
}
