"""Shaping that keeps the optimal policy: potentials, advice on actions, one-time bonuses.

Everything here is a function of arrays over time; time is the first axis, further axes are
environments.

gamma * phi(s') - phi(s) telescopes: on every path its discounted sum over an episode is
-phi(first state), so it cannot prefer one policy to another (Ng, Harada and Russell 1999). Two
mistakes break this, and these functions allow neither: leaving out gamma, which hides a bonus of
(1 - gamma) * phi for being in a state, and keeping a potential after termination. At a time limit
the state keeps its value, so its potential stays.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.types import Array, FloatArray

NEVER = -1  # in place of a step


def potential_shaping(
    phi: FloatArray, phi_next: FloatArray, terminated: Array, gamma: float
) -> FloatArray:
    """The reward for a change of potential: gamma * phi(s') - phi(s).

    Args:
        phi: potential of the state before, shape (T, ...).
        phi_next: of the state after, as it was before any reset, shape (T, ...).
        terminated: where the episode terminated (not by a time limit); the potential there is 0.
        gamma: the learner's own discount, in (0, 1].

    Raises:
        ValueError: gamma is not in (0, 1].
    """
    _check_discount(gamma)
    return gamma * np.where(terminated, 0.0, phi_next) - phi


class DynamicPotential:
    """A potential that changes over time (Devlin and Kudenko 2012).

    The old value is kept from when the state was entered: evaluating the changed potential on it
    again would reward the change of the potential itself.

    Args:
        first: potential of the states at the beginning, shape (...).
    """

    def __init__(self, first: FloatArray, gamma: float) -> None:
        _check_discount(gamma)
        self._entered = np.array(first, np.float64)
        self._gamma = gamma

    def step(
        self, phi_next: FloatArray, terminated: Array, done: Array, phi_reset: FloatArray
    ) -> FloatArray:
        """The reward of one step.

        Args:
            phi_next: potential now of the state after the step, before any reset.
            terminated: where the episode terminated; the potential there is 0.
            done: where the episode is over, terminated or at a time limit.
            phi_reset: potential now of the state in which the next episode begins, used where
                ``done``.
        """
        reward = self._gamma * np.where(terminated, 0.0, phi_next) - self._entered
        self._entered = np.where(done, phi_reset, phi_next)
        return reward


def look_ahead_advice(
    phi: FloatArray, phi_next: FloatArray, terminated: Array, gamma: float
) -> FloatArray:
    """Advice on actions: gamma * phi(s', a') - phi(s, a), where a' is the next action.

    From Wiewiora, Cottrell and Elkan (2003). The learned values are shifted by -phi(s, a), so the
    agent must choose the largest Q(s, a) + phi(s, a); otherwise it does the opposite of the advice.

    Args:
        phi: of the state and action of each step, shape (T, ...).
        phi_next: of the state after and the next action, shape (T, ...).
        terminated, gamma: as in :func:`potential_shaping`.
    """
    return potential_shaping(phi, phi_next, terminated, gamma)


def look_back_advice(
    phi: FloatArray, phi_before: FloatArray, first: Array, gamma: float
) -> FloatArray:
    """Advice on actions for on-policy learners: phi(s, a) - phi(previous step) / gamma.

    From Wiewiora, Cottrell and Elkan (2003); the agent's choice of actions needs no correction.

    Args:
        phi: of the state and action of each step, shape (T, ...).
        phi_before: of the previous step.
        first: where a step is the first of its episode; the potential before it is 0.
    """
    _check_discount(gamma)
    return phi - np.where(first, 0.0, phi_before) / gamma


def first_times(holds: Array, starts: Array) -> Array:
    """Where a subgoal holds for the first time in its episode.

    Args:
        holds: after each step, shape (T, ..., k), bool.
        starts: steps that are the first of an episode, shape (T, ...), bool; the first row always
            is.

    Returns:
        Shape (T, ..., k), bool; at most one per episode and subgoal.
    """
    first, done = np.zeros(holds.shape, bool), np.zeros(holds.shape[1:], bool)
    for t, (here, start) in enumerate(zip(holds, starts, strict=True)):
        done &= ~start[..., None]
        first[t] = here & ~done
        done |= here
    return first


def first_steps(holds: Array, lengths: Array) -> Array:
    """The step of each episode after which a subgoal holds for the first time.

    Args:
        holds: after each step of all episodes one after the other, shape (N,), bool.
        lengths: steps of each episode, shape (m,), summing to N.

    Returns:
        Shape (m,), counted from 0; NEVER where it does not hold.
    """
    starts = np.cumsum(lengths) - lengths
    begins = np.zeros(len(holds), bool)
    begins[starts] = True
    found = np.flatnonzero(first_times(holds[:, None], begins)[:, 0])
    steps, of = np.full(len(lengths), NEVER), np.searchsorted(starts, found, side="right") - 1
    steps[of] = found - starts[of]
    return steps


def largest_bonus(gamma: float, horizon: int, reward: float, subgoals: int) -> float:
    """The bonus per subgoal at which failing can be worth more than a success: gamma^H * R / k.

    Args:
        gamma: the learner's discount, in (0, 1].
        horizon: H, steps of the longest episode.
        reward: R, the reward of a success.
        subgoals: k, how many bonuses one episode can get.
    """
    _check_discount(gamma)
    return gamma**horizon * reward / max(subgoals, 1)


def check_bonus(bonus: float, gamma: float, horizon: int, reward: float, subgoals: int) -> None:
    """Refuse a bonus for subgoals that could make failing worthwhile.

    Raises:
        ValueError: it is not below :func:`largest_bonus`.
    """
    limit = largest_bonus(gamma, horizon, reward, subgoals)
    if bonus >= limit:
        raise ValueError(
            f"a bonus of {bonus:g} for each of {subgoals} subgoals can be worth more than a "
            f"success ({reward:g} after up to {horizon} steps at discount {gamma:g}): "
            f"it must be below {limit:.3g}; or use the form `potential`, which has no limit"
        )


def _check_discount(gamma: float) -> None:
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma must be the learner's discount, in (0, 1], found {gamma!r}")
