"""Compares subgoals from language (CALM and EAGER) with PPO on a reward at the goal alone.

    python benchmarks/language.py [--seeds 15] [--workers 2] [--tasks NAME ...] [--methods NAME ...]
    -o FILE

Three MiniGrid tasks with a reward at the goal alone. Settings are those of the tasks, which were
tuned with a hand-written reward; on put-next nothing was tuned with a view to language. Paired by
training seed:

    sparse   the environment's own reward
    eager    questions about the mission, composed without a model, neutralised (strategy eager)
    calm     subgoals from programs/, see there, as a potential, which is the default of the
    strategy calm calm, neutralised    the same, each bonus given once and taken back by a success
    blind, blind, neutralised    as calm, with subgoals that a model wrote from the requests alone
    (programs/blind)

Solved: agents succeeded in 90 % of the last 50 training episodes; a training is stopped there. Runs
that never get
there count as the cap. Reported: median steps, and the ratio of the medians to sparse with a 95 %
bootstrap interval over seeds. Results in FILE are kept.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import sys
import time
from collections import deque
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback

import rewardsmith as rs
from rewardsmith.episodes.columns import shapes_in
from rewardsmith.episodes.random_policy import collect_preflight
from rewardsmith.sandbox.behaviour.for_training import check_against_preflight
from rewardsmith.sandbox.client.host import ProgramHost
from rewardsmith.terms.native import NativeReward
from rewardsmith.terms.reward import Reward
from rewardsmith.terms.subgoals import Subgoals
from rewardsmith.terms.term import Term
from rewardsmith.train.learner import make_learner, normalised
from rewardsmith.train.observing import observed
from rewardsmith.train.vec_reward import VecReward
from rewardsmith.train.vectors import RecordedVecEnv, derived_seed, make_vec_env
from rewardsmith.writers.extract import extract_code
from rewardsmith.writers.questions.program import question_program, texts_of

HERE = Path(__file__).parent
CAPS = {"door-key": 80_000, "pick-up": 50_000, "put-next": 100_000}
QUESTIONS = {"door-key": 2, "pick-up": 2, "put-next": 4}  # that a mission comes to at most
METHODS: dict[str, dict[str, Any] | None] = {
    "sparse": None,
    "eager": {"subgoals": "neutralised"},
    "calm": {},
    "calm, neutralised": {"subgoals": "neutralised"},
    "blind": {},
    "blind, neutralised": {"subgoals": "neutralised"},
}
ENOUGH, EPISODES = 0.9, 50
RESAMPLES = 10_000

Steps = list[int | None]


@functools.cache
def program(task: str, method: str) -> str:
    """The source of the subgoals."""
    if method == "eager":
        return question_program(texts_of(rs.load_task(task).spec), QUESTIONS[task])
    folder = HERE / "programs" / ("blind" if method.startswith("blind") else ".")
    source = extract_code((folder / f"calm-{task}.reply.md").read_text(encoding="utf-8")).source
    assert source is not None
    return source


class UntilSolved(BaseCallback):
    """Ends a training when enough of the last episodes succeeded."""

    def __init__(self, base: RecordedVecEnv) -> None:
        super().__init__()
        self._base, self._last = base, deque[bool](maxlen=EPISODES)
        self.solved_at: int | None = None

    def _on_step(self) -> bool:
        won = self._base.buffers.native_reward > 0
        self._last.extend(won[self.locals["dones"]])
        if len(self._last) == EPISODES and np.mean(self._last) >= ENOUGH:
            self.solved_at = self.num_timesteps
        return self.solved_at is None


def trained(job: tuple[str, str, int]) -> int | None:
    """The steps until it is solved; None where it never is."""
    torch.set_num_threads(1)
    name, method, seed = job
    shaping = METHODS[method]
    task = rs.load_task(name).with_training({"shaping": shaping or {}})
    training = task.spec.training
    with (
        ExitStack() as stack,
        redirect_stdout(sys.stderr),
    ):  # where rooms are drawn anew, MiniGrid says so
        base = make_vec_env(task, training.n_envs, derived_seed("environments", seed))
        terms: list[Term] = [NativeReward()]
        if shaping is not None:
            source = program(name, method)
            collected = collect_preflight(task)
            verdict = check_against_preflight(source, collected.report, collected.transitions)
            assert verdict.accepted, verdict.findings
            entry, shapes = verdict.entries["subgoals"], shapes_in(collected.transitions)
            host = stack.enter_context(ProgramHost(source, entry, shapes, capacity=training.n_envs))
            terms.append(Subgoals.for_task(host, task, base.buffers, base.envs[0]))
        reward = Reward(terms)
        watched = observed(base, reward, training.policy)
        venv = normalised(VecReward(watched, reward, training.gamma), training)
        model = make_learner(training, venv, derived_seed("learner", seed), "cpu")
        watching = UntilSolved(base)
        model.learn(CAPS[name], callback=watching)
        venv.close()
    return watching.solved_at


def told(found: dict[str, dict[str, Steps]]) -> dict[str, Any]:
    """Medians, how many never got there, and ratios to sparse with intervals."""
    rng, result = np.random.default_rng(0), dict[str, Any]()
    for task, by_method in found.items():
        steps = {
            m: np.array([CAPS[task] if s is None else s for s in each])
            for m, each in by_method.items()
        }
        result[task] = {"cap": CAPS[task]}
        for method, each in steps.items():
            drawn = rng.integers(
                len(each), size=(RESAMPLES, len(each))
            )  # the same seeds on both sides: paired
            ratios = np.median(each[drawn], axis=1) / np.median(steps["sparse"][drawn], axis=1)
            result[task][method] = {
                "median": float(np.median(each)),
                "never": sum(s is None for s in by_method[method]),
                "ratio": [float(np.median(each) / np.median(steps["sparse"])), *_ends(ratios)],
            }
    return result


def _ends(ratios: Any) -> list[float]:
    return [float(end) for end in np.quantile(ratios, (0.025, 0.975))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--tasks", nargs="*", default=list(CAPS))
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    found: dict[str, dict[str, Steps]] = {}
    if given.output.exists():
        found = json.loads(given.output.read_text(encoding="utf-8"))["steps"]
    wanted = [(t, m) for t in given.tasks for m in given.methods if m not in found.get(t, {})]
    with multiprocessing.get_context("fork").Pool(given.workers) as pool:
        for task, method in wanted:
            begun = time.perf_counter()
            steps = pool.map(
                trained, [(task, method, seed) for seed in range(given.seeds)], chunksize=1
            )
            found.setdefault(task, {})[method] = steps
            print(
                f"{task}, {method}: {(time.perf_counter() - begun) / 60:.1f} min", steps, flush=True
            )
            result = {
                "cores": os.cpu_count(),
                "seeds": given.seeds,
                "learning": told(found),
                "steps": found,
            }
            given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told(found), indent=1))


if __name__ == "__main__":
    main()
