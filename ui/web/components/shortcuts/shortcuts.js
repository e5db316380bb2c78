// The keys of a page: each presses the page's own button or link, or puts the focus into a field.

class Shortcuts {
  constructor() {
    this.shortcuts = []
    keyboard().join(this, true)
  }

  close() {
    keyboard().leave(this)
  }

  show(shortcuts) {
    this.shortcuts = shortcuts
  }

  groups() {
    const lines = this.shortcuts.filter(({ target }) => this.control(target)).map(({ key, does }) => ({ keys: [key], does }))
    return [{ title: "This page", lines }]
  }

  key(event, name) {
    const found = this.shortcuts.find(({ key }) => key.toLowerCase() === name)
    const control = found && this.control(found.target)
    const pressed = control?.matches("button, a")
    if (!control || (event.repeat && pressed)) return false
    if (pressed) control.click()
    else {
      control.focus()
      control.select?.()
    }
    return true
  }

  control(target) {
    const control = document.querySelector(`.st-key-${CSS.escape(target)}`)?.querySelector("button, a, input, textarea")
    return control && !control.disabled ? control : null
  }
}

const all = new WeakMap()

export default function ({ data, parentElement }) {
  let shortcuts = all.get(parentElement)
  if (!shortcuts) {
    shortcuts = new Shortcuts()
    all.set(parentElement, shortcuts)
  }
  shortcuts.show(data.shortcuts)
  return () => {
    shortcuts.close()
    all.delete(parentElement)
  }
}
