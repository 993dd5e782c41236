"""A trained policy's episodes, in a process that never ran generated code.

Checkpoints are ranked on ranking episodes, by those terms of their reward that rank; the fitness of
the chosen one is then measured on other seeds. So neither the ranking nor a lucky checkpoint can
raise the score.

For the bank, selection trials also leave behaviour between random and trained: episodes of every
checkpoint, and episodes of the chosen one disturbed by random actions, as in D-REX (Brown et al.
2019, arXiv 1907.03976).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rewardsmith.episodes.columns import episode_columns, joined_columns
from rewardsmith.episodes.files import ALONG, EPISODES, REWARDS, save_episodes, save_output
from rewardsmith.errors import ProgramError
from rewardsmith.maths.shaping import NEVER, first_steps
from rewardsmith.run.trials import (
    RANKING_EPISODES,
    RESULT,
    TRAINED,
    TrainedReport,
    TrialJob,
    TrialResult,
    write_json,
)
from rewardsmith.task.fitness import Fitness, fitness_function
from rewardsmith.task.loading import Task
from rewardsmith.terms.reward import Reward
from rewardsmith.train.exploiter import kept_failures
from rewardsmith.train.playing import Player
from rewardsmith.train.rewards import LARGEST
from rewardsmith.train.trainers import OpenFunctions, RunningFunctions
from rewardsmith.train.vectors import derived_seed
from rewardsmith.types import Episode

_KEPT_OF_EACH = 2  # episodes of a checkpoint


def run_evaluation(
    task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions
) -> TrialResult:
    """Choose a checkpoint, measure its fitness, and write ``result.json``.

    Raises:
        BoundaryError: the environment failed, or a checkpoint cannot be read.
    """
    begun = time.monotonic()
    trained = TrainedReport.model_validate_json((folder / TRAINED).read_text(encoding="utf-8"))
    if trained.status == "program_failed":
        result = _failed(trained, trained.steps, trained)
    else:
        result = _measured(task, job, folder, trained, open_functions)
    wall_s = trained.wall_s + time.monotonic() - begun
    result = result.model_copy(update={"wall_s": wall_s, "continued": trained.continued})
    write_json(folder / RESULT, result)
    return result


def _failed(trained: TrainedReport, steps: int, why: TrainedReport | ProgramError) -> TrialResult:
    return TrialResult(
        digest=trained.digest,
        status="program_failed",
        steps=steps,
        message=why.message,
        line=why.line,
    )


def _measured(
    task: Task,
    job: TrialJob,
    folder: Path,
    trained: TrainedReport,
    open_functions: OpenFunctions,
) -> TrialResult:
    try:
        ranked = _ranked(task, job, folder, trained, open_functions)
    except ProgramError as error:  # it could not be started
        return _failed(trained, trained.steps, error)
    measure, taken = fitness_function(task), trained.steps + ranked.steps
    if ranked.broken is not None:
        return _failed(trained, taken, ranked.broken)
    best, reward = ranked.best, ranked.functions.reward
    if job.exploiter is not None:
        along = [episode for each in ranked.played.values() for episode in each]
        save_episodes(folder / ALONG, [*kept_failures(folder), *along])
        measured = [measure(episode) for episode in ranked.played[best]]
        return _finished(trained, best, measured, taken)
    if job.rung == "selection":
        along = [episode for each in ranked.played.values() for episode in each[:_KEPT_OF_EACH]]
        save_episodes(folder / ALONG, [*along, *ranked.disturbed])
    seed, plan = derived_seed("evaluation", job.rung, job.seed), job.evaluation
    with closing(
        Player(task, job.training, 1, plan.episodes, lambda _: ranked.functions)
    ) as player:
        (rollout,) = player.play(folder, [best], seed, plan.deterministic)
    taken += rollout.steps
    save_episodes(folder / EPISODES, rollout.episodes)
    try:
        _save_rewards(folder, reward.of_any_columns(), rollout.episodes)
        reached = _reached(reward, rollout.episodes)
    except ProgramError as error:
        return _failed(trained, taken, error)
    validation = [measure(episode).value for episode in ranked.played[best]]
    measured = [measure(episode) for episode in rollout.episodes]
    more = {"own_return": ranked.returns[best], "validation": validation, "reached": reached}
    return _finished(trained, best, measured, taken).model_copy(update=more)


@dataclass
class _Ranked:
    """The checkpoints of a training, played and ranked.

    Attributes:
        functions: of the trial.
        returns, played: checkpoint -> mean return, and its episodes.
        disturbed: episodes of the best checkpoint with random actions among its own.
        broken: how the program failed on these episodes.
    """

    functions: RunningFunctions
    returns: dict[str, float] = field(default_factory=dict)
    played: dict[str, list[Episode]] = field(default_factory=dict)
    disturbed: list[Episode] = field(default_factory=list)
    steps: int = 0
    broken: ProgramError | None = None

    @property
    def best(self) -> str:
        """The checkpoint with the highest return; of equal ones the later."""
        return max(self.returns, key=lambda name: (self.returns[name], name))


def _ranked(
    task: Task,
    job: TrialJob,
    folder: Path,
    trained: TrainedReport,
    open_functions: OpenFunctions,
) -> _Ranked:
    """Play every checkpoint.

    Raises:
        ProgramError: the program could not be started.
    """
    seed, deterministic = derived_seed("ranking", job.rung, job.seed), job.evaluation.deterministic
    names = trained.checkpoints
    with closing(
        Player(task, job.training, len(names), RANKING_EPISODES, open_functions)
    ) as player:
        ranked = _Ranked(player.functions)
        rollouts = player.play(folder, names, seed, deterministic)
        reward = ranked.functions.reward.ranking()
        try:
            for name, rollout in zip(names, rollouts, strict=True):
                ranked.steps += rollout.steps
                ranked.played[name] = rollout.episodes
                ranked.returns[name] = mean_return(reward, rollout.episodes)
        except ProgramError as error:
            ranked.broken = error
            return ranked
        if job.rung == "selection" and job.exploiter is None:
            (rollout,) = player.play(folder, [ranked.best], seed, deterministic, disturbed=True)
            ranked.steps += rollout.steps
            ranked.disturbed = rollout.episodes
    return ranked


def _finished(
    trained: TrainedReport, checkpoint: str, measured: Sequence[Fitness], steps: int
) -> TrialResult:
    successes = [bool(m.success) for m in measured] if measured[0].success is not None else None
    return TrialResult(
        digest=trained.digest,
        status="finished",
        checkpoint=checkpoint,
        fitness=[m.value for m in measured],
        successes=successes,
        steps=steps,
    )


def _save_rewards(folder: Path, reward: Reward, episodes: list[Episode]) -> None:
    """Write the rewards of evaluation episodes, unless they are the environment's own alone."""
    if not reward.is_native:
        save_output(folder / REWARDS, reward(joined_columns(episodes, reward.arguments)))


def _reached(reward: Reward, episodes: list[Episode]) -> dict[str, list[int | None]]:
    """The step of each episode after which each shown condition first held, from 1."""
    term = reward.shown
    if term is None:
        return {}
    truth = term.holds(joined_columns(episodes, term.arguments))
    lengths = np.array([len(episode) for episode in episodes])
    found = {}
    for name, values in truth.items():
        steps = first_steps(values, lengths)
        found[name] = [None if step == NEVER else int(step) + 1 for step in steps]
    return found


def mean_return(reward: Reward, episodes: list[Episode]) -> float:
    """Mean undiscounted return of episodes.

    Args:
        reward: the terms by which checkpoints are ranked.

    Raises:
        ProgramError: the program breaks on them, or a reward is not finite, or too large.
    """
    return float(np.mean([_own_return(reward, episode) for episode in episodes]))


def _own_return(reward: Reward, episode: Episode) -> float:
    total = reward(episode_columns(episode, reward.arguments)).total
    if not (np.abs(total) <= LARGEST).all():
        raise ProgramError(
            "the reward is not finite, or huge, on an evaluation episode",
            "guard divisions",
            reason="output",
        )
    return float(total.sum())
