// The player's keys: what each does, and the words of the sheet. Nothing else knows a key of the player.
// `acts` has an act for each of `keys`; `needs` names an action of the page without which there is no such line.

const PLAYER_KEYS = [
  {
    title: "Play",
    lines: [
      { keys: [" ", "k"], acts: ["play", "pause"], does: "play or pause, pause" },
      { keys: ["j", "l"], acts: ["shuttle -", "shuttle +"], does: "play back, forward; again for 2, 4, 8 times the speed" },
      { keys: ["ArrowLeft", "ArrowRight"], acts: ["step - frame", "step + frame"], does: "one frame back, on" },
      { keys: ["Shift+ArrowLeft", "Shift+ArrowRight"], acts: ["step - tenth", "step + tenth"], does: "0.1 s back, on" },
      { keys: ["n", "p"], acts: ["next", "previous"], does: "next, previous result", needs: "next" },
      { keys: ["m", "f"], acts: ["mute", "full"], does: "sound, full screen" },
    ],
  },
  {
    title: "In and out",
    lines: [
      { keys: ["i", "o"], acts: ["in = head", "out = head"], does: "in, out point here" },
      { keys: ["[", "]"], acts: ["in - frame", "in + frame"], does: "in point, one frame" },
      { keys: [",", "."], acts: ["out - frame", "out + frame"], does: "out point, one frame" },
      { keys: ["Shift+[", "Shift+]"], acts: ["in - tenth", "in + tenth"], does: "in point, 0.1 s" },
      { keys: ["Shift+,", "Shift+."], acts: ["out - tenth", "out + tenth"], does: "out point, 0.1 s" },
      { keys: ["t"], acts: ["loop"], does: "repeat from in to out" },
      { keys: ["a", "x"], acts: ["accept", "reject"], does: "mark correct, wrong", needs: "accept" },
      { keys: ["e"], acts: ["export"], does: "add to highlights", needs: "export" },
    ],
  },
  {
    title: "Picture and timeline",
    lines: [
      { keys: ["b"], acts: ["boxes"], does: "boxes and tracks over the picture", needs: "boxes" },
      { keys: ["v"], acts: ["picture"], does: "find what looks like this picture", needs: "picture" },
      { keys: ["s"], acts: ["select"], does: "draw a box on it first", needs: "picture" },
      { keys: ["Escape"], acts: ["leave"], does: "clear the box, make the player small", needs: "leave" },
      { keys: ["Shift+f", "y"], acts: ["find", "fold"], does: "find in the transcript, hide it", needs: "words" },
      { keys: ["+", "-", "0"], acts: ["zoom +", "zoom -", "zoom all"], does: "zoom the timeline in, out, all" },
    ],
  },
]
const ACTS = new Map(
  PLAYER_KEYS.flatMap(({ lines }) =>
    lines.flatMap(({ keys, acts }) => keys.map((key, number) => [key.toLowerCase(), acts[number]])),
  ),
)
const POINT_ARROWS = { arrowleft: "-", arrowright: "+", pageup: "- second", pagedown: "+ second" } // on a point's clock

/** What a key stands for; on the clock of a point ("in", "out") the arrows move the point. */
function actOf(name, point) {
  const shifted = name.startsWith("shift+")
  const arrow = point && POINT_ARROWS[name.replace("shift+", "")]
  if (arrow) return arrow.length > 1 ? `${point} ${arrow}` : `${point} ${arrow} ${shifted ? "tenth" : "frame"}`
  const second = name.startsWith("alt+") && ACTS.get(name.slice(4))
  if (second) return /^(in|out) . frame$/.test(second) ? second.replace("frame", "second") : undefined
  return ACTS.get(name)
}
