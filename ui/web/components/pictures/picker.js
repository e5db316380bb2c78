// Takes a picture from the person: chosen, dropped on the page, or pasted; knows nothing of searching.

const TYPES = /^image\//

class Picker {
  constructor(root) {
    this.root = root
    this.button = root.querySelector("button")
    this.input = root.querySelector("input")
    this.over = root.querySelector(".drop")
    this.deep = 0 // a drag enters every element it passes, and leaves each
    this.button.addEventListener("click", () => this.input.click())
    this.input.addEventListener("change", () => {
      this.take(this.input.files[0])
      this.input.value = ""
    })
    this.listening = new AbortController()
    const listen = (name, heard) => document.addEventListener(name, heard, { signal: this.listening.signal })
    listen("dragenter", (event) => this.drag(event, 1))
    listen("dragleave", (event) => this.drag(event, -1))
    listen("dragover", (event) => files(event.dataTransfer) && this.enabled && event.preventDefault())
    listen("drop", (event) => this.drop(event))
    listen("paste", (event) => this.paste(event))
  }

  close() {
    this.listening.abort()
  }

  show({ enabled, why, most, label }, trigger) {
    Object.assign(this, { enabled, most, trigger })
    this.button.disabled = !enabled
    this.root.querySelector("span").textContent = label
    this.button.title = enabled ? "Search by a picture: choose one, drop it on the page, or paste it" : why
    this.root.classList.remove("sending")
  }

  drag(event, step) {
    if (!files(event.dataTransfer) || !this.enabled) return
    event.preventDefault()
    this.deep = Math.max(0, this.deep + step)
    this.over.hidden = !this.deep
  }

  drop(event) {
    this.deep = 0
    this.over.hidden = true
    if (!files(event.dataTransfer) || !this.enabled) return
    event.preventDefault()
    this.take(event.dataTransfer.files[0])
  }

  /** A picture on the clipboard, unless text is there as well, which belongs to what has the focus. */
  paste(event) {
    const items = [...(event.clipboardData?.items ?? [])]
    const item = items.find(({ kind, type }) => kind === "file" && TYPES.test(type))
    if (!item || !this.enabled || items.some(({ kind }) => kind === "string")) return
    event.preventDefault()
    this.take(item.getAsFile())
  }

  /** Send a file to Python as it is; of one that is too large, its size alone. */
  async take(file) {
    if (!file) return
    const sent = { name: file.name, size: file.size }
    if (file.size <= this.most) {
      this.root.classList.add("sending")
      try {
        sent.data = await encoded(file)
      } catch {
        sent.unread = true // it went away, or is a folder
      }
    }
    this.trigger("picked", sent)
  }
}

function files(transfer) {
  return transfer?.types?.includes("Files")
}

/** The bytes of a file in Base64. */
function encoded(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(file)
  })
}

const pickers = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let picker = pickers.get(parentElement)
  if (!picker) {
    picker = new Picker(parentElement.querySelector(".picker"))
    pickers.set(parentElement, picker)
  }
  picker.show(data, setTriggerValue)
  return () => {
    picker.close()
    pickers.delete(parentElement)
  }
}
