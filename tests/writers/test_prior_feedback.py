"""Where a prior on Q disagrees with the learned values, and the feedback about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewardsmith as rs
from rewardsmith.evidence.prior import (
    Ordering,
    PriorValues,
    agreement,
    ordering,
    ordering_concerns,
    returns_from_there,
    state_agreement,
)
from rewardsmith.llm.replay import Tape
from rewardsmith.task.loading import load_task
from rewardsmith.types import Episode
from rewardsmith.writers.feedback.prior import MOST_ROWS, prior_feedback
from tests.support.line_runs import recorded
from tests.support.lineworld import write_task
from tests.support.preflights import argument

SEEN = {"position": argument(0.0, 1.0)}


def believed(taken: Any, others: Any) -> PriorValues:
    taken, others = np.asarray(taken, float), np.asarray(others, float)
    return PriorValues(taken, others, np.zeros(len(taken)))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.floats(-5, 5), st.floats(0.1, 5))
def test_agreement_is_about_order_alone(taken: list[float], shift: float, scale: float) -> None:
    values = np.round(np.array(taken), 2)
    others = np.random.default_rng(0).normal(size=(len(values), 5)).round(2)
    share = agreement(believed(values, others))
    assert 0 <= share <= 1
    assert agreement(believed(scale * values + shift, scale * others + shift)) == pytest.approx(
        share, abs=1e-9
    )
    assert agreement(believed(-values, -others)) == pytest.approx(1 - share)
    assert agreement(believed(values, np.repeat(values[:, None], 3, axis=1))) == 0.5


def test_values_of_states_and_of_actions_are_reported_separately() -> None:
    """Wrong in every state about the action, and right about all states."""
    ends = np.zeros(20)
    ends[-1] = 1.0
    episode = Episode({"position": np.linspace(0, 1, 21)}, np.ones((20, 1)), ends, True, False)
    worth = 0.9 ** np.arange(19, -1, -1)
    assert np.allclose(returns_from_there([episode, episode], 0.9), [*worth, *worth])
    told = prior_feedback(
        believed(worth - 0.01, (worth + 0.01)[:, None]), [episode], ["position"], SEEN, 0.9
    )
    assert told.share == 0.0 and told.states == pytest.approx(1.0)
    assert state_agreement(believed(-worth, -worth[:, None]), worth) == pytest.approx(-1.0)
    assert state_agreement(believed(0 * worth, 0 * worth[:, None]), worth) is None


def test_what_a_time_limit_cuts_off_is_no_order_of_states() -> None:
    """A reward of 1 per step without end: all states have the same value, except for the time limit."""
    still, one_each = {"position": np.zeros(201)}, np.ones(200)
    for truncated in (True, False):
        episode = Episode(still, one_each[:, None], one_each, not truncated, truncated)
        unknown = np.isnan(returns_from_there([episode], 0.9))
        assert unknown.sum() == (28 if truncated else 0) and not unknown[:172].any(), (
            "0.9 to the 28th is 0.052"
        )
    values = np.linspace(0, 1, 200)
    cut = Episode(still, one_each[:, None], one_each, False, True)
    assert (
        state_agreement(believed(values, values[:, None]), returns_from_there([cut], 1.0)) is None
    )


def test_a_prior_that_prefers_what_bad_behaviour_does_is_suspected() -> None:
    """Three episodes of four steps; the first is the good one."""
    lengths, better = np.array([4, 3, 5, 4, 4, 4]), np.array([True] * 3 + [False] * 3)
    others = np.where(np.repeat(better, lengths)[:, None], 1.0, -1.0) * np.ones(3)
    backwards = ordering(believed(np.zeros(24), others), lengths, better)
    assert backwards.good.tolist() == [0.0] * 3 and backwards.bad.tolist() == [1.0] * 3
    (concern,) = ordering_concerns(backwards)
    assert (
        concern.code == "RS510"
        and "0% of the other actions, in bad episodes 100%" in concern.message
    )
    assert not ordering_concerns(ordering(believed(np.zeros(24), -others), lengths, better))
    assert not ordering_concerns(Ordering(backwards.good[:2], backwards.bad)), "too few to tell"
    assert not ordering_concerns(Ordering(np.array([0.2, 0.5, 0.6]), np.array([0.4, 0.6, 0.5]))), (
        "as by chance"
    )


def test_the_states_are_shown_in_which_it_is_most_wrong() -> None:
    episode = Episode(
        {"position": np.linspace(0, 1, 61)}, np.ones((60, 1)), np.zeros(60), True, False
    )
    gaps = np.zeros(60)
    gaps[[3, 5, 30]] = 1.0, 2.0, 3.0
    told = prior_feedback(believed(np.zeros(60), gaps[:, None]), [episode], ["position"], SEEN, 0.9)
    assert told.columns == ["position"] and told.steps == 60
    shown = [(round(float(row.cells[0]) * 60), row.gap) for row in told.rows]
    assert shown == [(30, 3.0), (5, 2.0)], (
        "the largest first; what is a few steps away is the same place"
    )
    assert (
        prior_feedback(believed(np.ones(60), np.zeros((60, 2))), [episode], [], SEEN, 0.9).rows
        == []
    )
    many = prior_feedback(believed(np.zeros(60), np.ones((60, 1))), [episode], [], SEEN, 0.9)
    assert len(many.rows) == MOST_ROWS


@pytest.mark.parametrize("discrete", [True, False], ids=["DQN", "SAC"])
def test_feedback_shows_where_a_prior_is_wrong(tmp_path: Path, discrete: bool) -> None:
    """The prior prefers left, but the goal is on the right, which DQN learns in so few steps."""
    if discrete:
        prior = "def q_prior(position):\n    return np.stack([1 - position, -position, -1 - position], axis=1)\n"
    else:
        prior = "def q_prior(position, action):\n    return -action[:, 0] - position\n"
    reply = f"```python\nimport numpy as np\n\n\n{prior}```"
    training = {
        "algorithm": "DQN" if discrete else "SAC", "n_envs": 1, "normalise_observations": False,
        "normalise_reward": False,
        "hyperparameters": {"n_steps": 1, "batch_size": 32, "n_epochs": None, "gamma": 0.95, "learning_starts": 50,
            "policy_kwargs": {"net_arch": [8]}},
    }  # fmt: skip
    training["hyperparameters"].pop("n_epochs")  # type: ignore[attr-defined]
    folder = write_task(tmp_path / "line", discrete=discrete)
    text = (
        (folder / "task.toml")
        .read_text()
        .replace("n_epochs = 2\n", "")
        .replace("n_steps = 16\n", "n_steps = 1\n")
    )
    (folder / "task.toml").write_text(text)
    run = rs.design(
        load_task(folder), strategy="qshape", produce="q_prior", training=training, report_seeds=0, steps=1500,
        replies=recorded([{"round": n, "sample": 0, "text": reply} for n in range(2)]),
        options={"rounds": 2, "samples": 1, "seeds": 1, "share": 1.0}, runs=tmp_path / "runs",
    )  # fmt: skip
    told = list(Tape(run.folder.llm_log))[-1].request.messages[-1].content
    assert (
        "Your prior on Q was tested** in 1 training" in told and "It was accepted in 0 of 1" in told
    )
    assert (
        "What your prior on Q says of" in told
        and "Where it disagrees most, before the step" in told
    )
    share = int(told.partition("at least as much as ")[2].partition("%")[0])
    assert share < (50 if discrete else 101), told
    assert "| the agent did | the prior would |" in told
    if discrete:  # SAC's agent earns nothing anywhere in so few steps: no order of states is known
        assert "Its values of states, averaged over actions" in told
