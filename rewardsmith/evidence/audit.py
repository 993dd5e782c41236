"""Suspicions about a reward, raised by recorded episodes, each with a suggested fix.

They are found without training, from the rewards of trajectories whose fitness is known. A
suspicion is a warning, which the writer gets as feedback; it refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rewardsmith.evidence.breaking import describe_non_finite
from rewardsmith.evidence.rewards import BankRewards
from rewardsmith.types import Finding, FloatArray

_BACKWARDS = 0.2  # share of pairs in order up to which a reward points the wrong way
_BLIND = 0.65  # ... and up to which it says nothing
_CLEARLY = 0.05  # by which that share must rise for a term to be blamed
_DROWNS = 0.95  # of the differences between trajectories
_STRETCH = 5  # a loop is looked for in stretches of a fifth of the longest trajectory
_BACK = 0.2  # how near to its beginning a loop must end, in standard deviations of the fields
# by which the reward of a known exploit must rise: in usual returns, and relative to its own
_MORE, _MORE_OF = 0.05, 0.1
_NEAR = 2 / 3  # rank among the failures from which one was nearly there


def audit(rewards: BankRewards, before: BankRewards | None = None) -> list[Finding]:
    """Find suspicions about a program, from its rewards on a bank.

    Rewards that are not numbers are the only finding if there are any. A bank without contrast
    gives no other finding.

    Args:
        before: the rewards of its parent program on the same bank.
    """
    problem = describe_non_finite(rewards)
    if problem:
        return [
            Finding(
                "RS203",
                "warning",
                problem,
                "guard divisions, logarithms and exponentials",
                source="audit",
            )
        ]
    if rewards.better is None:
        return []
    found = list(_order(rewards))
    if "RS501" not in (code for code, _, _ in found):  # else the rest follows from it
        found += [*_going_on(rewards), *_failing_soon(rewards), *_near_misses(rewards)]
    found += [*_exploits(rewards, before), *_terms(rewards)]
    return [
        Finding(code, "warning", message, hint, source="audit") for code, message, hint in found
    ]


Suspicion = tuple[str, str, str]  # code, message, hint


def _order(rewards: BankRewards) -> Iterator[Suspicion]:
    """The whole reward points away from the goal, or nowhere."""
    assert rewards.better is not None
    kept = rewards.agreement("pairs", "mean")
    assert kept is not None
    if kept.share <= _BACKWARDS:
        message = (
            f"it rewards bad behaviour more than good: per step, only {kept.share:.0%} of all "
            "pairs are in order"
        )
        yield "RS501", message, "turn the sign of the term that decides it"
    elif kept.share < _BLIND:
        message = (
            f"it hardly separates good behaviour from bad: per step, {kept.share:.0%} of "
            "all pairs are in order"
        )
        yield "RS502", message, "reward what only the good episodes have"


def _going_on(rewards: BankRewards) -> Iterator[Suspicion]:
    """Success ends an episode and its rewards: never finishing may give a higher return."""
    assert rewards.better is not None
    sums, lengths = rewards.scores("sum"), rewards.bank.lengths
    longest = int(lengths.max())
    ended = rewards.better & np.array([one.episode.terminated for one in rewards.bank.trajectories])
    if not ended.any() or np.median(lengths[ended]) > 0.9 * longest:
        return
    success = float(np.median(sums[ended]))
    failures = np.where(rewards.better, -np.inf, sums)
    most = int(np.argmax(failures))
    if failures[most] >= success:
        message = (
            f"an episode that does not reach the goal has the return {failures[most]:.3g} "
            f"in {lengths[most]} steps, "
            f"a success {success:.3g} in about {int(np.median(lengths[ended]))}"
        )
        yield (
            "RS503",
            message,
            "reward going on less than finishing: reward change, or add a larger bonus at the goal",
        )
        return
    if not rewards.bank.knows_states:
        return  # without states no loop can be seen
    scale = np.concatenate(rewards.bank.states).std(axis=0)
    places = np.flatnonzero(~rewards.better)
    scale = np.where(scale > 0, scale, 1.0)
    rate = max(_loop_rate(rewards, int(place), longest // _STRETCH, scale) for place in places)
    if rate * longest > max(success, 0.0):
        message = (
            f"a loop is rewarded: behaviour that comes back to where it was gets {rate:.3g} "
            "per step, over a whole episode "
            f"more than the {success:.3g} of a success"
        )
        yield (
            "RS503",
            message,
            "reward the change of a quantity, which a loop gives back, or add a bonus at the goal",
        )


def _failing_soon(rewards: BankRewards) -> Iterator[Suspicion]:
    """A failure that ends the episode ends its costs: failing at once may be best."""
    assert rewards.better is not None
    sums, lengths = rewards.scores("sum"), rewards.bank.lengths
    ended = np.array([one.episode.terminated for one in rewards.bank.trajectories])
    good, before = (
        float(np.median(sums[rewards.better])),
        sums - rewards.output.total[np.cumsum(lengths) - 1],
    )
    lives_on_it = (before > 0) & (
        before >= good
    )  # a reward for going on is another suspicion: RS503
    soon = np.flatnonzero(ended & ~rewards.better & (lengths < lengths.max() / 2) & ~lives_on_it)
    if len(soon) and sums[soon].max() >= good:
        best = int(soon[np.argmax(sums[soon])])
        message = (
            f"an episode that fails after {lengths[best]} steps has the return "
            f"{sums[best]:.3g}, a good one "
            f"{good:.3g}: failing soon ends the costs"
        )
        yield "RS508", message, "reward going on well, or punish the failure that ends it"


def _loop_rate(rewards: BankRewards, place: int, stretch: int, scale: FloatArray) -> float:
    """Highest reward per step of a stretch that ends where it began; 0 without one."""
    totals, fields = rewards.of(place).total, rewards.bank.states[place] / scale
    if stretch < 2 or len(totals) < stretch:
        return 0.0
    closed = np.sqrt(((fields[stretch:] - fields[:-stretch]) ** 2).mean(axis=1)) <= _BACK
    sums = np.cumsum(np.concatenate([[0.0], totals]))
    return (
        float((sums[stretch:] - sums[:-stretch])[closed].max() / stretch) if closed.any() else 0.0
    )


def _terms(rewards: BankRewards) -> Iterator[Suspicion]:
    """One term works against the goal, or drowns those that work for it."""
    kept = rewards.agreement("pairs", "mean")
    assert kept is not None
    spread = {
        name: float(np.std(rewards.scores("mean", values)))
        for name, values in rewards.terms.items()
    }
    for name, values in rewards.terms.items() if len(rewards.terms) > 1 else ():
        alone, turned, rest = (
            found.share
            for changed in (
                values,
                rewards.output.total - 2 * values,
                rewards.output.total - values,
            )
            if (found := rewards.agreement("pairs", "mean", changed)) is not None
        )
        part = spread[name] / (sum(spread.values()) or 1.0)
        if alone < 0.4 and turned >= kept.share + _CLEARLY:
            message = (
                f"term {name!r} works against the goal: with its sign turned "
                f"{turned:.0%} of all pairs of episodes "
                f"would be in order by reward per step, now {kept.share:.0%}"
            )
            yield "RS504", message, "turn its sign, or drop it"
        elif rest >= kept.share + _CLEARLY and part >= _DROWNS:
            message = (
                f"term {name!r} drowns the others: it makes {part:.0%} of the "
                "difference between episodes, and without "
                f"it {rest:.0%} of all pairs would be in order by reward per step, now "
                f"{kept.share:.0%}"
            )
            yield "RS505", message, "make it smaller, or the others larger"


def _exploits(rewards: BankRewards, before: BankRewards | None) -> Iterator[Suspicion]:
    """Failures that the parent program rewarded like a success are now rewarded even more.

    The rewards of the two programs have no common unit, so each is measured as its distance above
    a median success, in units of the mean absolute return.
    """
    if before is None or not np.isfinite(before.output.total).all():
        return
    above, above_before = (_above_success(one) for one in (rewards, before))
    known = np.flatnonzero(~np.asarray(rewards.better) & (above_before >= 0))
    more = known[
        above[known] > above_before[known] + np.maximum(_MORE, _MORE_OF * above_before[known])
    ]
    if len(more):
        worst = int(more[np.argmax((above - above_before)[more])])
        message = (
            f"{len(more)} of {len(known)} episodes that do not reach the goal, and "
            "that the program before rewarded like a "
            f"success, are rewarded even more: one of {len(rewards.of(worst).total)} steps by "
            f"{rewards.bank.trajectories[worst].whose} has the return "
            f"{rewards.scores('sum')[worst]:.3g}, a usual success "
            f"{float(np.median(rewards.scores('sum')[rewards.better])):.3g}"
        )
        yield "RS509", message, "stop rewarding these episodes before anything else"


def _above_success(rewards: BankRewards) -> FloatArray:
    """Return above that of a median success, in units of the mean absolute return; shape (m,)."""
    sums, usual = (
        rewards.scores("sum"),
        float(rewards.scores("sum", np.abs(rewards.output.total)).mean()),
    )
    above: FloatArray = (sums - np.median(sums[rewards.better])) / (usual or 1.0)
    return above


def _near_misses(rewards: BankRewards) -> Iterator[Suspicion]:
    """The failures that came nearest are rewarded like successes: being near is enough."""
    assert rewards.better is not None
    sums, fitness = rewards.scores("sum"), rewards.bank.fitness
    failures = np.flatnonzero(~rewards.better)
    nearest = failures[fitness[failures] >= np.quantile(fitness[failures], _NEAR)]
    success = float(np.median(sums[rewards.better]))
    over = nearest[sums[nearest] >= success]
    if len(over) and len(over) >= len(nearest) / 4:
        message = (
            f"{len(over)} of {len(nearest)} episodes that nearly reached the goal have "
            f"a return of at least {success:.3g}, as "
            "much as a usual success"
        )
        yield (
            "RS507",
            message,
            "reward the last step clearly more: with a bonus that being near cannot replace",
        )
