"""How a training that was interrupted goes on: its state is saved now and then, and put back.

The state of an agent is what its learner, its normalisation and its record hold, and how its
environments come to where they are: the episodes under way are played again. If what comes out is
the same, bit for bit, the training goes on as if nothing had happened; if not, new episodes begin.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecNormalize

from rewardsmith.errors import BoundaryError
from rewardsmith.run.training_state import write_state
from rewardsmith.run.trials import Continued
from rewardsmith.task.loading import Task
from rewardsmith.train.agent import Agent
from rewardsmith.train.learner import restore_statistics, statistics_of
from rewardsmith.train.replaying import stream_state
from rewardsmith.train.rollout_reward import RolloutNormalize
from rewardsmith.train.vectors import RecordedVecEnv, derived_seed
from rewardsmith.types import Array, TrainingState

FIRST_S = 10.0  # a training that takes less is not saved
SHARE = 0.02  # of the time of a training that saving may take


class Saver:
    """Says when a training is saved, so that saving takes little of its time."""

    def __init__(self) -> None:
        self._begun, self._spent, self._latest, self._works = time.monotonic(), 0.0, 0.0, True

    @property
    def is_due(self) -> bool:
        """Whether there is time to save now."""
        elapsed = time.monotonic() - self._begun
        affordable = self._spent + self._latest <= SHARE * elapsed
        return self._works and elapsed >= FIRST_S and affordable

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Take the time; if the disk refuses, the training goes on and is not saved any more."""
        begun = time.monotonic()
        try:
            yield
        except OSError as error:
            self._works = False
            logging.getLogger(__name__).warning("the training is not saved any more: %s", error)
        self._latest = time.monotonic() - begun
        self._spent += self._latest


def can_go_on(agent: Agent) -> bool:
    """Whether an agent can be saved: not if a term, a prior or an exploiter has a state."""
    plain = agent.q_prior is None and agent.exploiter is None
    return plain and not agent.rewarded.reward.observing


def save(agent: Agent, task: Task, learner: TrainingState, taken: Mapping[str, Any]) -> None:
    """Write the state of an agent, whose finished episodes are all in its curve.

    Args:
        taken: environment steps and seconds.

    Raises:
        OSError: the disk refuses.
    """
    state = TrainingState.joined(
        learner=learner,
        taken=TrainingState({}, taken),
        environments=_environments(agent).under_way.state(),
        latest=_latest(_environments(agent)),
        rewarded=agent.rewarded.state(),
        normalisation=_normalisation(agent),
        record=agent.record.state(),
    )
    write_state(agent.folder, agent.job.digest(task.digest), state)


def steps_of(state: TrainingState) -> int:
    """Environment steps after which a training was saved."""
    return int(state.facts["taken"]["steps"])


def put_back(agent: Agent, state: TrainingState) -> bool:
    """Put an agent into a state, but for its learner.

    Returns:
        Whether its environments are where they were; if not, they must be reset.
    """
    exact = _put_back_environments(agent, state)
    agent.record.restore(state.part("record"))
    agent.record.continued.append(Continued(steps=steps_of(state), exact=exact))
    normalisation = state.part("normalisation")
    restore_statistics(agent.venv, normalisation.arrays)
    if exact:
        agent.rewarded.restore(state.part("rewarded"))
        _restore_returns(agent, normalisation.arrays)
    else:
        seed = derived_seed("environments", agent.job.seed, steps_of(state))
        _environments(agent).seed(seed)
    agent.earlier_s = state.facts["taken"]["wall_s"]
    return exact


def _put_back_environments(agent: Agent, state: TrainingState) -> bool:
    """Replay the episodes under way; whether all that can be seen of the result is as before."""
    environments = _environments(agent)
    environments.under_way.restore(state.part("environments"))
    try:
        environments.replay()
    except BoundaryError:
        return False
    saved, found = state.part("latest"), _latest(environments)
    same = (_same(saved.arrays[name], array) for name, array in found.arrays.items())
    return saved.facts == found.facts and all(same)


def _latest(environments: RecordedVecEnv) -> TrainingState:
    """Where the environments are, as far as can be seen."""
    obs = environments.latest
    parts = obs if isinstance(obs, dict) else {"": obs}
    arrays = {f"obs/{key}": np.asarray(part) for key, part in parts.items()}
    recorded = {f"before/{at}": rows for at, rows in enumerate(environments.buffers.before)}
    streams = [stream_state(stream) for stream in environments.streams]
    return TrainingState({**arrays, **recorded}, {"streams": streams})


def _same(one: Array, other: Array) -> bool:
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _normalisation(agent: Agent) -> TrainingState:
    arrays, venv = statistics_of(agent.venv), agent.venv
    if isinstance(venv, RolloutNormalize):
        arrays["carried"] = venv.carried
    elif isinstance(venv, VecNormalize):
        arrays["carried"] = venv.returns
    return TrainingState({name: np.asarray(array) for name, array in arrays.items()}, {})


def _restore_returns(agent: Agent, arrays: Mapping[str, Array]) -> None:
    """Put back the discounted returns of the episodes under way."""
    venv = agent.venv
    if isinstance(venv, RolloutNormalize):
        venv.carried = arrays["carried"].copy()
    elif isinstance(venv, VecNormalize):
        venv.returns = arrays["carried"].copy()


def _environments(agent: Agent) -> RecordedVecEnv:
    base = agent.rewarded.unwrapped
    assert isinstance(base, RecordedVecEnv), "VecReward checks this"
    return base
