"""The judges of claims: one that grounds sentences, one that asks free questions."""

from search.claims.asking_judge import AskingJudge
from search.claims.grounding_judge import GroundingJudge

__all__ = ["AskingJudge", "GroundingJudge"]
