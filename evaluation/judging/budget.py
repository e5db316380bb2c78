"""Bounds what judges may cost, counts what they did, and estimates what they would; asks nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields

from footage.core.errors import UsageError

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class JudgeCost:
    """Calls and tokens; they add up."""

    questions: int = 0
    """Questions, whether kept or asked."""
    kept: int = 0
    """Of these, the ones answered by an earlier run."""
    calls: int = 0
    """Requests that the server may have worked on: all tries, but none that it refused."""
    prompt_tokens: int = 0
    """Tokens of the questions."""
    answer_tokens: int = 0
    """Tokens of the answers."""
    estimated: bool = False
    """Whether some of the tokens are estimates."""

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.prompt_tokens + self.answer_tokens

    def __add__(self, other: JudgeCost) -> JudgeCost:
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        return JudgeCost(**{**sums, "estimated": self.estimated or other.estimated})

    def price(self, price_in: float, price_out: float) -> float:
        """The price, in the currency of the prices per million tokens of questions and of answers."""
        return (self.prompt_tokens * price_in + self.answer_tokens * price_out) / _MILLION


class JudgeBudget:
    """What a run may cost; one budget may be shared by several judges of one thread.

    A call is reserved with an upper bound of its tokens before it is made and settled with its true ones
    after, so that the budget is never exceeded by a server that keeps to the most tokens it is asked for.
    """

    def __init__(self, *, max_calls: int | None = None, max_tokens: int | None = None) -> None:
        """Set the bounds; None for no bound.

        Raises:
            UsageError: when a bound is negative.
        """
        for name, bound in (("--max-calls", max_calls), ("--max-tokens", max_tokens)):
            if bound is not None and bound < 0:
                raise UsageError(
                    f"{name} must not be negative, got {bound}.", hint=f"Leave {name} out for no bound."
                )
        self.max_calls, self.max_tokens = max_calls, max_tokens
        self._calls = self._tokens = self._under_way = 0

    @property
    def calls(self) -> int:
        """Calls made and under way."""
        return self._calls

    @property
    def tokens(self) -> int:
        """Tokens of the calls made, and upper bounds of those under way."""
        return self._tokens

    @property
    def under_way(self) -> int:
        """Calls that are reserved and not settled."""
        return self._under_way

    def lacks(self, most_tokens: int) -> str:
        """Why another call does not fit, in one sentence; empty where it does."""
        if self.max_calls is not None and self._calls + 1 > self.max_calls:
            return f"the budget of {self.max_calls:,} calls (--max-calls) is used up"
        if self.max_tokens is not None and self._tokens + most_tokens > self.max_tokens:
            return (
                f"the budget of {self.max_tokens:,} tokens (--max-tokens) does not allow another call: "
                f"{self._tokens:,} are used, and the next call takes up to {most_tokens:,}"
            )
        return ""

    def reserve(self, most_tokens: int) -> None:
        """Reserve a call that fits.

        Raises:
            UsageError: when it does not.
        """
        if lacks := self.lacks(most_tokens):
            raise UsageError(lacks)
        self._calls += 1
        self._tokens += most_tokens
        self._under_way += 1

    def settle(self, reserved_tokens: int, tokens: int, *, calls: int = 1) -> None:
        """Replace what was reserved by what was used.

        Args:
            reserved_tokens: As given to ``reserve``.
            tokens: What the call took.
            calls: 0 for a call that the server refused to work on.
        """
        self._calls += calls - 1
        self._tokens += tokens - reserved_tokens
        self._under_way -= 1
