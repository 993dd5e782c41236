"""Programs with a potential, subgoals or a prior on Q: rewards, observations, and their use in training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO

import rewardsmith as rs
from rewardsmith.api import runs as api
from rewardsmith.episodes.columns import episode_columns
from rewardsmith.episodes.recording import play, record
from rewardsmith.errors import NoProgram, UsageError
from rewardsmith.task.environment import make_env
from rewardsmith.task.loading import Task, load_task
from rewardsmith.task.training import PriorSpec, ShapingSpec, TrainingSpec
from rewardsmith.terms.native import NativeReward
from rewardsmith.terms.potential import PotentialChange
from rewardsmith.terms.program import ProgramReward
from rewardsmith.terms.reward import Reward
from rewardsmith.terms.subgoals import Subgoals, subgoal_names
from rewardsmith.train.observing import ShownFlags
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import RecordedVecEnv, buffers_of, make_vec_env
from rewardsmith.types import NATIVE_REWARD, Columns, Output
from tests.support.exports import exported, exporting, imported
from tests.support.line_runs import recorded
from tests.support.lineworld import write_task

POTENTIAL = "def potential(position):\n    return 2.0 * position\n"
BOTH = "def reward(next_position):\n    return {'place': next_position}\n\n\n" + POTENTIAL
GOALS = (
    "def reward(next_position):\n    return {'place': next_position}\n\n\n"
    "def subgoals(next_position):\n    return {'quarter': next_position > 0.25, 'half': next_position > 0.5}\n"
)
PRIOR = "def q_prior(position, action):\n    return 0.5 * position + action[:, 0]\n"
DISCRETE_PRIOR = (
    "import numpy as np\n\n\ndef q_prior(position):\n"
    "    return np.stack([position - 1.0, position, position + 1.0], axis=1)\n"
)
GAMMA = 0.95


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return load_task(write_task(tmp_path_factory.mktemp("task") / "line"))


def file(tmp_path: Path, source: str) -> Path:
    path = tmp_path / "program.py"
    path.write_text(source)
    return path


class Part:
    """A function in place of a program host."""

    def __init__(self, function: Any, *arguments: str) -> None:
        self.arguments, self._function = arguments, function

    def __call__(self, columns: Columns) -> Output:
        return self._function(*(columns[name] for name in self.arguments))


def episode(task: Task, pushes: float) -> Any:
    env = record(task)
    play(env, lambda obs: np.array([pushes], np.float32), 1)
    return env.episodes[0]


# --- Rewards


@pytest.mark.parametrize("pushes", [1.0, 0.1])
def test_the_reward_of_a_potential_is_its_change_and_0_after_an_end(
    task: Task, pushes: float
) -> None:
    phi = Part(lambda position: Output(2.0 * position), "position")
    parts = Reward([NativeReward(), PotentialChange(phi, GAMMA)])
    walked = episode(task, pushes)
    assert walked.terminated == (pushes == 1.0)
    assert parts.arguments == (NATIVE_REWARD, "position", "next_position", "terminated")
    columns = episode_columns(walked, parts.arguments)
    output = parts(columns)
    place = walked.fields["position"]
    end = 0.0 if walked.terminated else GAMMA ** len(walked) * 2.0 * place[-1]
    discounted = (GAMMA ** np.arange(len(walked)) * output.terms["potential"]).sum()
    assert discounted == pytest.approx(end - 2.0 * place[0])
    assert np.allclose(output.total, walked.native_rewards + output.terms["potential"])
    assert np.array_equal(parts.ranking()(columns).total, walked.native_rewards)


def test_a_term_of_that_name_is_not_overwritten() -> None:
    reward = Part(lambda x: Output(x, {"potential": x}), "x")
    phi = Part(lambda x: Output(x), "x")
    columns = {"x": np.ones(2), "next_x": np.ones(2), "terminated": np.zeros(2, bool)}
    both = Reward([ProgramReward(reward), PotentialChange(phi, 1.0)])
    assert list(both(columns).terms) == ["potential", "potential_"]


def test_a_potential_of_another_discount_is_refused(task: Task, tmp_path: Path) -> None:
    program = rs.load_program(file(tmp_path, BOTH), task)
    venv = make_vec_env(task, 2, 0)
    with pytest.raises(UsageError, match=r"uses the discount 0\.95, the learner's is 0\.99"):
        VecReward(venv, program, gamma=0.99)
    VecReward(venv, program, gamma=0.95)
    program.close()
    venv.close()


@pytest.mark.parametrize("mode", ["NEXT_STEP", "SAME_STEP"])
def test_the_change_telescopes_through_auto_resets(task: Task, tmp_path: Path, mode: str) -> None:
    """Gymnasium's two modes: the step after an end is a reset with reward 0, or the reset is in the same step."""
    module = imported(exporting(task, POTENTIAL, tmp_path))
    kinds = gym.vector.AutoresetMode
    venv = gym.vector.SyncVectorEnv(
        [lambda: module.RewardWrapper(make_env(task))] * 2, autoreset_mode=kinds[mode]
    )
    obs, _ = venv.reset(seed=0)
    begun, sums, length, native = obs[:, 0].copy(), np.zeros(2), np.zeros(2, int), np.zeros(2)
    resets, ended = np.zeros(2, bool), list[bool]()
    for step in range(60):
        action = np.array([[0.9], [0.1 if step < 30 else 0.9]], np.float32)
        obs, rewards, terminated, truncated, info = venv.step(action)
        for row in range(2):
            if resets[row]:
                assert rewards[row] == 0.0
                begun[row], sums[row], length[row], native[row], resets[row] = (
                    obs[row, 0],
                    0.0,
                    0,
                    0.0,
                    False,
                )
                continue
            sums[row] += GAMMA ** length[row] * rewards[row]
            native[row] += GAMMA ** length[row] * float(
                terminated[row]
            )  # the line gives 1 at its end
            length[row] += 1
            if terminated[row] or truncated[row]:
                last = obs[row] if mode == "NEXT_STEP" else info["final_obs"][row]
                left = 0.0 if terminated[row] else GAMMA ** length[row] * 2.0 * last[0]
                assert sums[row] == pytest.approx(native[row] + left - 2.0 * begun[row], abs=1e-5)
                ended.append(bool(terminated[row]))
                resets[row] = mode == "NEXT_STEP"
                begun[row], sums[row], length[row], native[row] = obs[row, 0], 0.0, 0, 0.0
    assert True in ended and False in ended


