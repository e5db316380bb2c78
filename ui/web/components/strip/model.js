// Clips, frames and changes as plain values; knows neither page nor Python. Times are video time in seconds.

const TINY = 0.001 // seconds: a seek to a frame's very first instant may show the frame before
const PIECE_SECONDS = 60 // the server cuts no longer clips at once

/** Length of a frame of a video. */
const frameOf = (source) => (source?.fps > 0 ? 1 / source.fps : 0.04)

const lengthOf = (clip) => Math.max(0, clip.end - clip.start)

/** The nearest instant between two frames. */
function snapped(seconds, source) {
  const frame = frameOf(source)
  return Math.round(Math.round(seconds / frame) * frame * 1e6) / 1e6
}

/** A cut moved to a time: on a frame, inside the video, and a frame away from the other cut at least. */
function cutAt(clip, source, edge, seconds) {
  const frame = frameOf(source)
  const at = snapped(seconds, source)
  if (edge === "start") return { start: within(at, 0, Math.max(0, clip.end - frame)), end: clip.end }
  return { start: clip.start, end: within(at, clip.start + frame, Math.max(clip.start + frame, source.duration)) }
}

/** Address of the picture on show at a moment; the last one inside a cut is half a frame before it. */
function pictureAt(source, seconds, size = "") {
  return `${source.picture}/${Math.max(0, Math.round(seconds * 1000))}.jpg?${source.v}${size && `&size=${size}`}`
}

function clipAddress(source, start, end) {
  return `${source.clip}/${Math.round(start * 1000)}-${Math.round(end * 1000)}.json?${source.v}`
}

/** The clips after a change that Python is yet to make, too. */
function applied(clips, change) {
  if (change.do === "remove") return clips.filter((clip) => !change.ids.includes(clip.id))
  if (change.do === "trim")
    return clips.map((clip) => (clip.id === change.id ? { ...clip, start: change.start, end: change.end } : clip))
  const moved = clips.filter((clip) => change.ids.includes(clip.id))
  const rest = clips.filter((clip) => !change.ids.includes(clip.id))
  const at = rest.findIndex((clip) => clip.id === change.before)
  return at < 0 ? [...rest, ...moved] : [...rest.slice(0, at), ...moved, ...rest.slice(at)]
}

/** What is played for some clips, in pieces that the server cuts at once; each with its place in the reel. */
function pieces(clips) {
  const made = []
  let at = 0
  for (const clip of clips) {
    if (clip.missing) {
      made.push({ clip, start: 0, end: 0, at, missing: clip.missing })
      continue
    }
    for (let start = clip.start; start < clip.end - TINY; start += PIECE_SECONDS) {
      const end = Math.min(clip.end, start + PIECE_SECONDS)
      made.push({ clip, start, end, at })
      at += end - start
    }
  }
  return made
}

const totalOf = (clips) => clips.reduce((sum, clip) => sum + (clip.missing ? 0 : lengthOf(clip)), 0)
