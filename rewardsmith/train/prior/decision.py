"""Whether a prior on Q is used, and how much: a decision by returns and by time alone.

Nothing here depends on networks or on who trains them.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.run.trials import PriorOutcome
from rewardsmith.train.prior.options import QShaping
from rewardsmith.train.prior.reuse import Reuse
from rewardsmith.types import Array

_TESTED = 0.75  # share of the steps in which it acts in the episodes that test it


class Decision:
    """Accepts, rejects and abandons one prior.

    ``steps`` are the environment steps taken so far, ``length`` those of the training; the
    ``steps`` of the options have precedence over ``length``.

    Args:
        options: with the defaults of :meth:`QShaping.of`.
        n_envs: environments of the learner.

    Attributes:
        reuse: which episodes the prior guides, and the returns of both kinds.
        accepted: whether the prior may change the networks.
        rejected: whether the prior is rejected for good, also if the model learns on later.
        filled: whether critic and actor were fitted once.
        outcome: of the test of the prior; None before it.
    """

    def __init__(self, options: QShaping, n_envs: int) -> None:
        self.options, self.reuse = options, Reuse(n_envs)
        self.accepted, self.rejected, self.filled = not options.prove, False, False
        self.outcome: PriorOutcome | None = None
        self._since, self._updates = 0, 0

    @property
    def is_over(self) -> bool:
        """Whether the prior will not be evaluated again."""
        return self.rejected or self.filled

    @property
    def fills(self) -> bool:
        """Whether critic and actor are to be fitted now."""
        return self.options.mode == "prefill" and self.accepted and not self.is_over

    def decide(self, steps: int, length: int) -> None:
        """Accept or reject it, by the returns of its episodes and by the time."""
        if self.is_over:
            return
        options, on_trial = self.options, not self.accepted
        share = steps / self._of_options(length)
        if share >= options.until and (options.mode == "anneal" or not self.accepted):
            self.rejected = True
        elif options.prove and (on_trial or options.follow):
            late = share >= options.prove and self.reuse.seen_enough
            if on_trial and self.reuse.is_better:
                self.accepted, self._since = True, steps
            self.rejected = self.reuse.is_worse or (late and not self.accepted)
        if on_trial and (self.accepted or self.rejected):
            own, guided = (
                float(np.mean(returns)) if returns else None for returns in self.reuse.returns
            )
            self.outcome = PriorOutcome(accepted=self.accepted, steps=steps, guided=guided, own=own)

    def guided(self, steps: int, length: int, rng: np.random.Generator) -> Array:
        """Where the prior acts in the next vector step, shape (n_envs,), bool."""
        share = _TESTED
        if self.accepted:
            share = (self.options.follow or 0.0) * self._time_left(steps, length)
        return self.reuse.acting(share, rng) if share else np.zeros(len(self.reuse.leads), bool)

    def weight(self, steps: int, length: int) -> float:
        """Of a step towards the prior, now."""
        if self.options.mode == "prefill" or not self.accepted:
            return 0.0
        return self.options.weight * self._time_left(steps, length)

    def owed(self, updates: int) -> int:
        """How many steps towards the prior are due beside so many further updates."""
        before = self._updates // self.options.every
        self._updates += updates
        return self._updates // self.options.every - before

    def _time_left(self, steps: int, length: int) -> float:
        """The share of the prior's time that is left, from 1 to exactly 0."""
        if self.rejected:
            return 0.0
        end = self.options.until * self._of_options(length)
        left = (end - steps) / (end - self._since or 1.0)
        return min(1.0, max(0.0, left))  # more than 1 at the start of a second training

    def _of_options(self, length: int) -> int:
        return self.options.steps or length or 1
