"""Read-outs of what a pair of frames shows, which teach the vision tower; thrown away afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demo_training.windows import Sample
from footage.synthetic import clips

SCENES = sorted(
    clips.SyntheticScene(backdrop=backdrop, prop=prop, side=side, light=light, seed=0).sentence
    for backdrop in clips.BACKDROPS
    for prop in clips.PROPS
    for side in clips.SIDES
    for light in clips.LIGHTS
)
WHERES = (*clips.DIRECTIONS, *clips.PLACES)
SLOT_CLASSES = {
    "kind": ["nothing", *clips.KINDS],
    "colour": ["nothing", *clips.COLOURS],
    "where": ["nothing", *WHERES],
}


class VisionHeads(nn.Module):
    """Linear read-outs on the six merged tokens of a frame pair; thrown away after training.

    Each of the two frames has two slots, the far and the near lane (things seen at once never share a lane).
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Sequential(nn.LayerNorm(128), nn.Linear(128, 256), nn.GELU())
        self.slots = nn.ModuleDict({name: nn.Linear(256, 4 * len(c)) for name, c in SLOT_CLASSES.items()})
        self.scene = nn.Linear(256, len(SCENES))

    def targets(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """Class numbers, (pairs, 4) in the order frame x lane, for each slot property."""
        targets = {name: [] for name in SLOT_CLASSES}
        for sample in samples:
            for milliseconds in sample.milliseconds:
                for lane in ("far", "near"):
                    seen = next(
                        (
                            e
                            for e, start, end in sample.events
                            if e.lane == lane and start <= milliseconds / 1000 < end
                        ),
                        None,
                    )
                    for name, classes in SLOT_CLASSES.items():
                        targets[name].append(classes.index(getattr(seen, name)) if seen else 0)
        return {name: torch.tensor(values).view(-1, 4) for name, values in targets.items()}

    def forward(self, tokens: Tensor, samples: Sequence[Sample]) -> tuple[Tensor, dict[str, float]]:
        """Loss and accuracies (where something is to be seen) for merged tokens (pairs * 6, hidden)."""
        flat = self.token(tokens.view(-1, 6, 128)).mean(1)
        scene = torch.tensor([SCENES.index(s.scene) for s in samples for _ in range(len(s.frames) // 2)])
        predicted = self.scene(flat)
        loss = F.cross_entropy(predicted, scene)
        accuracies = {"scene": (predicted.argmax(-1) == scene).float().mean().item()}
        for name, target in self.targets(samples).items():
            logits = self.slots[name](flat).view(*target.shape, -1)
            weight = torch.ones(logits.shape[-1])
            weight[0] = 0.3
            loss = loss + 2 * F.cross_entropy(logits.flatten(0, 1), target.flatten(), weight)
            right = logits.argmax(-1) == target
            accuracies[name] = right[target > 0].float().mean().item()
            accuracies["no " + name] = right[target == 0].float().mean().item()
        return loss, accuracies