def test_the_change_telescopes_through_the_resets_of_a_vector(task: Task, tmp_path: Path) -> None:
    program = rs.load_program(file(tmp_path, POTENTIAL), task)
    venv = VecReward(make_vec_env(task, 2, 0), program, GAMMA)
    obs = venv.reset()
    begun, sums, length, ended = obs[:, 0].copy(), np.zeros(2), np.zeros(2, int), list[bool]()
    for _ in range(40):
        obs, rewards, dones, infos = venv.step(np.array([[0.9], [0.1]], np.float32))
        sums += GAMMA**length * rewards
        length += 1
        for row in np.flatnonzero(dones):
            over = not infos[row]["TimeLimit.truncated"]
            left = (
                0.0 if over else GAMMA ** length[row] * 2.0 * infos[row]["terminal_observation"][0]
            )
            native = GAMMA ** (length[row] - 1) * over
            assert sums[row] == pytest.approx(native + left - 2.0 * begun[row], abs=1e-5)
            begun[row], sums[row], length[row] = obs[row, 0], 0.0, 0
            ended.append(over)
    assert True in ended and False in ended
    program.close()


def test_a_wrapper_reports_functions_that_it_cannot_apply(task: Task, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="subgoals of the program are not used here"):
        rs.load_program(file(tmp_path, GOALS), task).close()


# --- Subgoals


def shown(venv: RecordedVecEnv, goals: Part, form: Any) -> ShownFlags:
    names = subgoal_names(venv.buffers, goals)
    return ShownFlags(venv, venv, Subgoals(goals, names, form, 0.5, GAMMA))


def watched(task: Task, form: Any, n: int = 2) -> Any:
    goals = Part(
        lambda x: Output(x, {"quarter": 1.0 * (x > 0.25), "half": 1.0 * (x > 0.5)}), "next_position"
    )
    return shown(make_vec_env(task, n, 0), goals, form)


def test_what_is_done_is_seen_and_forgotten_with_the_episode(task: Task) -> None:
    venv = watched(task, "bonus")
    assert venv.observation_space.shape == (4,) and venv.term.shows == ("quarter", "half")
    obs = venv.reset()
    buffers_of(venv).begin()
    assert obs.shape == (2, 4) and not obs[:, 2:].any()
    paid, ends = [], []
    for _ in range(8):
        obs, _, dones, infos = venv.step(np.array([[1.0], [-1.0]], np.float32))
        buffers_of(venv).advance()
        paid.append(venv.term.bonuses.copy())
        if dones[0]:
            ends.append(infos[0])
            assert not obs[0, 2:].any(), "the next episode begins"
        else:
            place = obs[0, 0]
            assert obs[0, 2:].tolist() == [place > 0.25, place > 0.5]
    assert np.array(paid)[:, 1].sum() == 0.0
    assert ends[0]["subgoals"] == {"quarter": True, "half": True}
    assert ends[0]["terminal_observation"][2:].tolist() == [1.0, 1.0]
    episodes = len(ends)
    assert np.array(paid)[:, 0].sum() >= 0.5 * 2 * episodes - 1e-9


