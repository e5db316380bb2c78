"""States of a Qwen language model after some tokens: split off a batch, merged into one, kept for later.

A state can be copied and continued, never cropped: the part of linear layers, where there are any, is a
running sum. Three rules keep a continuation exact, each tested: the linear layers' tensors are copied before
anything continues them, as they change in place; no pad ever stands between a state and its continuation;
the caller gives the positions, as the offset that the module keeps belongs to the video that it saw last.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, LinearAttentionLayer


@dataclass(frozen=True)
class State:
    """The state of every layer for one row."""

    layers: tuple[tuple[Tensor, Tensor], ...]
    """Of a full layer keys and values, (1, heads, length, dimension); of a linear one the convolution's last
    inputs, (1, channels, kernel), and the recurrent state, (1, heads, key, value)."""
    length: int
    """Tokens so far."""
    offset: int
    """A later token's position in M-RoPE less its number: pictures take up fewer positions than tokens."""

    @cached_property
    def nbytes(self) -> int:
        """Size of its tensors."""
        return sum(part.nbytes for pair in self.layers for part in pair)

    @property
    def device(self) -> torch.device:
        """Where its tensors are."""
        return self.layers[0][0].device

    def to(self, device: torch.device) -> State:
        """The same on a device."""
        if device == self.device:
            return self
        layers = tuple((first.to(device), second.to(device)) for first, second in self.layers)
        return State(layers, self.length, self.offset)


class _GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values in buffers with room to grow; the library's own copies all of them at each token."""

    def __init__(self, keys: Tensor, values: Tensor, used: int) -> None:
        super().__init__()
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._keys, self._values = keys, values
        self._use(used)

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        used = self.get_seq_length()
        new = slice(used, used + keys.shape[-2])
        self._keys[:, :, new], self._values[:, :, new] = keys, values
        self._use(new.stop)
        return self.keys, self.values

    def reorder_cache(self, beam_idx: Tensor) -> None:
        used = self.get_seq_length()
        self._keys, self._values = self._keys[beam_idx], self._values[beam_idx]
        self._use(used)

    def _use(self, length: int) -> None:
        self.keys, self.values = self._keys[:, :, :length], self._values[:, :, :length]


def merge(states: Sequence[State], config: Any, *, room: int) -> tuple[DynamicCache, Tensor | None]:
    """A cache with one row a state, shorter ones padded on the left, and its mask.

    Args:
        states: On one device; they stay as they are.
        config: Of the language model.
        room: Most tokens that will be added.

    Returns:
        The cache, and its mask, int64 (states, length + room), 0 where a row is padded; None where none is.
    """
    longest = max(state.length for state in states)
    cache = DynamicCache(config=config)
    for number, layer in enumerate(cache.layers):
        first, second = zip(*(state.layers[number] for state in states), strict=True)
        if isinstance(layer, LinearAttentionLayer):
            _fill(layer, torch.cat(first), torch.cat(second))
        else:
            keys, values = _padded(first, longest, room), _padded(second, longest, room)
            cache.layers[number] = _GrowingLayer(keys, values, longest)
    if all(state.length == longest for state in states):
        return cache, None
    mask = torch.ones(len(states), longest + room, dtype=torch.int64)
    for row, state in enumerate(states):
        mask[row, : longest - state.length] = 0
    return cache, mask.to(states[0].device)


def split(cache: DynamicCache, lengths: Sequence[int], offsets: Sequence[int]) -> list[State]:
    """The rows of a cache that is padded on the left; a single one shares the cache's tensors.

    Args:
        cache: Not to be used any more.
        lengths: Tokens of each row, without its pads.
        offsets: As ``State.offset``.
    """
    return [
        State(tuple(_row(layer, n, length, len(lengths)) for layer in cache.layers), length, offset)
        for n, (length, offset) in enumerate(zip(lengths, offsets, strict=True))
    ]


def _row(layer: Any, number: int, length: int, rows: int) -> tuple[Tensor, Tensor]:
    if isinstance(layer, LinearAttentionLayer):
        pair = layer.conv_states[0][number : number + 1], layer.recurrent_states[0][number : number + 1]
    else:
        pair = tuple(part[number : number + 1, :, -length:] for part in (layer.keys, layer.values))
    # A view would keep the whole batch in memory.
    return pair if rows == 1 else tuple(part.clone() for part in pair)


def _padded(parts: Sequence[Tensor], longest: int, room: int) -> Tensor:
    """Rows of keys or values, (1, heads, length, dimension) each, in one, with zeros before and after."""
    _, heads, _, dimension = parts[0].shape
    whole = parts[0].new_zeros(len(parts), heads, longest + room, dimension)
    for row, part in enumerate(parts):
        whole[row, :, longest - part.shape[-2] : longest] = part[0]
    return whole


def _fill(layer: LinearAttentionLayer, conv: Tensor, recurrent: Tensor) -> None:
    """Give an empty linear layer its state; the tensors are its own from now on."""
    layer.lazy_initialization(conv_states=conv, recurrent_states=recurrent)
    layer.conv_states[0], layer.recurrent_states[0] = conv, recurrent
    layer.has_previous_state[0] = True


# -- Kept states -----------------------------------------------------------


class Holder(Protocol):
    """An object with a state to keep; must allow weak references."""

    state: State | None


class StateCache:
    """States that stay ready, within bounds: those used last on the device, those before in main memory.

    It holds weak references only: a state goes with its holder.
    """

    def __init__(self, *, device_bytes: int, memory_bytes: int) -> None:
        """Set the bounds.

        Args:
            device_bytes: For states on an accelerator.
            memory_bytes: For states in main memory.
        """
        self._device_bytes, self._memory_bytes = device_bytes, memory_bytes
        self.hits = self.misses = 0
        self._order: dict[int, weakref.ref[Holder]] = {}

    def use(self, holder: Holder, device: torch.device) -> State | None:
        """A holder's state on the device, as the one used last; None when there is none."""
        if holder.state is None:
            self.misses += 1
            return None
        self.hits += 1
        state = holder.state.to(device)
        self.put(holder, state)
        return state

    def put(self, holder: Holder, state: State) -> None:
        """Keep a state, and drop those unused for longest where the bounds ask for it."""
        holder.state = state
        self._order.pop(id(holder), None)
        self._order[id(holder)] = weakref.ref(holder)
        self._trim()

    def clear(self) -> None:
        """Drop all."""
        for holder in self._held():
            holder.state = None
        self._order.clear()

    @property
    def nbytes(self) -> int:
        """Size of all of them."""
        return sum(holder.state.nbytes for holder in self._held() if holder.state)

    def _held(self) -> list[Holder]:
        """Those that are still there, the one used last first."""
        alive = {key: holder for key, ref in self._order.items() if (holder := ref()) is not None}
        self._order = {key: self._order[key] for key in alive}
        return list(reversed(alive.values()))

    def _trim(self) -> None:
        device_left, memory_left = self._device_bytes, self._memory_bytes
        for holder in self._held():
            state = holder.state
            assert state is not None
            if state.device.type != "cpu" and state.nbytes <= device_left:
                device_left -= state.nbytes
                continue
            if state.device.type != "cpu":
                device_left = 0  # nothing older stays on the device
            if state.nbytes <= memory_left:
                memory_left -= state.nbytes
                holder.state = state.to(torch.device("cpu"))
            else:
                holder.state = None
                self._order.pop(id(holder))
