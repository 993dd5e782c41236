"""How good a reward is, as far as recorded episodes can show it without training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rewardsmith.evidence.rewards import BankRewards
from rewardsmith.maths.agreement import Credit, credits, kendall_tau, teacher_variance
from rewardsmith.maths.distances import sampled_starc
from rewardsmith.maths.potentials import StateFeatures, shaping_share
from rewardsmith.types import FloatArray

_FOLDS = 4
_FITTED_ON = 8000  # transitions; more make a fit slow and hardly better


_NO_NUMBER = "distances and shares: its reward is not always a number"
_NO_STATES = (
    "distances and share of shaping: no field is known at reset, so the state before a step is not"
)
_NO_WISHES = (
    "distance to the native reward, and share of shaping: that reward is the same on "
    "every step, and no known episode "
    "ends by itself, so it has no preference"
)


@dataclass(frozen=True)
class Quality:
    """Numbers about a reward on a bank; None where the bank cannot say.

    Attributes:
        trajectories: how many there are.
        in_order: share of pairs of a better and a worse trajectory of which the better has the
            higher discounted return.
        tau: rank agreement of discounted return with fitness, in [-1, 1]: the trajectory alignment
            coefficient (Muslimani et al. 2025, arXiv 2503.05996) with fitness as the preference.
        from_native: STARC distance to the environment's own reward, in [0, 1].
        from_parent: to the program that it was made from.
        epic_from_parent: EPIC distance to that, also on unvisited transitions; measured by
            :mod:`rewardsmith.evidence.appraisal`.
        shaping: share of what it adds to a multiple of the environment's reward that is the change
            of a potential, and so harmless.
        teaching: variance of returns between episodes of a random policy, in units of their
            squared range.
        terms: the credit of each.
        unsaid: what of this could not be said, and why.
    """

    trajectories: int
    in_order: float | None
    tau: float | None
    from_native: float | None
    from_parent: float | None
    shaping: float | None
    teaching: float | None
    terms: dict[str, Credit]
    unsaid: tuple[str, ...] = ()
    epic_from_parent: float | None = None


def quality(rewards: BankRewards, parent: BankRewards | None = None) -> Quality:
    """Measure a program on a bank.

    Args:
        parent: the program that it was made from, on the same bank.
    """
    bank, kept = rewards.bank, rewards.agreement("pairs", "discounted")
    in_order = kept.share if kept is not None else None
    if not all(
        np.isfinite(values).all() for values in (rewards.output.total, *rewards.terms.values())
    ):
        return Quality(len(bank), in_order, None, None, None, None, None, {}, (_NO_NUMBER,))
    returns = {name: rewards.scores("discounted", part) for name, part in rewards.terms.items()}
    random = np.array([one.origin in ("random", "held") for one in bank.trajectories])
    found = Quality(
        trajectories=len(bank),
        in_order=in_order,
        tau=kendall_tau(rewards.scores("discounted"), bank.fitness),
        from_native=None,
        from_parent=None,
        shaping=None,
        teaching=teacher_variance(rewards.scores("sum")[random]) if random.sum() > 1 else None,
        terms=credits(returns, bank.fitness),
        unsaid=(_NO_STATES,),
    )
    return _with_distances(found, rewards, parent) if bank.knows_states else found


def _with_distances(found: Quality, rewards: BankRewards, parent: BankRewards | None) -> Quality:
    """With the measures that compare the states before and after steps."""
    moves = _Moves(rewards)
    native = np.concatenate([one.episode.native_rewards for one in rewards.bank.trajectories])
    wishes = moves.tells_apart(native)
    return replace(
        found,
        from_native=moves.distance(native) if wishes else None,
        from_parent=moves.distance(parent.output.total) if parent is not None else None,
        shaping=moves.shaping(native) if wishes else None,
        unsaid=() if wishes else (_NO_WISHES,),
    )


class _Moves:
    """Transitions of a bank, thinned out but for the ends, with functions of their states."""

    def __init__(self, rewards: BankRewards) -> None:
        self._rewards = rewards
        bank = rewards.bank
        last = np.cumsum(bank.lengths) - 1
        self._rows = np.unique(
            np.concatenate([np.arange(0, last[-1] + 1, 1 + last[-1] // _FITTED_ON), last])
        )
        before = np.concatenate([states[:-1] for states in bank.states])[self._rows]
        after = np.concatenate([states[1:] for states in bank.states])[self._rows]
        features = StateFeatures(before)
        self._before, self._after = features(before), features(after)
        ended = last[[one.episode.terminated for one in bank.trajectories]]
        self._ends = np.isin(self._rows, ended)
        self._folds = np.repeat(np.arange(len(bank)) % _FOLDS, bank.lengths)[self._rows]

    def tells_apart(self, other: FloatArray) -> bool:
        """Whether a reward expresses a preference; a constant reward does where episodes end."""
        return bool(
            np.isfinite(other).all() and (np.ptp(other) > 0 or (self._ends.any() and other[0] != 0))
        )

    def distance(self, other: FloatArray) -> float | None:
        """To another reward; None where that has no wishes."""
        if not self.tells_apart(other):
            return None
        rewards = self._rewards.output.total[self._rows], other[self._rows]
        return sampled_starc(*rewards, self._before, self._after, self._ends, self._rewards.gamma)

    def shaping(self, native: FloatArray) -> float | None:
        rewards = self._rewards.output.total[self._rows], native[self._rows]
        return shaping_share(
            *rewards, self._before, self._after, self._ends, self._folds, self._rewards.gamma
        )
