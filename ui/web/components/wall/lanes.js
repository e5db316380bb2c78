// The day's data as objects: lanes with recordings and blocks, each searched by time. Pure.

class Lane {
  constructor(number, { name, named }) {
    Object.assign(this, { number, name, named, recordings: [], blocks: [], first: true })
  }

  at(ms) {
    const found = this.recordings[this.index(ms)]
    return found && ms < found.end ? found : null
  }

  // The last recording that begins at or before a moment.
  index(ms) {
    let [low, high] = [0, this.recordings.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.recordings[middle].start <= ms) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  around(ms) {
    const at = this.index(ms)
    return [this.recordings[at] ?? null, this.recordings[at + 1] ?? null]
  }
}

function readDay(data) {
  const lanes = data.lanes.map((lane, number) => new Lane(number, lane))
  lanes.forEach((lane, number) => {
    const before = lanes[number - 1]
    lane.first = !before || before.name !== lane.name || before.named !== lane.named
    lane.row = lane.first ? [lane] : before.row
    if (!lane.first) lane.row.push(lane)
  })
  for (const [lane, start, end, from, clip, flags, file, fps, content] of data.recordings) {
    lanes[lane].recordings.push({
      lane: lanes[lane], start, end, from, clip, file, fps, content, guessed: Boolean(flags & 1), unindexed: Boolean(flags & 2),
    })
  }
  const blocks = data.blocks.map(([lane, kind, start, end, text]) => ({ lane: lanes[lane], kind, start, end, text }))
  for (const block of blocks) block.lane.blocks.push(block)
  return { ...data, lanes, blocks, zone: new Zone(data.offsets) }
}

// Blocks of one kind as they are drawn: none narrower than `least` pixels, and neighbours that would touch as one.
function merged(blocks, x, least, gap, width) {
  const drawn = []
  for (const block of blocks) {
    const left = x(block.start)
    const right = Math.max(x(block.end), left + least)
    if (right < 0 || left > width) continue
    const last = drawn[drawn.length - 1]
    const narrow = right - left <= 3 * least
    const touches = last && left < last.right + gap && (last.narrow || narrow)
    const covers = last && left < last.right - 0.4 * Math.min(right - left, last.right - last.left)
    if (touches || covers) {
      last.right = Math.max(last.right, right)
      last.blocks.push(block)
    } else drawn.push({ left, right, blocks: [block], narrow })
  }
  return drawn
}

// When any camera records: [start, end] without overlaps, by start.
function recordedTimes(lanes) {
  const times = []
  const all = lanes.flatMap((lane) => lane.recordings).sort((one, other) => one.start - other.start)
  for (const { start, end } of all) {
    const last = times[times.length - 1]
    if (last && start <= last[1] + 1) last[1] = Math.max(last[1], end)
    else times.push([start, end])
  }
  return times
}

// The first moment at which as many recordings run as ever do.
function fullest(lanes) {
  const edges = lanes.flatMap((lane) => lane.recordings.flatMap(({ start, end }) => [[start, 1], [end, -1]]))
  edges.sort((one, other) => one[0] - other[0] || one[1] - other[1])
  let [running, most, found] = [0, 0, null]
  for (const [ms, step] of edges) {
    running += step
    if (running > most) [most, found] = [running, ms]
  }
  return found
}
