// Shows the picture that is searched by, and lets a box be drawn on it. Foreign text is only ever set as text.

const WHOLE = "Drag over the picture to search by a part of it; without a box, all of it counts."
const GONE = "Its file cannot be reached; the index still has what it looks like."
const PART = "Only the box counts. Drag it, or its handles; Escape clears it."

class Panel {
  constructor(root) {
    this.root = root
    this.picture = root.querySelector(".sheet img")
    this.region = new Region(root.querySelector(".surface"), () => this.boxed())
    this.send = settled(() => this.ask({ action: "box", box: this.region.box }), 250)
    root.addEventListener("click", (event) => {
      const name = event.target.closest("[data-do]")?.dataset.do
      if (name === "whole") this.region.clear()
      else if (name === "remove") this.ask({ action: "remove" })
      else if (name === "allow") this.ask({ action: "allow", number: Number(event.target.dataset.number) })
    })
  }

  close() {
    this.send.never()
  }

  show({ of, url, size, name, box, without }, trigger) {
    this.trigger = trigger
    if (of !== this.of) {
      this.send.never()
      this.root.querySelector(".sheet").hidden = !url
      this.region.enable(Boolean(url))
      if (url) this.picture.src = url
      const aspect = size[0] / size[1]
      this.picture.style.aspectRatio = aspect
      this.picture.style.width = `min(24rem, ${12.5 * aspect}rem)`
      this.picture.alt = name
      this.root.querySelector(".name").textContent = name
    }
    if (of !== this.of || String(box) !== String(this.known)) this.region.show(box)
    Object.assign(this, { of, known: box })
    this.exclude(without)
    this.draw()
  }

  /** Pictures that answers must not look like, each with a button that lets them in again. */
  exclude(without) {
    const row = this.root.querySelector(".without")
    row.hidden = !without.length
    const figures = without.map(({ url, name }, number) => {
      const [figure, picture, button] = ["figure", "img", "button"].map((tag) => document.createElement(tag))
      if (url) picture.src = url
      picture.alt = figure.title = name
      button.type = "button"
      button.textContent = "×"
      button.ariaLabel = `Allow again what looks like ${name}`
      Object.assign(button.dataset, { do: "allow", number })
      figure.append(picture, button)
      return figure
    })
    row.replaceChildren(row.firstElementChild, ...figures)
  }

  boxed() {
    this.draw()
    this.send()
  }

  ask(wish) {
    this.trigger("asked", { of: this.of, ...wish })
  }

  draw() {
    this.root.querySelector(".hint").textContent = !this.region.on ? GONE : this.region.box ? PART : WHOLE
    this.root.querySelector("[data-do=whole]").disabled = !this.region.box
  }
}

const panels = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  let panel = panels.get(parentElement)
  if (!panel) {
    panel = new Panel(parentElement.querySelector(".panel"))
    panels.set(parentElement, panel)
  }
  panel.show(data, setTriggerValue)
  return () => {
    panel.close()
    panels.delete(parentElement)
  }
}
