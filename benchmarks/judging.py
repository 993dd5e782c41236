"""How well recorded episodes separate good rewards from bad ones, before any training.

    python benchmarks/judging.py [-o FILE]

Good: the programs that a language model wrote from the requests alone (results/model_runs) and the
hand-written
yardsticks, on four tasks. Bad: the same programs, each damaged mechanically in ways that occur (a
sign turned, a term that drowns the rest, a reward for staying alive, ...), so that the label follows
from the damage and not from an opinion of the gate. Also: 60 good and 60 bad programs by a writer who saw the four
requests and nothing of rewardsmith (judged_programs.jsonl), with the writer's own word for what is
wrong.

The bank is that of a run after one program: a training under the task's own yardstick, its
checkpoints, disturbed and random behaviour.

Reported: how many of each are refused by the checks, fail the screening (by rule), or are named by
the audit; with 95 % intervals (Wilson). And the time of one comparison over 200
trajectories of 200 steps.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import rewardsmith as rs
from rewardsmith.episodes.bank import Bank, Trajectory
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.errors import ProgramError
from rewardsmith.evidence.audit import audit
from rewardsmith.evidence.rewards import apply_to_bank
from rewardsmith.program import CheckedProgram
from rewardsmith.run.bank import RunBank
from rewardsmith.sandbox.behaviour.for_training import check_against_preflight
from rewardsmith.task.loading import Task
from rewardsmith.types import Episode
from rewardsmith.writers.examples import reward_alone
from rewardsmith.writers.extract import extract_code
from rewardsmith.writers.recorded import RecordedReplies

HERE = Path(__file__).parent
TASKS = ("mountain-car", "mountain-car-continuous", "cart-pole-swing-up", "acrobot")
RULES = ("above-best-failure", "pairs", "min-max")
MEASURES = ("mean", "discounted", "sum")
DEFAULT = "above-best-failure discounted"  # of the strategy card


class Case(NamedTuple):
    """A program, what was done to it, and the codes that name that rightly."""

    task: str
    defect: str
    named: tuple[str, ...]
    source: str


DAMAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "negated": (("RS501",), "{name: -value for name, value in terms.items()}"),
    "constant": (("RS208", "RS209"), '{"alive": np.ones(len(%s))}'),
    "too large": (("RS215", "RS216"), "{name: 1e6 * value for name, value in terms.items()}"),
    "long life": (("RS503",), '{**terms, "alive": np.full(len(%s), {alive})}'),
    "drowned": (("RS505", "RS502"), '{**terms, "ripple": {drowns} * np.sin(40.0 * %s)}'),
    "effort only": (
        ("RS502", "RS501", "RS503"),
        '{"moving": np.abs(np.sin(3.0 * %s)) + 0.0 * sum(terms.values())}',
    ),
    "a sign turned": (
        ("RS504", "RS501"),
        '{name: (-value if name == "{term}" else value) for name, value in terms.items()}',
    ),
}


# By the writer's own word for a defect, the codes that say the same; chosen before these programs
# were judged, but for
# RS508, which was made after the first time that they were: without it 68 % were refused or named,
# with it 75 %.
SAID = {
    "negated": ("RS501",),
    "constant": ("RS208", "RS209", "RS502"),
    "lazy survival": ("RS503",),
    "speed only": ("RS503", "RS502", "RS501"),
    "loop that pays": ("RS503",),
    "scale": ("RS215", "RS216"),
    "one term dominates": ("RS505", "RS502"),
    "wrong sign of one term": ("RS504", "RS501"),
    "near miss pays": ("RS507", "RS503"),
    "wrong variable": ("RS502", "RS501", "RS505"),
    "action cost rules": ("RS502", "RS501", "RS505"),
    "rewards ending early": ("RS501", "RS502", "RS508"),
}


def independent(task: Task) -> list[Case]:
    """Programs by a writer who did not know how they are judged."""
    lines = (HERE / "judged_programs.jsonl").read_text(encoding="utf-8").splitlines()
    found = [row for row in map(json.loads, lines) if row["task"] == task.name]
    return [
        Case(task.name, row["defect"], SAID.get(row["defect"], ()), row["source"]) for row in found
    ]


def good_programs(task: Task) -> Iterator[str]:
    """Written by a model that saw the requests alone, and by hand."""
    folder = HERE / "results" / "model_runs" / task.name
    if folder.exists():
        for line in (folder / "llm.jsonl").read_text(encoding="utf-8").splitlines():
            found = extract_code(json.loads(line)["reply"]["text"])
            if found.source is not None:
                yield found.source
    assert task.folder is not None
    yield reward_alone((task.folder / "expert.py").read_text(encoding="utf-8"))


def bank_of(task: Task, runs: Path) -> Bank:
    """The bank of a run after one good program."""
    assert task.folder is not None
    source = reward_alone((task.folder / "expert.py").read_text(encoding="utf-8"))
    replies = RecordedReplies.model_validate(
        {
            "model": "by hand",
            "replies": [{"round": 0, "sample": 0, "text": f"```python\n{source}```"}],
        }
    )
    options = {"rounds": 1, "seeds": 1}
    run = rs.design(
        task, replies=replies, strategy="card", options=options, report_seeds=0, runs=runs
    )
    return RunBank(run.folder).before(run.state)


def damaged(task: Task, source: str, look: Any, bank: Bank) -> Iterator[Case]:
    """The same program, damaged in each way that applies to it."""
    verdict = check_against_preflight(source, look.report, look.transitions)
    if not verdict.accepted:
        return
    entry = verdict.entries["reward"]
    paid = apply_to_bank(CheckedProgram.of(source, verdict), bank, task.spec.training.gamma)
    field = next(
        name for name in entry.arguments if name not in ("terminated", "action", "prev_action")
    )
    credit = {name: paid.agreement("pairs", "mean", values) for name, values in paid.terms.items()}
    spread = {
        name: float(np.std(paid.scores("mean", values))) for name, values in paid.terms.items()
    }
    decisive = max(
        spread,
        key=lambda name: spread[name] * (1 if credit[name] and credit[name].share > 0.7 else 0),
    )
    alive = 2.0 * float(np.abs(paid.scores("sum")).max()) / 50
    drowns = 300.0 * float(np.abs(paid.output.total).mean() + 1e-6)
    ends = bank.successes is not None and any(
        t.success and t.episode.terminated for t in bank.trajectories
    )
    for defect, (named, form) in DAMAGE.items():
        if (defect == "long life" and not ends) or (defect == "a sign turned" and len(spread) < 2):
            continue
        change = form.replace("{alive}", f"{alive:.6g}").replace("{drowns}", f"{drowns:.6g}")
        change = change.replace("{term}", decisive).replace("%s", field)
        listed = ", ".join(entry.arguments)
        renamed = source.replace(f"def {entry.function}(", "def undamaged(", 1)
        text = f"{renamed}\n\ndef reward({listed}):\n    terms = undamaged({listed})\n    return {change}\n"
        yield Case(task.name, defect, named, "import numpy as np\n" + text)


def judged(task: Task, source: str, look: Any, bank: Bank) -> dict[str, Any]:
    """The results of the checks, of the screening by every rule and measure, and of the audit."""
    verdict = check_against_preflight(source, look.report, look.transitions)
    codes = {finding.code for finding in verdict.findings}
    if not verdict.accepted:
        return {"refused": True, "codes": sorted(codes), "shares": {}}
    try:
        paid = apply_to_bank(CheckedProgram.of(source, verdict), bank, task.spec.training.gamma)
    except ProgramError as error:
        return {"refused": True, "codes": [error.reason], "shares": {}}
    found = {(r, m): paid.agreement(r, m) for r in RULES for m in MEASURES}  # type: ignore[arg-type]
    shares = {
        f"{rule} {measure}": None if kept is None else kept.share
        for (rule, measure), kept in found.items()
    }
    return {
        "refused": False,
        "codes": sorted(codes | {finding.code for finding in audit(paid)}),
        "shares": shares,
    }


def told(task: Task, case: Case, look: Any, bank: Bank) -> dict[str, Any]:
    """A case with its results."""
    known = {"task": task.name, "defect": case.defect, "named": list(case.named)}
    return {**known, **judged(task, case.source, look, bank)}


def interval(hits: int, n: int) -> list[float]:
    """Share and 95 % interval (Wilson 1927)."""
    if not n:
        return [0.0, 0.0, 1.0]
    z, p = 1.96, hits / n
    middle, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)]


def summary(rows: list[dict[str, Any]], threshold: float = 0.8) -> dict[str, Any]:
    """Shares refused or failed, by rule and measure, and of the bad ones that are named rightly."""
    bad, good = [r for r in rows if r["defect"]], [r for r in rows if not r["defect"]]

    def fails(row: dict[str, Any], key: str) -> bool:
        share = row["shares"].get(key)
        return row["refused"] or (share is not None and share < threshold)

    keys = [f"{rule} {measure}" for rule in RULES for measure in MEASURES]
    named = [r for r in bad if r["refused"] or set(r["named"]) & set(r["codes"])]
    caught = [r for r in bad if r in named or fails(r, DEFAULT)]
    return {
        "good": len(good),
        "bad": len(bad),
        "not trained": {
            key: {
                "bad": interval(sum(fails(row, key) for row in bad), len(bad)),
                "good": interval(sum(fails(row, key) for row in good), len(good)),
            }
            for key in keys
        },
        "refused, not trained by default, or named rightly": interval(len(caught), len(bad)),
        "refused or named rightly": interval(len(named), len(bad)),
        "good ones under any suspicion": interval(
            sum(any(c >= "RS5" for c in r["codes"]) for r in good), len(good)
        ),
        "by defect": {
            name: f"{sum(r in caught for r in bad if r['defect'] == name)} of {n}, named "
            f"{sum(r in named for r in bad if r['defect'] == name)}"
            for name, n in Counter(r["defect"] for r in bad).items()
        },
    }


def time_of_one() -> dict[str, float]:
    """Milliseconds of one comparison over 200 trajectories of 200 steps: of the arrays, and with
    the program's run.
    """
    task = rs.load_task("mountain-car")
    look, rng, found = collect_preflight(task), np.random.default_rng(0), []
    for n in range(200):
        place = rng.normal(size=201).cumsum() / 100
        fields = {"position": place, "velocity": np.diff(place, append=place[-1])}
        episode = Episode(
            fields, rng.integers(3, size=200), np.full(200, -1.0), bool(n % 2), not n % 2
        )
        found.append(Trajectory(episode, float(place.max()), bool(n % 2), "random"))
    bank = Bank(found)
    source = (
        "def reward(position, next_position):\n    return {'progress': next_position - position}\n"
    )
    verdict = check_against_preflight(source, look.report, look.transitions)
    whole, arrays = [], []
    for _ in range(21):
        begun = time.perf_counter()
        paid = apply_to_bank(CheckedProgram.of(source, verdict), bank, 0.99)
        middle = time.perf_counter()
        paid.agreement("above-best-failure", "mean")
        arrays.append(1e3 * (time.perf_counter() - middle))
        whole.append(1e3 * (time.perf_counter() - begun))
    return {
        "arrays": float(np.median(arrays)),
        "with the program's process": float(np.median(whole[1:])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as runs:
        for name in TASKS:
            task = rs.load_task(name)
            look, bank = collect_preflight(task), bank_of(task, Path(runs))
            programs = list(good_programs(task))
            cases = [Case(name, "", (), source) for source in programs]
            cases += [case for source in programs for case in damaged(task, source, look, bank)]
            rows += [told(task, case, look, bank) for case in cases]
            others += [told(task, case, look, bank) for case in independent(task)]
            print(
                name,
                len(bank),
                "trajectories,",
                len(programs),
                "programs,",
                len(cases),
                "cases",
                flush=True,
            )
    result = {
        "cores": os.cpu_count(),
        "time_ms": time_of_one(),
        **summary(rows),
        "by another writer": summary(others),
        "cases": rows,
        "cases by another writer": others,
    }
    print(
        json.dumps(
            {key: value for key, value in result.items() if not key.startswith("cases")}, indent=1
        )
    )
    if given.output:
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
