// What can be offered for a text and a place in it; knows no page.

const MOST_OFFERED = 9
const LENGTHS = ["10s", "30s", "1m", "5m", "30m", "1h"]
const HOURS = ["06:00-12:00", "12:00-18:00", "18:00-22:00", "22:00-06:00"]

/** Begin of the term that a place in a text is in; a quoted part is one term. */
function termStart(text, place) {
  let start = 0
  let quoted = false
  for (let at = 0; at < place; at += 1) {
    if (text[at] === '"') quoted = !quoted
    else if (/\s/.test(text[at]) && !quoted) start = at + 1
  }
  return start
}

/** Offers: {text, from, note, open?} puts a text where the term is; {query, note} asks another query. */
function offersFor(text, place, data) {
  const start = termStart(text, place)
  const term = text.slice(start, place)
  const [, name, value] = term.match(/^([A-Za-z-]+):"?(.*)$/) ?? []
  const field = name && data.fields.find((each) => each.name === name.toLowerCase())
  const offers = field ? valuesOf(field, value, data) : namesOf(term, data)
  const placed = offers.map((offer) => ({ ...offer, from: start }))
  return [...placed, ...(field ? [] : queriesOf(text, data))].slice(0, MOST_OFFERED)
}

function namesOf(term, data) {
  const begun = term.toLowerCase()
  if (begun.length < 2) return []
  const names = data.fields
    .filter(({ name, label }) => name.startsWith(begun) || label.toLowerCase().startsWith(begun))
    .map(({ name, explained }) => ({ text: `${name}:`, note: explained, open: true }))
  const values = data.fields
    .filter(({ kind, name }) => kind === "names" && name !== "path")
    .flatMap(({ name, label, values }) =>
      values.filter((value) => value.toLowerCase().startsWith(begun)).map((value) => ({ text: written(name, value), note: label })))
  return [...names, ...values.slice(0, 4)]
}

function valuesOf(field, typed, data) {
  const wanted = typed.toLowerCase()
  const found = data.found?.name === field.name && wanted.includes(data.found.text.toLowerCase()) ? data.found.values : []
  const all = [...new Set([...standing(field, data), ...found])]
  const begun = all.filter((value) => value.toLowerCase().startsWith(wanted))
  const within = all.filter((value) => !begun.includes(value) && value.toLowerCase().includes(wanted))
  return [...begun, ...within].map((value) => ({ text: written(field.name, value), note: noteOf(field, value) }))
}

/** The values that are known for a filter without asking. */
function standing(field, data) {
  if (field.kind === "length") return LENGTHS
  if (field.kind === "hours") return HOURS
  if (field.kind === "track") return data.tracks
  if (field.kind !== "day") return field.values
  const today = new Date().toISOString().slice(0, 10)
  return [...new Set([data.days[0], data.days[1], shiftedDay(today, -7), shiftedDay(today, -1), today].filter(Boolean))]
}

function noteOf(field, value) {
  if (field.kind === "track") return TRACK_LABELS[value] ?? ""
  return field.kind === "day" ? spelledDay(value) : field.label
}

function queriesOf(text, data) {
  const typed = text.trim().toLowerCase()
  const fits = (...texts) => !typed || texts.some((each) => each.toLowerCase().includes(typed))
  const saved = data.saved.filter(([name, query]) => query.toLowerCase() !== typed && fits(name, query))
  const recent = data.recent.filter((query) => query.toLowerCase() !== typed && fits(query))
  return [
    ...saved.slice(0, 4).map(([name, query]) => ({ query, note: `Saved: ${name}` })),
    ...recent.slice(0, 5).map((query) => ({ query, note: "Recent" })),
  ]
}
