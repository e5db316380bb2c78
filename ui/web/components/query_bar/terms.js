// Reads and writes the filters in the text of a query; knows no page. The server's parser has the last word.

const TERM = /(?<!\S)([A-Za-z][A-Za-z-]*):(~?"[^"]*"(?!\S)|\S+)/g
const EXCLUDED = /(?<!\S)-(?:"[^"]*"(?!\S)|[\p{L}\p{N}][^\s:]*(?!\S))/gu
const OPERATOR = /(?<!\S)(THEN|AND|WITHOUT)(?!\S)/g

/** The filters of a text, in order, as {name, value, start, end}; only those of some names. */
function termsOf(text, names) {
  return [...text.matchAll(TERM)]
    .map((match) => ({ name: match[1].toLowerCase(), value: unquoted(match[2]), start: match.index, end: match.index + match[0].length }))
    .filter(({ name }) => names.has(name))
}

/** The words that must not occur, in order, as {value, start, end}. */
function exclusionsOf(text) {
  return [...text.matchAll(EXCLUDED)].map((match) => ({
    name: "-",
    value: unquoted(match[0].slice(1)),
    start: match.index,
    end: match.index + match[0].length,
  }))
}

function unquoted(value) {
  return value.replace(/^(~?)"(.*)"$/, "$1$2")
}

/** A filter as it is typed, its value in quotation marks where it needs them. */
function written(name, value) {
  const bare = value.replaceAll('"', "").trim()
  return /^[^\s'‘’“”«»`´]+$/.test(bare) ? `${name}:${bare}` : `${name}:"${bare}"`
}

/** A text without some of its terms. */
function without(text, terms) {
  const kept = [...terms].sort((a, b) => b.start - a.start).reduce((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text)
  return kept.replace(/\s+/g, " ").trim()
}

/** A text whose filters of a name have these values, and no others. */
function withValues(text, name, values) {
  const rest = without(text, termsOf(text, new Set([name])))
  return [rest, ...values.map((value) => written(name, value))].filter(Boolean).join(" ")
}

/** The words of a text: what is left without filters and exclusions. */
function wordsOf(text, names) {
  return without(text, [...termsOf(text, names), ...exclusionsOf(text)])
}

/** The day before or after one, both as "2026-03-01". */
function shiftedDay(day, days) {
  const moment = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(moment.getTime())) return ""
  moment.setUTCDate(moment.getUTCDate() + days)
  return moment.toISOString().slice(0, 10)
}

/** A day as people of this browser's language write it. */
function spelledDay(day) {
  const moment = new Date(`${day}T00:00:00Z`)
  return Number.isNaN(moment.getTime()) ? day : moment.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" })
}
