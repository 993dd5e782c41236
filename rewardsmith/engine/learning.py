"""Learn orders -> a reward that is fitted to judgements.

The weights are in the folder of the learned reward before its event is recorded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rewardsmith.engine.workers.executor import Call, Resources
from rewardsmith.episodes.columns import episode_columns, stacked
from rewardsmith.episodes.preflight import Argument, Preflight
from rewardsmith.errors import UsageError
from rewardsmith.evidence.judged import Clips, clips_of
from rewardsmith.journal import disk_error
from rewardsmith.learned.model import Input, RewardModel
from rewardsmith.learned.settings import FitSettings
from rewardsmith.program import CheckedProgram, EntryPoint, Program, Verdict
from rewardsmith.run.folder import FITTED, SEGMENTS, RunFolder
from rewardsmith.run.judge_events import Learned
from rewardsmith.run.judgements import Clip, Judgement
from rewardsmith.run.orders import Learn
from rewardsmith.run.seals import seal_of
from rewardsmith.run.state import RunState
from rewardsmith.terms.specs import candidate_id, program_terms
from rewardsmith.types import Array, Slot

LEAST_PAIRS = 5  # judged pairs with a better clip, below which nothing is fitted
_SEEDS = 1000  # of the fits of one run
_WIDEST = 64  # numbers of a field that a learned reward reads
_LABELS = {"first": 1.0, "second": 0.0, "same": 0.5}


class Fits:
    """Fits rewards to the judgements of a run.

    Args:
        needs: what a fit needs of the machine.
    """

    def __init__(self, run: RunFolder, preflight: Preflight, needs: Resources) -> None:
        self._run = run
        self._preflight = preflight
        self._needs = needs

    def call(self, order: Learn, state: RunState) -> Call | None:
        """The call that fits, with its input on the disk; None if there are too few judgements.

        Raises:
            UsageError: the task offers no field of numbers.
            RunError: the disk is full or read-only.
        """
        judged = [one for one in state.known_judgements() if one.answer in _LABELS]
        clips = clips_of(self._run, sorted({clip for one in judged for clip in one.pair}))
        known = [one for one in judged if {*one.pair} <= {*clips.names}]
        if sum(one.better is not None for one in known) < LEAST_PAIRS:
            return None
        inputs = self._inputs()
        arrays = _arrays(clips, known, inputs)
        folder = self._run.learning_folder(order.round)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(folder / SEGMENTS, **arrays)  # type: ignore[arg-type]
        except OSError as error:
            raise disk_error(folder, error) from error
        name = folder.relative_to(self._run.path).as_posix()
        # Sums, because a clip is shorter than others only where an episode ends: its length counts.
        settings = FitSettings(
            form=order.form,
            reduction="sum",
            members=order.members,
            pessimism=order.pessimism,
            seed=_SEEDS * order.seed + order.round,
        )
        return Call(
            name="learn",
            root=self._run.path.resolve(),
            reads=(self._run.task_folder.name,),
            writes=(name,),
            log=f"{name}/out.log",
            needs=self._needs,
            arguments={
                "inputs": [one.model_dump() for one in inputs],
                "settings": settings.model_dump(),
            },
        )

    def learned(self, order: Learn) -> Learned:
        """The event of a finished fit; the program is in its folder."""
        found = json.loads((self._run.learning_folder(order.round) / FITTED).read_text())
        model = RewardModel.model_validate(found["model"])
        program = self._candidate(order, model, found)
        self._run.write_lineage(
            Program(program.id, program.source, Slot(order.round, 0), _beside(order))
        )
        self._run.write_program(program)
        return Learned(
            round=order.round,
            program=program.id,
            beside=order.beside,
            pairs=found["pairs"],
            accuracy=found["accuracy"],
            seal=seal_of(self._run.program(program.id)),
            size=program.size,
        )

    def _candidate(self, order: Learn, model: RewardModel, found: dict[str, Any]) -> CheckedProgram:
        """The program with the learned reward beside it, or the learned reward alone."""
        entry = EntryPoint("learned", model.arguments, "")
        if order.beside is None:
            verdict, source = Verdict("accepted"), _description(model, found)
        else:
            checked = self._run.program(order.beside)
            verdict, source = checked.verdict, checked.source
        entries = {**verdict.entries, "learned": entry}
        verdict = replace(verdict, entries=entries)
        terms = program_terms(source, verdict.entries, verdict.style, model)
        return CheckedProgram(candidate_id(terms), source, verdict, model)

    def _inputs(self) -> list[Input]:
        """What a learned reward reads: the fields after a step, whether it ends, and the action."""
        offered = self._preflight.arguments
        names = [name for name in offered if name.startswith("next_") and _is_read(offered[name])]
        named = [name for name in names if name != "next_obs"] or names
        if not named:
            raise UsageError(
                "a learned reward reads fields of numbers, and this task offers none",
                "add fields to the task: [[fields]]",
            )
        # How an episode ends shows in no field where the last step changes none.
        ends = ["terminated"] if "terminated" in offered and self._preflight.ended > 0 else []
        read = [_input(name, offered[name]) for name in (*named, *ends)]
        action, categories = offered.get("action"), self._preflight.n_actions or 0
        if action is not None and _is_read(action):
            read.append(_input("action", action, categories))
        return read


def _beside(order: Learn) -> tuple[str, ...]:
    return (order.beside,) if order.beside is not None else ()


def _arrays(clips: Clips, judged: Sequence[Judgement], inputs: Sequence[Input]) -> dict[str, Array]:
    """The columns of the clips one after the other, and the judged pairs."""
    names = [one.name for one in inputs]
    parts = [
        _part(clip, episode_columns(episode, names))
        for clip, episode in zip(clips.names, clips.episodes, strict=True)
    ]
    arrays = {f"columns/{name}": values for name, values in stacked(parts, names).items()}
    arrays["lengths"] = np.array([len(part[names[0]]) for part in parts])
    arrays["first"] = np.array([clips.place(one.first) for one in judged])
    arrays["second"] = np.array([clips.place(one.second) for one in judged])
    arrays["label"] = np.array([_LABELS[one.answer] for one in judged])
    return arrays


def _part(clip: Clip, columns: dict[str, Array]) -> dict[str, Array]:
    return {name: values[clip.span] for name, values in columns.items()}


def _is_read(argument: Argument) -> bool:
    size = int(np.prod(argument.shape))
    return not argument.words and 0 < size <= _WIDEST and argument.dtype[:1] in "biuf"


def _input(name: str, argument: Argument, categories: int = 0) -> Input:
    return Input(name=name, size=int(np.prod(argument.shape)), categories=categories)


def _description(model: RewardModel, found: dict[str, Any]) -> str:
    """The text in place of the source of a learned reward."""
    lines = [
        f"A reward learned from {found['pairs']} judged pairs of clips.",
        f"It reads {', '.join(model.arguments)}.",
    ]
    if found["accuracy"] is not None:
        lines.append(
            f"Of the pairs that were kept back, it orders {found['accuracy']:.0%} as judged."
        )
    return '"""' + "\n\n".join([lines[0], "\n".join(lines[1:])]) + '\n"""\n'
