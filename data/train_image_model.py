"""Trains the demo image-text model: CLIP's architecture at about 2 M parameters, on drawn pictures.

Knows shapes, losses, schedule and checkpoints; pictures and sentences are in ``demo_training``.

    python data/train_image_model.py --hours 1       # goes on from the checkpoint when there is one
    python data/train_image_model.py --export-only   # writes the folder from the latest checkpoint
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from demo_training.codes import Codes
from demo_training.pictures import FORMS, GRID, SIDE, Picture, draw_picture
from demo_training.sentences import Said, build_tokenizer, sentences_for, truth_table
from torch import nn
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

from footage.synthetic import clips

ROOT = Path(__file__).resolve().parent
DIMENSION = 128
"""Length of a vector."""
CODES = 2.0
"""Weight of the distance to the codes; the two contrasts and the patches have 0.5, 0.3 and at most 0.3."""
WHOLE_FROM = 0.8
"""Share of the training from which all patches are looked at; before, half of them for half of the work."""


def build_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> CLIPModel:
    """The model with fresh weights."""
    torch.manual_seed(seed)
    config = CLIPConfig(
        text_config={
            "vocab_size": math.ceil(len(tokenizer) / 8) * 8,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 32,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_hidden_layers": 5,
            "num_attention_heads": 4,
            "image_size": SIDE,
            "patch_size": 16,
        },
        projection_dim=DIMENSION,
    )
    model = CLIPModel(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            std = 0.05 if "embedding.weight" in name and "patch" not in name else parameter[0].numel() ** -0.5
            nn.init.normal_(parameter, std=std)
    return model


def build_processor(tokenizer: PreTrainedTokenizerFast) -> CLIPProcessor:
    """CLIP's processor; a frame is squeezed to a square, not cropped: its sides stay."""
    square = {"height": SIDE, "width": SIDE}
    pictures = CLIPImageProcessor(
        size=square,
        do_center_crop=False,
        crop_size=square,
        resample=3,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return CLIPProcessor(image_processor=pictures, tokenizer=tokenizer)


class Helpers(nn.Module):
    """What only training needs: read-outs of single patches, and scale and bias of each comparison."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.forms = nn.Linear(width, len(FORMS) + 1)
        self.colours = nn.Linear(width, len(clips.COLOURS) + 1)
        self.text_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.text_bias = nn.Parameter(torch.tensor(-3.0))
        self.picture_scale = nn.Parameter(torch.tensor(math.log(10.0)))
        self.picture_bias = nn.Parameter(torch.tensor(-3.0))


def _balanced(logits: torch.Tensor, truth: torch.Tensor, clear: torch.Tensor, share: float) -> torch.Tensor:
    """Binary cross-entropy in which what is true at least by halves has a share of the weight of its own."""
    losses = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    some = clear & (truth > 0.05)
    none = clear & (truth <= 0.05)
    yes = losses[some].mean() if some.any() else losses.sum() * 0
    # The hardest of those that are false weigh as much as all of them together.
    wrong = losses[none]
    hard = wrong.topk(max(1, len(wrong) // 25)).values.mean()
    return share * yes + (1 - share) * (0.5 * wrong.mean() + 0.5 * hard)


def shared_things(pictures: Sequence[Picture]) -> tuple[np.ndarray, np.ndarray]:
    """Which pictures show the same kind in the same colour, and which pairs are clear."""
    person = FORMS.index("person")
    codes = [
        {(person if FORMS[t.form] == "jumper" else t.form, t.colour) for t in p.things if t.clear}
        for p in pictures
    ]
    table = np.zeros((len(pictures), 64), np.float32)
    for row, code in enumerate(codes):
        for form, colour in code:
            table[row, form * 6 + colour] = 1
    clear = np.array([bool(p.things) and all(t.clear for t in p.things) for p in pictures])
    pairs = clear[:, None] & clear[None, :] & ~np.eye(len(pictures), dtype=bool)
    return (table @ table.T > 0).astype(np.float32), pairs


class Trainer:
    """Model, helpers and one step's loss."""

    def __init__(self, model: CLIPModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.rng = np.random.default_rng(0)
        self.codes = Codes(DIMENSION)
        self.helpers = Helpers(model.config.vision_config.hidden_size)

    def see(
        self, pictures: Sequence[Picture], kept: np.ndarray | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised vectors (pictures, DIMENSION), and the states of the patches, or of those kept."""
        pixels = torch.from_numpy(np.stack([p.pixels for p in pictures])).float() / 127.5 - 1
        tower = self.model.vision_model
        tokens = tower.embeddings(pixels)
        if kept is not None:
            places = torch.from_numpy(kept)[..., None].expand(-1, -1, tokens.shape[2])
            tokens = torch.cat([tokens[:, :1], tokens[:, 1:].gather(1, places)], dim=1)
        states = tower.encoder(inputs_embeds=tower.pre_layrnorm(tokens)).last_hidden_state
        pooled = tower.post_layernorm(states[:, 0])
        return F.normalize(self.model.visual_projection(pooled), dim=1), states[:, 1:]

    def read(self, said: Sequence[str]) -> torch.Tensor:
        """Normalised vectors (sentences, DIMENSION)."""
        tokens = self.tokenizer(list(said), padding=True, truncation=True, return_tensors="pt")
        out = self.model.text_model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"])
        return F.normalize(self.model.text_projection(out.pooler_output), dim=1)

    def loss(
        self, pictures: Sequence[Picture], said: Sequence[Said], *, patches: float, keep: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Distance to the codes, sigmoid losses of pictures against sentences and each other, patches.

        Of the patches of a picture only ``keep`` are looked at: those that show something, and some others.
        """
        kept = None
        if keep < pictures[0].patches.size:
            order = [(p.patches == -1) + self.rng.random(p.patches.size) for p in pictures]
            kept = np.argsort(order, axis=1)[:, :keep]
        seen, states = self.see(pictures, kept)
        texts = self.read([one.text for one in said])
        truth, clear = (torch.from_numpy(a) for a in truth_table(pictures, said))
        h = self.helpers
        text_loss = _balanced(seen @ texts.T * h.text_scale.exp() + h.text_bias, truth, clear, 0.35)
        same, pairs = (torch.from_numpy(a) for a in shared_things(pictures))
        picture_loss = _balanced(seen @ seen.T * h.picture_scale.exp() + h.picture_bias, same, pairs, 0.35)
        patch_loss = self._patch_loss(states, pictures, kept)
        codes = [self.codes.of_pictures(pictures), self.codes.of_sentences([*said])]
        off = [
            1 - (vectors * torch.from_numpy(code)).sum(dim=1)
            for vectors, code in zip((seen, texts), codes, strict=True)
        ]
        code_loss = off[0].mean() + 0.5 * off[1].mean()
        total = CODES * code_loss + 0.5 * text_loss + 0.3 * picture_loss + patches * patch_loss
        figures = {
            "text": text_loss.item(),
            "picture": picture_loss.item(),
            "patch": patch_loss.item(),
            "picture code": off[0].mean().item(),
            "text code": off[1].mean().item(),
        }
        return total, figures

    def _patch_loss(
        self, states: torch.Tensor, pictures: Sequence[Picture], kept: np.ndarray | None
    ) -> torch.Tensor:
        forms, colours = [], []
        for number, picture in enumerate(pictures):
            form = np.array([t.form for t in picture.things] + [len(FORMS)])
            colour = np.array([t.colour for t in picture.things] + [len(clips.COLOURS)])
            at = picture.patches if kept is None else picture.patches[kept[number]]
            forms.append(np.where(at == -2, -100, form[at]))
            colours.append(np.where(at == -2, -100, colour[at]))
        losses = []
        for head, labels in ((self.helpers.forms, forms), (self.helpers.colours, colours)):
            logits = head(states).flatten(0, 1)
            weight = torch.ones(logits.shape[1])
            weight[-1] = 0.1  # most patches show nothing
            losses.append(F.cross_entropy(logits, torch.from_numpy(np.concatenate(labels)), weight=weight))
        return sum(losses[1:], losses[0])


class Optimizer:
    """Muon for the hidden matrices, AdamW for the rest, one cosine schedule for both."""

    def __init__(self, trainer: Trainer, *, lr: float, warmup: int) -> None:
        named = list(trainer.model.named_parameters())
        hidden = [p for n, p in named if p.ndim == 2 and "embedding" not in n and "projection" not in n]
        rest = [p for n, p in named if not any(p is q for q in hidden)]
        helpers = list(trainer.helpers.parameters())
        self.all = [p for _, p in named] + helpers
        self.parts = (
            torch.optim.Muon(hidden, lr=lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest + helpers, lr=lr, betas=(0.9, 0.97), weight_decay=0.01),
        )
        self.lr, self.warmup = lr, warmup

    def step(self, step: int, progress: float) -> float:
        """One update at a share ``progress`` of the planned training; returns the gradient norm."""
        scale = min(1.0, (step + 1) / self.warmup) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        )
        norm = nn.utils.clip_grad_norm_(self.all, 1.0)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = self.lr * scale
            part.step()
            part.zero_grad(set_to_none=True)
        return float(norm)


@torch.no_grad()
def examine(trainer: Trainer, pictures: Sequence[Picture]) -> dict[str, float]:
    """Figures on pictures that are not trained on: AUROC of 36 short texts, R@1 from picture to picture."""
    from sklearn.metrics import roc_auc_score

    vectors = torch.cat([trainer.see(pictures[n : n + 64])[0] for n in range(0, len(pictures), 64)])
    names = [(form, colour) for form in range(6) for colour in range(6)]
    texts = [f"a {clips.COLOURS[colour]} {FORMS[form]}" for form, colour in names]
    said = [
        Said(text, ((-2 if form == 1 else form, colour, -1),))
        for text, (form, colour) in zip(texts, names, strict=True)
    ]
    truth, clear = truth_table(pictures, said)
    similar = (vectors @ trainer.read(texts).T).numpy()
    same, pairs = shared_things(pictures)
    single = [n for n, p in enumerate(pictures) if len(p.things) == 1 and p.things[0].clear]
    close = (vectors @ vectors.T).numpy() - 9 * ~pairs
    best = close.argmax(1)
    return {
        "text AUROC": float(roc_auc_score(truth[clear] > 0.5, similar[clear])),
        "picture R@1": float(np.mean([same[n, best[n]] for n in single])),
    }


def log(text: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(time.strftime("%H:%M:%S ") + text + "\n")
    sys.stderr.flush()


def save(trainer: Trainer, optimizer: Optimizer, checkpoint: Path, state: dict[str, Any]) -> None:
    """Writes the checkpoint under another name first, so that a kill leaves the last whole one."""
    temporary = checkpoint.with_suffix(".part")
    torch.save(
        {
            "model": trainer.model.state_dict(),
            "helpers": trainer.helpers.state_dict(),
            "optimizers": [part.state_dict() for part in optimizer.parts],
            **state,
        },
        temporary,
    )
    temporary.replace(checkpoint)


def train(trainer: Trainer, checkpoint: Path, arguments: argparse.Namespace) -> None:
    """Pictures that are never used twice, until the time is up."""
    optimizer = Optimizer(trainer, lr=arguments.lr, warmup=60)
    kept = torch.load(checkpoint, weights_only=True) if checkpoint.exists() else {}
    step, spent = kept.get("step", 0), kept.get("seconds", 0.0)
    if kept:
        trainer.helpers.load_state_dict(kept["helpers"])
        for part, state in zip(optimizer.parts, kept["optimizers"], strict=True):
            part.load_state_dict(state)
    rng = np.random.default_rng([arguments.seed, step])
    unseen = [draw_picture(np.random.default_rng([77, n])) for n in range(320)]
    budget, began, history = arguments.hours * 3600, time.monotonic() - spent, []
    while (elapsed := time.monotonic() - began) < budget:
        pictures = [draw_picture(rng) for _ in range(arguments.pictures)]
        said = sentences_for(rng, pictures, each=arguments.sentences)
        keep = arguments.keep if elapsed < WHOLE_FROM * budget else GRID * GRID
        loss, figures = trainer.loss(pictures, said, patches=0.3 * max(0.1, 1 - step / 2000), keep=keep)
        loss.backward()
        figures["norm"] = optimizer.step(step, elapsed / budget)
        history.append(figures)
        step += 1
        if step % 50 == 0:
            means = ", ".join(
                f"{key} {np.mean([row[key] for row in history[-50:]]):.3f}" for key in history[0]
            )
            log(f"{step} ({100 * elapsed / budget:.1f} %, {elapsed / step:.2f} s a step): {means}")
        if step % 400 == 0:
            log(f"{step} unseen: " + ", ".join(f"{k} {v:.4f}" for k, v in examine(trainer, unseen).items()))
        if step % 100 == 0:
            save(trainer, optimizer, checkpoint, {"step": step, "seconds": elapsed})
    save(trainer, optimizer, checkpoint, {"step": step, "seconds": time.monotonic() - began})


def export(trainer: Trainer, folder: Path) -> None:
    """Writes config, float16 safetensors, tokenizer and processor, as any CLIP folder has them."""
    folder.mkdir(parents=True, exist_ok=True)
    model = trainer.model
    with torch.no_grad():
        model.logit_scale.copy_(trainer.helpers.text_scale)
    model.half().save_pretrained(folder)
    build_processor(trainer.tokenizer).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "demo-image-model", help="folder of the model")
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".training", help="folder for checkpoints")
    parser.add_argument("--hours", type=float, default=1.0, help="length of the training, all runs together")
    parser.add_argument("--pictures", type=int, default=64, help="pictures a step")
    parser.add_argument("--sentences", type=int, default=3, help="sentences a picture")
    parser.add_argument(
        "--keep", type=int, default=30, help="patches of a picture that are looked at, at first"
    )
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="folder of a model to begin with instead of fresh weights")
    parser.add_argument("--export-only", action="store_true", help="write the folder and stop")
    return parser.parse_args(argv)


def main() -> None:
    """Builds or resumes, trains, writes the folder."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    trainer = Trainer(build_model(tokenizer, arguments.seed), tokenizer)
    log(f"{sum(p.numel() for p in trainer.model.parameters()):,} parameters, {len(tokenizer)} tokens")
    checkpoint = arguments.work / "image.pt"
    if arguments.start:
        started = CLIPModel.from_pretrained(arguments.start, dtype=torch.float32)
        trainer.model.load_state_dict(started.state_dict())
        trainer.helpers.text_scale.data.copy_(started.logit_scale.data)
    if checkpoint.exists():
        trainer.model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    if not arguments.export_only:
        train(trainer, checkpoint, arguments)
    export(trainer, arguments.out)
    log(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
