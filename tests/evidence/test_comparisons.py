"""What scripted judges answer about clips."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rewardsmith.evidence.comparisons import ScriptedJudge
from rewardsmith.evidence.judged import Clips
from rewardsmith.run.judgements import Clip
from rewardsmith.run.orders import Compare
from rewardsmith.task.fitness import Fitness
from rewardsmith.types import Episode


def episode(*rewards: float) -> Episode:
    zeros = np.zeros((len(rewards), 1))
    return Episode({}, zeros, np.array(rewards), terminated=False, truncated=True)


def judge(*episodes: Episode, **order: object) -> tuple[ScriptedJudge, list[Clip]]:
    names = [Clip("p", 0, "selection", place) for place in range(len(episodes))]
    asked = Compare(0, "native", 10, **order)  # type: ignore[arg-type]
    clips = Clips(tuple(names), episodes)
    return ScriptedJudge(clips, asked, lambda one: Fitness(-one.native_rewards[0], None)), names


def test_the_sum_of_native_rewards_or_the_fitness_decides() -> None:
    native, names = judge(episode(1.0, 5.0), episode(2.0, 0.0), episode(6.0, 0.0))
    answers = [native.judgement(pair).answer for pair in itertools.combinations(names, 2)]
    assert answers == ["first", "same", "second"]


def test_a_part_is_judged_by_its_own_steps() -> None:
    episodes = episode(9.0, 0.0, 1.0), episode(0.0, 2.0, 2.0)
    names = tuple(Clip("p", 0, "selection", place, start=1, steps=2) for place in (0, 1))
    order = Compare(0, "native", 1, steps=2)
    found = ScriptedJudge(Clips(names, episodes), order, lambda _: Fitness(0.0, None))
    assert found.judgement((names[0], names[1])).answer == "second"


@pytest.mark.parametrize("seed", range(3))
def test_flips_reverse_that_share_of_the_answers(seed: int) -> None:
    episodes = [episode(float(value)) for value in range(40)]
    fair, names = judge(*episodes, seed=seed)
    noisy, _ = judge(*episodes, seed=seed, flips=0.2)
    pairs = list(itertools.combinations(names, 2))
    differ = [fair.judgement(pair).answer != noisy.judgement(pair).answer for pair in pairs]
    assert len(pairs) == 780 and 0.15 <= np.mean(differ) <= 0.25