@pytest.mark.parametrize("form", ["potential", "neutralised"])
def test_the_bonuses_of_a_success_sum_to_0(task: Task, form: str) -> None:
    venv = watched(task, form, n=1)
    venv.reset()
    buffers_of(venv).begin()
    total, t = 0.0, 0
    while True:
        _, _, dones, _ = venv.step(np.array([[1.0]], np.float32))
        total += GAMMA**t * float(venv.term.bonuses[0])
        buffers_of(venv).advance()
        t += 1
        if dones[0]:
            break
    assert buffers_of(venv).n == 1 and t < 10, "it arrived"
    assert total == pytest.approx(0.0, abs=1e-12)


def test_a_bonus_that_outweighs_success_is_refused(task: Task, tmp_path: Path) -> None:
    greedy = task.with_training({"shaping": {"subgoals": "bonus", "bonus": 0.5}})
    with pytest.raises(UsageError, match="can be worth more than a success"):
        rs.train_program(file(tmp_path, GOALS), greedy, seeds=1, steps=64, runs=tmp_path / "runs")


@pytest.mark.parametrize(("bonus", "told"), [(0.7, "of 1 subgoals"), (0.5, None)])
def test_a_bonus_over_the_bound_is_an_error_before_the_run(
    task: Task, tmp_path: Path, bonus: float, told: str | None
) -> None:
    """For one subgoal when the task is loaded; for a program's when it is checked, so it can be repaired."""
    greedy = task.with_training({"shaping": {"subgoals": "neutralised", "bonus": bonus}})
    settings: dict[str, Any] = {
        "produce": "reward,subgoals",
        "report_seeds": 0,
        "steps": 64,
        "runs": tmp_path / "runs",
    }
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{GOALS}```"}])
    options = {"rounds": 1, "samples": 1, "seeds": 1}
    if told is not None:
        with pytest.raises(UsageError, match=told):
            api.design(greedy, replies=replies, options=options, **settings)
        return
    with pytest.raises(NoProgram) as caught:
        api.design(greedy, replies=replies, options=options, **settings)
    assert "RS403 error: a bonus of 0.5 for each of 2 subgoals" in caught.value.hint


def test_where_no_reward_was_asked_for_none_is_taken(task: Task, tmp_path: Path) -> None:
    """The native reward stays, and a potential keeps the optimal policy."""
    replies = recorded([{"round": 0, "sample": 0, "text": f"```python\n{BOTH}```"}])
    with pytest.raises(NoProgram) as caught:
        api.design(
            task, replies=replies, options={"rounds": 1, "samples": 1, "seeds": 1}, report_seeds=0, steps=64,
            produce="potential", runs=tmp_path / "runs",
        )  # fmt: skip
    assert "RS402 error: a reward was not asked for" in caught.value.hint


# --- Trained, evaluated, exported


@pytest.mark.parametrize("source", [POTENTIAL, BOTH, GOALS], ids=["potential", "both", "subgoals"])
def test_agents_are_trained_under_all_of_it(task: Task, tmp_path: Path, source: str) -> None:
    result = rs.train_program(
        file(tmp_path, source), task, seeds=1, steps=6000, runs=tmp_path / "runs"
    )
    assert result.score is not None and result.score.mean > 0.2, "random walks come to -0.03"
    (curve,) = result.folder.glob("programs/*/trials/*/curve.csv")
    terms = curve.read_text().splitlines()[0]
    assert ("term/potential" in terms) == ("def potential" in source)
    assert ("term/subgoals" in terms) == ("def subgoals" in source)
    assert result.policy is not None and (result.policy / "policy.zip").exists()


@pytest.mark.parametrize(
    ("algorithm", "discrete", "source"),
    [("SAC", False, PRIOR), ("TD3", False, PRIOR), ("DQN", True, DISCRETE_PRIOR)],
)
def test_a_prior_draws_the_critic(
    tmp_path: Path, algorithm: str, discrete: bool, source: str
) -> None:
    """The prior leads the agent to the end of the line, which random behaviour seldom reaches."""
    task = load_task(write_task(tmp_path / "line", discrete=discrete))
    learner: dict[str, Any] = {
        "learning_starts": 50,
        "gamma": 0.95,
        "batch_size": 32,
        "buffer_size": 2000,
    }
    learner |= {"learning_rate": 3e-3, "train_freq": 1, "policy_kwargs": {"net_arch": [32]}}
    learner |= {"ent_coef": 0.05} if algorithm == "SAC" else {}
    shaping = ShapingSpec(prior=PriorSpec(until=1.0, every=1, weight=3.0))
    training = TrainingSpec(
        algorithm=algorithm,
        n_envs=1,
        normalise_reward=False,
        shaping=shaping,
        hyperparameters=learner,
    )
    told = Task(task.name, task.spec.model_copy(update={"training": training}), task.folder)
    result = rs.train_program(
        file(tmp_path, source), told, seeds=1, steps=500, runs=tmp_path / "runs"
    )
    assert result.score is not None and result.score.mean > 0.5


def test_what_the_learner_cannot_use_is_refused(task: Task, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PPO learns no Q"):
        rs.train_program(file(tmp_path, PRIOR), task, runs=tmp_path / "runs")
    with pytest.raises(UsageError, match="program has only subgoals"):
        only = GOALS.partition("\n\n\n")[2]
        rs.load_program(file(tmp_path, only), task)


@pytest.mark.parametrize("source", [POTENTIAL, BOTH, GOALS], ids=["potential", "both", "subgoals"])
def test_the_exported_file_gives_the_rewards_of_training(
    task: Task, tmp_path: Path, source: str
) -> None:
    shown = exported(task, source, tmp_path)
    obs, _ = shown.reset(seed=3)
    mine = record(task)
    mine.reset(seed=3)
    paid, done = [], False
    while not done:
        action = np.array([0.9], np.float32)
        obs, reward, terminated, truncated, info = shown.step(action)
        mine.step(action)
        assert reward == pytest.approx(sum(info["reward_terms"].values()))
        paid.append(reward)
        done = terminated or truncated
    (walked,) = mine.episodes
    expected = _expected_rewards(source, walked)
    assert np.allclose(paid, expected, atol=1e-6)
    assert shown.observation_space.contains(obs) and (len(obs) == 4) == ("subgoals" in source)
    facts = json.loads((tmp_path / "out" / "reward.json").read_text())
    assert facts["gamma"] == 0.95


@pytest.mark.parametrize(
    ("wrapper", "policy", "features"),
    [("Picture", "CnnPolicy", 16), ("Picture", "MlpPolicy", 36 * 36), ("Place", "MlpPolicy", 12)],
)
def test_what_is_done_is_seen_beside_an_image_or_a_number(
    tmp_path: Path, wrapper: str, policy: str, features: int
) -> None:
    """Trained, evaluated and exported: the policy's file acts on what ShowSubgoals shows."""
    task = load_task(write_task(tmp_path / "line", wrapper=wrapper, policy=policy))
    kept = {"features_extractor_kwargs": {"features_dim": 16}} if policy == "CnnPolicy" else {}
    changed = {"hyperparameters": {**task.spec.training.hyperparameters, "policy_kwargs": kept}}
    task = task.with_training({**changed, "normalise_observations": False})
    module, out = imported(exporting(task, GOALS, tmp_path)), tmp_path / "out"
    env = module.ShowSubgoals(
        getattr(imported(task.folder / "env.py"), wrapper)(module.RewardWrapper(make_env(task)))
    )
    obs, _ = env.reset(seed=0)
    assert env.observation_space.contains(obs)
    model = PPO.load(out / "policy.zip")
    assert model.policy.features_extractor.features_dim == features + 2
    assert model.observation_space.contains(obs) or policy == "CnnPolicy", "that one is transposed"
    model.predict(obs, deterministic=True)
    for _ in range(4):
        obs, *_ = env.step(np.array([0.8], np.float32))
    if isinstance(obs, dict):
        assert set(obs) == {"observation", "subgoals"} and obs["subgoals"].tolist() == [1.0, 1.0]
    else:
        assert obs[-2:].tolist() == [1.0, 1.0] and set(np.unique(obs)) == {0.0, 1.0}, (
            "as a policy sees an image"
        )


def test_the_key_of_the_mask_must_be_free(task: Task) -> None:
    space = gym.spaces.Dict({"subgoals": gym.spaces.Discrete(2)})
    venv = make_vec_env(task, 1, 0)
    venv.observation_space = space
    with pytest.raises(UsageError, match="a key that it has already"):
        shown(venv, Part(lambda x: Output(x, {"half": x}), "next_position"), "potential")


def _expected_rewards(source: str, walked: Any) -> Any:
    """By hand."""
    place = walked.fields["position"]
    pay = place[1:].copy() if "def reward" in source else walked.native_rewards.copy()
    ends = np.arange(1, len(place)) == (len(walked) if walked.terminated else -1)
    if "potential(" in source:
        pay += GAMMA * np.where(ends, 0.0, 2 * place[1:]) - 2 * place[:-1]
    if "subgoals(" in source:
        done = np.maximum.accumulate((place[1:, None] > np.array([0.25, 0.5])), axis=0).sum(axis=1)
        before = np.concatenate([[0], done[:-1]])
        pay += GAMMA * np.where(ends, 0.0, 0.5 * done) - 0.5 * before
    return pay
