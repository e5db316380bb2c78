// Seconds as people read them; knows no page.

/** "1:02:03.500", with as many decimals as asked for. */
function clock(seconds, decimals = 3) {
  const unit = 10 ** decimals
  const all = Math.round(seconds * unit)
  const tail = String(Math.floor(all / unit) % 60).padStart(2, "0")
  const part = decimals ? "." + String(all % unit).padStart(decimals, "0") : ""
  const minutes = Math.floor(all / unit / 60)
  const hours = Math.floor(minutes / 60)
  return (hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}` : `${minutes}`) + `:${tail}${part}`
}

/** The number, or the bound it lies beyond. */
function within(number, least, most) {
  return Math.max(least, Math.min(most, number))
}

/** Where a moment lies between two others, as CSS. */
function percent(seconds, start, end) {
  return `${(100 * (seconds - start)) / (end - start)}%`
}

/** Calls `then` once nothing has been asked for so many milliseconds. */
function settled(then, milliseconds) {
  let timer = 0
  const call = (...given) => {
    clearTimeout(timer)
    timer = setTimeout(() => then(...given), milliseconds)
  }
  call.never = () => clearTimeout(timer)
  return call
}
