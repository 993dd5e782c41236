"""A program's prior on Q: whether it proved itself, and what it says of known behaviour and of the best agent's."""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardsmith.bank import Bank
from rewardsmith.engine.judging import read_verdict
from rewardsmith.episodes import EPISODES, episode_columns, load_episodes
from rewardsmith.feedback.prior import Believed, Ordering, ordering, prior_rows
from rewardsmith.look import shapes_in
from rewardsmith.maths.preference import better_half
from rewardsmith.program import NATIVE, EntryPoint, Verdict
from rewardsmith.sandbox.host import ProgramHost
from rewardsmith.state import RunState, TrialState
from rewardsmith.store import RunFolder
from rewardsmith.train.jobs import TRAINED, TrainedReport
from rewardsmith.types import Array, Columns, Episode

OTHERS = 8  # actions of a box that are asked about in each state
_AT_ONCE = 8192
_NOTHING: dict[str, Any] = {"steps": 0, "rows": [], "tried": None}


def prior_feedback(run: RunFolder, state: RunState, program: str) -> dict[str, Any]:
    """Values of ``shared/prior``; of a program without a prior, or where nothing was learned yet, nothing to tell.

    Raises:
        BoundaryError: the sandbox failed.
    """
    best = _best_agent(state, program)
    if "q_prior" not in state.functions.get(program, ()) or best is None:
        return _NOTHING
    path = run.trial_folder(best.program, best.rung, best.seed) / EPISODES
    if not path.exists():
        return _NOTHING
    episodes, verdict = load_episodes(path), read_verdict(run, program)
    assert state.preflight is not None
    believed = _believed(run.program_source(program), verdict.entries["q_prior"], episodes, state.preflight)
    gamma = run.task().spec.training.gamma
    told = prior_rows(believed, episodes, verdict.fields_read, state.preflight["arguments"], gamma)
    who = "the agent that learned from the environment's own reward" if best.program == NATIVE else "the best agent"
    return {"who": who, "fitness": best.fitness, "tried": _tried(run, state, program), **told}


def _tried(run: RunFolder, state: RunState, program: str) -> dict[str, Any] | None:
    """What became of it where it had to prove itself, in all trainings that are over, also as a program of its own."""
    trials = [trial for name in (program, *_parts(state, program)) for trial in state.trials_of(name, "selection")]
    paths = [run.trial_folder(trial.program, trial.rung, trial.seed) / TRAINED for trial in trials]
    reports = [TrainedReport.model_validate_json(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    outcomes = [report.prior for report in reports if report.prior is not None]
    if not outcomes:
        return None
    led, own = (_mean([getattr(outcome, whose) for outcome in outcomes]) for whose in ("led", "own"))
    believed = sum(outcome.believed for outcome in outcomes)
    return {"trainings": len(outcomes), "believed": believed, "led": led, "own": own}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def prior_ordering(source: str, verdict: Verdict, bank: Bank, preflight: dict[str, Any]) -> Ordering | None:
    """How an accepted program's prior orders the actions of a bank; None without a prior, or without contrast.

    Raises:
        ProgramError: the program broke on it.
        BoundaryError: the sandbox failed.
    """
    better = better_half(bank.fitness, bank.successes)
    if "q_prior" not in verdict.entries or better is None:
        return None
    return ordering(_believed(source, verdict.entries["q_prior"], bank.episodes, preflight), bank.lengths, better)


def _parts(state: RunState, program: str) -> list[str]:
    return [part for (whole, _), part in state.derived.items() if whole == program and part is not None]


def _best_agent(state: RunState, program: str) -> TrialState | None:
    """Of the program, its functions alone and the native reward: what did best is the evidence."""
    names = (program, *_parts(state, program), NATIVE)
    trials = [trial for name in names for trial in state.trials_of(name, "selection")]
    scored = [trial for trial in trials if trial.fitness is not None]
    return max(scored, key=lambda trial: (trial.fitness, -trial.seed), default=None)


def _believed(source: str, entry: EntryPoint, episodes: list[Episode], preflight: dict[str, Any]) -> Believed:
    names = [name for name in entry.arguments if name != "action"]
    parts = [episode_columns(episode, [*names, "action"]) for episode in episodes]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in (*names, "action")}
    if preflight["n_actions"] is not None:
        return _of_choices(source, entry, columns, int(preflight["n_actions"]))
    return _of_a_box(source, entry, columns, preflight["arguments"]["action"])


def _of_choices(source: str, entry: EntryPoint, columns: dict[str, Array], n_actions: int) -> Believed:
    taken = columns["action"].astype(int).ravel()
    values = _asked(source, entry, columns).reshape(len(taken), n_actions)
    rows = np.arange(len(taken))
    other = np.arange(n_actions)[None, :] != taken[:, None]
    return Believed(values[rows, taken], values[other].reshape(len(taken), n_actions - 1), values.argmax(axis=1))


def _of_a_box(source: str, entry: EntryPoint, columns: dict[str, Array], action: dict[str, Any]) -> Believed:
    """Beside what was done, some actions drawn evenly over the range that random behaviour had."""
    done = columns["action"]
    shape = (len(done), OTHERS, *done.shape[1:])
    low, high = action["range"]
    drawn = np.random.default_rng(0).uniform(low, high, shape).astype(done.dtype)
    all_of = np.concatenate([done[:, None], drawn], axis=1)
    repeated = {name: np.repeat(values, 1 + OTHERS, axis=0) for name, values in columns.items()}
    repeated["action"] = all_of.reshape(-1, *done.shape[1:])
    values = _asked(source, entry, repeated).reshape(len(done), 1 + OTHERS)
    return Believed(values[:, 0], values[:, 1:], all_of[np.arange(len(done)), values.argmax(axis=1)])


def _asked(source: str, entry: EntryPoint, columns: Columns) -> Array:
    with ProgramHost(source, entry, shapes_in(columns), capacity=_AT_ONCE) as host:
        return host({name: columns[name] for name in host.arguments}).total
