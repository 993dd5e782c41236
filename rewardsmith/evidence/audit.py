"""Suspicions about a reward, raised by recorded episodes, each with a suggested fix.

All of it is found without training, from what the program pays for trajectories whose worth is
known; but for :func:`hollow_gain`, which reads the curve of a training. A suspicion warns, and is
told to the writer; it refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rewardsmith.evidence.breaking import no_number
from rewardsmith.evidence.rewards import BankRewards
from rewardsmith.types import Finding, FloatArray

_BACKWARDS = 0.2  # share of pairs in order up to which a reward points the wrong way
_BLIND = 0.65  # ... and up to which it tells nothing
_CLEARLY = 0.05  # by which that share must rise for a term to be blamed
_DROWNS = 0.95  # of the differences between trajectories
_STRETCH = 5  # a loop is looked for in stretches of a fifth of the longest trajectory
_BACK = 0.2  # how near to its beginning a loop must end, in standard deviations of the fields
_MORE, _MORE_OF = (
    0.05,
    0.1,
)  # by which a known exploit must be paid more: in usual pay, and of what it had
_NEAR = 2 / 3  # rank among the failures from which one was nearly there


def audit(paid: BankRewards, before: BankRewards | None = None) -> list[Finding]:
    """Suspicions about a program, from what it pays over a bank.

    Where what it pays is not a number, that alone is said; where the bank holds no contrast,
    nothing else is.

    Args:
        before: what the program that it was made from pays on the same bank.
    """
    broken = no_number(paid)
    if broken:
        return [
            Finding(
                "RS203",
                "warning",
                broken,
                "guard divisions, logarithms and exponentials",
                source="audit",
            )
        ]
    if paid.better is None:
        return []
    found = list(_order(paid))
    if "RS501" not in (code for code, _, _ in found):  # else the rest follows from it
        found += [*_going_on(paid), *_failing_soon(paid), *_near_misses(paid)]
    found += [*_exploits(paid, before), *_terms(paid)]
    return [
        Finding(code, "warning", message, hint, source="audit") for code, message, hint in found
    ]


Suspicion = tuple[str, str, str]  # code, message, hint


def _order(paid: BankRewards) -> Iterator[Suspicion]:
    """The whole reward points away from the goal, or nowhere."""
    assert paid.better is not None
    kept = paid.agreement("pairs", "mean")
    assert kept is not None
    if kept.share <= _BACKWARDS:
        message = (
            f"it pays bad behaviour more than good: per step, only {kept.share:.0%} of all "
            "pairs are in order"
        )
        yield "RS501", message, "turn the sign of what decides it"
    elif kept.share < _BLIND:
        message = (
            f"it can hardly tell good behaviour from bad: per step, {kept.share:.0%} of "
            "all pairs are in order"
        )
        yield "RS502", message, "pay for what only the good episodes have"


def _going_on(paid: BankRewards) -> Iterator[Suspicion]:
    """Success ends an episode, and with it the pay: never finishing may pay more."""
    assert paid.better is not None
    sums, lengths = paid.scores("sum"), paid.bank.lengths
    longest = int(lengths.max())
    ended = paid.better & np.array([one.episode.terminated for one in paid.bank.trajectories])
    if not ended.any() or np.median(lengths[ended]) > 0.9 * longest:
        return
    success = float(np.median(sums[ended]))
    failures = np.where(paid.better, -np.inf, sums)
    most = int(np.argmax(failures))
    if failures[most] >= success:
        message = (
            f"an episode that does not reach the goal is paid {failures[most]:.3g} in "
            f"all in {lengths[most]} steps, "
            f"a success {success:.3g} in about {int(np.median(lengths[ended]))}"
        )
        yield (
            "RS503",
            message,
            "pay less for going on than for finishing: pay change, or a larger bonus at the goal",
        )
        return
    scale = np.concatenate(paid.bank.states).std(axis=0)
    places = np.flatnonzero(~paid.better)
    scale = np.where(scale > 0, scale, 1.0)
    rate = max(_loop_rate(paid, int(place), longest // _STRETCH, scale) for place in places)
    if rate * longest > max(success, 0.0):
        message = (
            f"a loop pays: behaviour that comes back to where it was earns {rate:.3g} "
            "a step, over a whole episode "
            f"more than the {success:.3g} of a success"
        )
        yield (
            "RS503",
            message,
            "pay change of a quantity, which a loop gives back, or a larger bonus at the goal",
        )


def _failing_soon(paid: BankRewards) -> Iterator[Suspicion]:
    """A failure that ends the episode ends what it is charged: failing at once may be the best."""
    assert paid.better is not None
    sums, lengths = paid.scores("sum"), paid.bank.lengths
    ended = np.array([one.episode.terminated for one in paid.bank.trajectories])
    good, before = (
        float(np.median(sums[paid.better])),
        sums - paid.output.total[np.cumsum(lengths) - 1],
    )
    lives_on_it = (before > 0) & (before >= good)  # that going on pays is another thing: RS503
    soon = np.flatnonzero(ended & ~paid.better & (lengths < lengths.max() / 2) & ~lives_on_it)
    if len(soon) and sums[soon].max() >= good:
        best = int(soon[np.argmax(sums[soon])])
        message = (
            f"an episode that fails after {lengths[best]} steps is paid "
            f"{sums[best]:.3g} in all, a good one "
            f"{good:.3g}: failing soon ends the costs"
        )
        yield "RS508", message, "pay for going on well, or charge the failure that ends it"


def _loop_rate(paid: BankRewards, place: int, stretch: int, scale: FloatArray) -> float:
    """Highest reward per step of a stretch that ends where it began; 0 without one."""
    totals, fields = paid.of(place).total, paid.bank.states[place] / scale
    if stretch < 2 or len(totals) < stretch:
        return 0.0
    closed = np.sqrt(((fields[stretch:] - fields[:-stretch]) ** 2).mean(axis=1)) <= _BACK
    sums = np.cumsum(np.concatenate([[0.0], totals]))
    return (
        float((sums[stretch:] - sums[:-stretch])[closed].max() / stretch) if closed.any() else 0.0
    )


def _terms(paid: BankRewards) -> Iterator[Suspicion]:
    """One term works against the goal, or drowns those that work for it."""
    kept = paid.agreement("pairs", "mean")
    assert kept is not None
    spread = {
        name: float(np.std(paid.scores("mean", values))) for name, values in paid.terms.items()
    }
    for name, values in paid.terms.items() if len(paid.terms) > 1 else ():
        alone, turned, rest = (
            found.share
            for changed in (values, paid.output.total - 2 * values, paid.output.total - values)
            if (found := paid.agreement("pairs", "mean", changed)) is not None
        )
        part = spread[name] / (sum(spread.values()) or 1.0)
        if alone < 0.4 and turned >= kept.share + _CLEARLY:
            message = (
                f"term {name!r} works against the goal: with its sign turned "
                f"{turned:.0%} of all pairs of episodes "
                f"would be in order by pay per step, now {kept.share:.0%}"
            )
            yield "RS504", message, "turn its sign, or drop it"
        elif rest >= kept.share + _CLEARLY and part >= _DROWNS:
            message = (
                f"term {name!r} drowns the others: it makes {part:.0%} of the "
                "difference between episodes, and without "
                f"it {rest:.0%} of all pairs would be in order by pay per step, now "
                f"{kept.share:.0%}"
            )
            yield "RS505", message, "make it smaller, or the others larger"


def _exploits(paid: BankRewards, before: BankRewards | None) -> Iterator[Suspicion]:
    """Failures that the parent program rewarded like a success are now rewarded even more.

    What both pay has no common unit, so it is told by how far it lies above a usual success, in
    units of what a trajectory is usually paid, signs left out.
    """
    if before is None or not np.isfinite(before.output.total).all():
        return
    above, above_before = (_above_success(one) for one in (paid, before))
    known = np.flatnonzero(~np.asarray(paid.better) & (above_before >= 0))
    more = known[
        above[known] > above_before[known] + np.maximum(_MORE, _MORE_OF * above_before[known])
    ]
    if len(more):
        worst = int(more[np.argmax((above - above_before)[more])])
        message = (
            f"{len(more)} of {len(known)} episodes that do not reach the goal, and "
            "that the program before paid like a "
            f"success, are paid even more: one of {len(paid.of(worst).total)} steps by "
            f"{paid.bank.trajectories[worst].whose} is paid "
            f"{paid.scores('sum')[worst]:.3g}, a usual success "
            f"{float(np.median(paid.scores('sum')[paid.better])):.3g}"
        )
        yield "RS509", message, "close the way by which these are paid before anything else"


def _above_success(paid: BankRewards) -> FloatArray:
    """Return above that of a median success, in units of the mean absolute return; shape (m,)."""
    sums, usual = paid.scores("sum"), float(paid.scores("sum", np.abs(paid.output.total)).mean())
    above: FloatArray = (sums - np.median(sums[paid.better])) / (usual or 1.0)
    return above


def _near_misses(paid: BankRewards) -> Iterator[Suspicion]:
    """The failures that came nearest are paid like successes: being near is enough."""
    assert paid.better is not None
    sums, fitness = paid.scores("sum"), paid.bank.fitness
    failures = np.flatnonzero(~paid.better)
    nearest = failures[fitness[failures] >= np.quantile(fitness[failures], _NEAR)]
    success = float(np.median(sums[paid.better]))
    over = nearest[sums[nearest] >= success]
    if len(over) and len(over) >= len(nearest) / 4:
        message = (
            f"{len(over)} of {len(nearest)} episodes that nearly reached the goal are "
            f"paid at least {success:.3g}, as "
            "much as a usual success"
        )
        yield (
            "RS507",
            message,
            "leave a clear gain for the last step: a bonus that being near cannot make up",
        )
