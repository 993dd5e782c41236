"""Shaping that keeps what is optimal: potentials, advice on actions, and bonuses paid once per episode.

Everything here is a function of arrays over time; time is the first axis, further axes
(environments) go along.

gamma * phi(s') - phi(s) telescopes: whatever the way, its discounted sum over an episode is
-phi(first state), so it cannot prefer one policy to another (Ng, Harada and Russell 1999). Two
things break this, and neither can be said with
these functions: leaving out gamma, which hides a bonus of (1 - gamma) * phi for being in a state,
and keeping a potential at a real end. At a time limit the state goes on being worth something, so
its potential stays.
"""

from __future__ import annotations

import numpy as np

from rewardsmith.types import Array, FloatArray

NEVER = -1  # in place of a step


def potential_shaping(
    phi: FloatArray, phi_next: FloatArray, terminated: Array, gamma: float
) -> FloatArray:
    """What each transition is paid for a change of potential: gamma * phi(s') - phi(s).

    Args:
        phi: potential of the state before, shape (T, ...).
        phi_next: of the state after, as it was before any reset, shape (T, ...).
        terminated: where the episode ended by itself, not by a time limit; the potential there is
            0.
        gamma: the learner's own discount, in (0, 1].

    Raises:
        ValueError: gamma is no discount.
    """
    _check_discount(gamma)
    return gamma * np.where(terminated, 0.0, phi_next) - phi


class DynamicPotential:
    """A potential that changes over time (Devlin and Kudenko 2012): the old value is the one that was there on entry.

    Asking a changed potential again for the state before would pay the change of mind.

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
        """The pay of one step.

        Args:
            phi_next: potential now of the state after the step, before any reset.
            done: where the episode is over, by itself or by a time limit.
            phi_reset: potential now of the state in which the next episode begins, used where
                ``done``.
        """
        paid = self._gamma * np.where(terminated, 0.0, phi_next) - self._entered
        self._entered = np.where(done, phi_reset, phi_next)
        return paid


def look_ahead_advice(
    phi: FloatArray, phi_next: FloatArray, terminated: Array, gamma: float
) -> FloatArray:
    """Advice on actions: gamma * phi(s', a') - phi(s, a), a' being the action taken next (Wiewiora et al. 2003).

    The learned values are shifted by -phi(s, a): the agent must act by the largest Q(s, a) + phi(s,
    a), else it follows the opposite of the advice.
    """
    return potential_shaping(phi, phi_next, terminated, gamma)


def look_back_advice(
    phi: FloatArray, phi_before: FloatArray, first: Array, gamma: float
) -> FloatArray:
    """Advice on actions for on-policy learners, which need not correct their choice: phi(s, a) - phi(before) / gamma.

    Args:
        phi: of the state and action of each step, shape (T, ...).
        phi_before: of the step before.
        first: where a step is an episode's first; the potential before it is 0.
    """
    _check_discount(gamma)
    return phi - np.where(first, 0.0, phi_before) / gamma


def advice_as_potential(
    phi: float, phi_next: float, advice: float, terminated: bool, gamma: float, rate: float
) -> float:
    """One step of learning the potential whose change pays like any given advice (Harutyunyan et al. 2015).

    On policy, with the reward turned: phi(s, a) moves towards gamma * phi(s', a') - advice. Once it
    has converged, gamma * phi(s', a') - phi(s, a) pays what the advice would. Until then the pay is
    another, and that it leaves the optimum alone needs the correction of Behboudian et al. (2020):
    let it fade if that matters.

    Returns:
        The new phi(s, a).
    """
    target = gamma * (0.0 if terminated else phi_next) - advice
    return phi + rate * (target - phi)


def first_times(holds: Array, starts: Array) -> Array:
    """Where a subgoal holds for the first time in its episode.

    Args:
        holds: after each step, shape (T, ..., k), bool.
        starts: steps that are the first of an episode, shape (T, ...), bool; the first row always
            is.

    Returns:
        Shape (T, ..., k), bool; at most one per episode and subgoal.
    """
    paid, done = np.zeros(holds.shape, bool), np.zeros(holds.shape[1:], bool)
    for t, (here, start) in enumerate(zip(holds, starts, strict=True)):
        done &= ~start[..., None]
        paid[t] = here & ~done
        done |= here
    return paid


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


def neutralised(bonus: FloatArray, success: Array, starts: Array, gamma: float) -> FloatArray:
    """Bonuses that a success takes back: their discounted sum over a successful episode is exactly 0.

    As in ELLA (Mirchandani et al. 2021, arXiv 2103.05825) and EAGER (Carta et al. 2022, arXiv
    2206.09674): with D_t = b_t + D_{t-1} / gamma, a successful last step is paid b - D. A failed
    episode keeps its bonuses, so they must
    stay below what a success is worth: see :func:`largest_bonus`.

    Args:
        bonus: of each step, shape (T, ...).
        success: steps that end an episode with success, shape (T, ...), bool.
        starts: steps that are the first of an episode, shape (T, ...), bool.
    """
    _check_discount(gamma)
    paid, owed = np.array(bonus, np.float64), np.zeros(bonus.shape[1:])
    for t, (won, start) in enumerate(zip(success, starts, strict=True)):
        owed = bonus[t] + np.where(start, 0.0, owed) / gamma
        paid[t] -= np.where(won, owed, 0.0)
    return paid


def largest_bonus(gamma: float, horizon: int, reward: float, subgoals: int) -> float:
    """The size from which bonuses for subgoals can be worth more than the success: gamma^H * R / k.

    Args:
        horizon: H, the longest episode.
        reward: R, what a success is paid.
        subgoals: k, how many can be paid in one episode.
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
            f"a bonus of {bonus:g} for each of {subgoals} subgoals can be worth more than a success ({reward:g} after "
            f"up to {horizon} steps at discount {gamma:g}): it must be below {limit:.3g}; or pay them as a potential, "
            "which has no limit"
        )


def _check_discount(gamma: float) -> None:
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma must be the learner's discount, in (0, 1], found {gamma!r}")
