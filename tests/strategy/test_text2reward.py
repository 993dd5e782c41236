"""Text2Reward: one program, examples of other tasks, user feedback; and the bank of another run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewardsmith.api import runs as api
from rewardsmith.api.knowledge import similar_tasks
from rewardsmith.api.planning import plan
from rewardsmith.episodes.recording import play, record
from rewardsmith.errors import UsageError
from rewardsmith.llm.replay import Tape
from rewardsmith.run.bank import RunBank
from rewardsmith.run.events import fold
from rewardsmith.run.orders import Stop, Turn, Write
from rewardsmith.run.user_events import Commented
from rewardsmith.strategy.text2reward import Text2Reward, Text2RewardOptions
from rewardsmith.task.loading import load_task, shipped_tasks
from rewardsmith.types import Slot
from rewardsmith.writers.examples import description, nearest, reward_alone
from tests.support.fake_executor import FakeExecutor
from tests.support.line_runs import recorded
from tests.support.lineworld import write_task
from tests.support.plays import checked, replied, trained

PROGRAMS = [
    "```python\ndef reward(position, next_position):\n    return {'progress': next_position - position}\n```",
    "```python\ndef reward(next_position):\n    return {'place': next_position}\n```",
]
REPLIES = [{"round": n, "sample": 0, "text": text} for n, text in enumerate(PROGRAMS)]


def test_it_asks_once_and_again_after_user_feedback() -> None:
    strategy = Text2Reward(Text2RewardOptions(), 100)
    events = [replied(Slot(0, 0)), checked(Slot(0, 0), "a"), trained("a", 0, 0.5)]
    assert isinstance(strategy.plan(fold(events))[0], Stop)
    events.append(Commented(program="a", words="It limps."))
    (write,) = strategy.plan(fold(events))
    assert isinstance(write, Write) and write.slot == Slot(1, 0)
    assert write.turns == (Turn("a", ("process", "user"), Slot(0, 0)),)


def test_user_feedback_reaches_the_writer(tmp_path: Path, executor: FakeExecutor) -> None:
    task = str(write_task(tmp_path / "line"))
    settings = {
        "replies": recorded(REPLIES),
        "strategy": "text2reward",
        "report_seeds": 0,
        "runs": tmp_path / "runs",
    }
    run = api.design(task, options={"rounds": 1}, **settings, executor=executor)  # type: ignore[arg-type]
    (program,) = run.state.programs
    assert run.say("Walk to the right, not to the left.") == program
    run = run.resume(executor=executor)
    assert len(run.state.programs) == 2 and run.state.requests == 2
    asked = list(Tape(run.folder.llm_log))[-1].request.messages[-1].content
    assert "> Walk to the right, not to the left." in asked
    assert len(run.resume(executor=executor).state.slots) == 2, "it was heard once"
    with pytest.raises(UsageError, match="the feedback is empty"):
        run.say("  ")
    with pytest.raises(UsageError, match="has no program zzz"):
        run.say("Well.", program="zzz")


def test_the_request_shows_a_class_and_a_reward_of_a_like_task(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    task = str(write_task(tmp_path / "line"))
    run = api.design(
        task,
        replies=recorded(REPLIES[:1]),
        strategy="text2reward",
        report_seeds=0,
        runs=tmp_path / "runs",
        executor=executor,
    )
    asked = next(iter(Tape(run.folder.llm_log))).request.messages[0].content
    assert (
        "position: np.ndarray  # scalar, m: where the walker is" in asked
        and "secret_distance" not in asked
    )
    assert asked.count("## A reward that an expert wrote") == 1 and "def policy" not in asked


def test_the_nearest_task_is_the_one_that_reads_alike() -> None:
    texts = {name: description(load_task(name).spec) for name in shipped_tasks()}
    others = {name: text for name, text in texts.items() if name != "mountain-car"}
    assert nearest(texts["mountain-car"], others, 1) == ["mountain-car-continuous"]
    assert nearest(texts["arm-reach"], {n: t for n, t in texts.items() if n != "arm-reach"}, 1) == [
        "arm-button"
    ]
    assert nearest("", {"b": "", "a": ""}, 2) == ["a", "b"]


@pytest.mark.parametrize("name", shipped_tasks())
def test_a_tasks_own_yardstick_is_never_shown(name: str) -> None:
    task = load_task(name)
    own = task.folder
    assert own is not None
    expert = own / "expert.py"
    for example in similar_tasks(task, 20):
        assert example.goal != task.goal
        assert not expert.is_file() or example.source != reward_alone(
            expert.read_text(encoding="utf-8")
        )


def test_of_an_experts_file_only_the_reward_is_shown() -> None:
    source = (
        '"""Yardstick."""\nimport numpy as np\nA = 1\nB = 2\n\ndef policy(obs):\n    return A\n\n'
        "def reward(x):\n    return {'x': used(x)}\n\ndef used(x):\n    return x * B\n"
    )
    shown = reward_alone(source)
    assert "policy" not in shown and "A = 1" not in shown
    assert all(part in shown for part in ("import numpy as np", "B = 2", "def reward", "def used"))
    with pytest.raises(ValueError, match="named reward"):
        reward_alone("x = 1")


def test_behaviour_from_elsewhere_is_known_from_the_beginning(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    folder = write_task(tmp_path / "line")
    (folder / "expert.py").write_text(
        "import numpy as np\n\ndef policy(obs):\n    return np.ones(1, np.float32)\n"
    )
    env = record(str(folder))
    play(env, lambda obs: env.action_space.sample(), 3)
    env.save(tmp_path / "mine.npz")
    runs = tmp_path / "runs"
    settings = {
        "replies": recorded(REPLIES[:1]),
        "strategy": "text2reward",
        "report_seeds": 0,
        "runs": runs,
    }
    run = api.design(
        str(folder), bank=[tmp_path / "mine.npz"], use_expert=True, **settings, executor=executor
    )  # type: ignore[arg-type]
    known = RunBank(run.folder).before(run.state, 0)
    origins = [found.origin for found in known.trajectories]
    assert origins.count("mine.npz") == 3 and origins.count("expert") == 8 and "random" in origins
    assert all(found.success for found in known.trajectories if found.origin == "expert")
    after = api.design(str(folder), bank=[run.path], **settings, executor=executor)  # type: ignore[arg-type]
    carried = RunBank(after.folder).before(after.state, 0)
    assert {found.origin for found in carried.trajectories} >= {"mine.npz", "expert", "random"}


def test_an_unusable_bank_is_an_error_before_anything_is_spent(tmp_path: Path) -> None:
    folder = str(write_task(tmp_path / "line"))
    other = record("mountain-car")
    play(other, lambda obs: other.action_space.sample(), 1)
    other.save(tmp_path / "car.npz")
    for settings, problem in (
        ({"use_expert": True}, "line has no controller"),
        ({"bank": [tmp_path / "nothing.npz"]}, "cannot read episodes"),
        ({"bank": [tmp_path / "car.npz"]}, "are of another task: expected actions"),
    ):
        with pytest.raises(UsageError, match=problem):
            api.design(folder, ask=True, runs=tmp_path / "runs", **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "runs").exists()


def test_a_run_of_another_task_is_no_bank(tmp_path: Path, executor: FakeExecutor) -> None:
    """The environment and the fields must be the same; the fitness is computed again."""
    replies, runs = recorded(REPLIES[:1]), tmp_path / "runs"
    run = api.design(
        str(write_task(tmp_path / "line")),
        replies=replies,
        strategy="text2reward",
        report_seeds=0,
        runs=runs,
        executor=executor,
    )
    changes = {
        "discrete": (
            "task.toml",
            "max_episode_steps = 10",
            "max_episode_steps = 10\nkwargs = { discrete = true }",
        ),
        "farther": ("env.py", "LENGTH = 1.0", "LENGTH = 1.5"),
        "mirrored": ("task.toml", 'source = "obs[0]"', 'source = "obs[1]"'),
    }
    for name, (file, before, after) in changes.items():
        folder = write_task(tmp_path / name)
        (folder / file).write_text((folder / file).read_text().replace(before, after))
        with pytest.raises(UsageError, match=r"is a run of .*expected"):
            api.design(
                str(folder), ask=True, bank=[run.path], runs=tmp_path / "none", executor=executor
            )
    with pytest.raises(
        UsageError,
        match=r"a run of line in env.py:LineWorld, expected a run of cartpole-v1 in CartPole-v1",
    ):
        api.design(
            "CartPole-v1",
            "Stay up.",
            ask=True,
            bank=[run.path],
            runs=tmp_path / "none",
            executor=executor,
        )
    assert not (tmp_path / "none").exists()
    judged_otherwise = write_task(tmp_path / "judged")
    (judged_otherwise / "fitness.py").write_text("def fitness(episode):\n    return 7.0, False\n")
    known = plan(str(judged_otherwise), ask=True, bank=[run.path]).bank
    assert known is not None and {(one.fitness, one.success) for one in known.trajectories} == {
        (7.0, False)
    }


def test_what_was_said_in_a_run_from_a_file_needs_a_reply_in_it(
    tmp_path: Path, executor: FakeExecutor
) -> None:
    task = str(write_task(tmp_path / "line"))
    run = api.design(
        task,
        replies=recorded(REPLIES[:1]),
        strategy="text2reward",
        report_seeds=0,
        runs=tmp_path / "runs",
        executor=executor,
    )
    run.say("It limps.")
    missing = "the file of replies has none for round 2 sample 1"
    with pytest.raises(UsageError, match=missing) as refused:
        run.resume(executor=executor)
    assert (
        '{"round": 1, "sample": 0' in refused.value.hint
        and "replies.json in the run's folder" in refused.value.hint
    )
    file = run.path / "replies.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(
        json.dumps({**told, "replies": [*told["replies"], REPLIES[1]]}), encoding="utf-8"
    )
    assert run.resume(executor=executor).state.requests == 2
