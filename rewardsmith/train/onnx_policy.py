"""A checkpoint as an ONNX file, from the observations of the environment to its actions.

The graph contains all that Stable-Baselines3 does in ``predict(obs, deterministic=True)``: the
normalisation of observations, the transposition of images, the policy, and the bounds of actions.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import (
    VecEnv,
    VecNormalize,
    VecTransposeImage,
    unwrap_vec_wrapper,
)

from rewardsmith.errors import BoundaryError, boundary
from rewardsmith.run.trials import ONNX, TrialJob
from rewardsmith.task.loading import Task
from rewardsmith.train.learner import chosen_actions, observation_statistics, takes_masks
from rewardsmith.train.policy import opened_policy
from rewardsmith.train.trainers import OpenFunctions
from rewardsmith.types import Array

_STEPS = 200  # whose observations the check compares
_TOLERANCE = 1e-4  # of an action, relative to its size and absolute


def export_onnx(task: Task, job: TrialJob, folder: Path, open_functions: OpenFunctions) -> None:
    """Write ``policy.onnx`` into the folder of a trial.

    Raises:
        BoundaryError: the policy cannot be written as ONNX, or its actions would differ from those
            of Stable-Baselines3 on observations of the environment.
    """
    with opened_policy(task, job, folder, open_functions) as (model, venv):
        if takes_masks(model):
            raise BoundaryError(
                f"a policy of {job.training.algorithm} acts on masks of legal actions, which an "
                "ONNX file cannot hold",
                "export without --onnx",
                where="trainer",
            )
        seen = _observations(model, venv)
        with boundary("trainer", "writing the policy as ONNX", "export without --onnx"):
            _write(model, venv, seen[0], folder / ONNX)
            found = _actions(folder / ONNX, seen)
        wanted = [chosen_actions(model, venv, _normalised(venv, obs), True) for obs in seen]
        _compare(np.concatenate(found), np.concatenate(wanted))


def _observations(model: BaseAlgorithm, venv: VecEnv) -> list[Any]:
    """What the policy sees while it acts, before VecNormalize."""
    base: Any = venv.unwrapped
    seen, obs = [], venv.reset()
    base.buffers.begin()
    for _ in range(_STEPS):
        seen.append(venv.get_original_obs() if isinstance(venv, VecNormalize) else obs)
        obs, *_ = venv.step(chosen_actions(model, venv, obs, True))
        base.buffers.advance()
    return seen


def _normalised(venv: VecEnv, obs: Any) -> Any:
    return venv.normalize_obs(obs) if isinstance(venv, VecNormalize) else obs


class Normalisation(NamedTuple):
    """Of a part of the observations."""

    mean: torch.Tensor
    deviation: torch.Tensor
    clip: float


class _Predict(torch.nn.Module):
    """The function from the parts of an observation to actions.

    Args:
        keys: of a Dict observation; of another one a single empty key.
    """

    def __init__(self, model: BaseAlgorithm, venv: VecEnv, keys: Sequence[str]) -> None:
        super().__init__()
        self._policy, self._keys, self._space = model.policy, keys, model.action_space
        self._normalisation = normalisation_of(venv)
        transposing = unwrap_vec_wrapper(model.get_env() or venv, VecTransposeImage)
        skip = transposing.skip if isinstance(transposing, VecTransposeImage) else True
        self._transposed = [] if skip else _transposed(venv.observation_space, model)

    def forward(self, *parts: torch.Tensor) -> torch.Tensor:
        """Actions, shape (B, ...)."""
        obs = {key: self._prepared(key, part) for key, part in zip(self._keys, parts, strict=True)}
        policy: Any = self._policy
        actions: torch.Tensor = policy._predict(obs.get("", obs), deterministic=True)
        if not isinstance(self._space, spaces.Box):
            return actions
        low, high = torch.as_tensor(self._space.low), torch.as_tensor(self._space.high)
        actions = actions.reshape(-1, *self._space.shape)
        if policy.squash_output:
            return low + 0.5 * (actions + 1.0) * (high - low)
        return torch.minimum(torch.maximum(actions, low), high)

    def _prepared(self, key: str, part: torch.Tensor) -> torch.Tensor:
        if key in self._normalisation:
            mean, deviation, clip = self._normalisation[key]
            part = torch.clamp((part.double() - mean) / deviation, -clip, clip).float()
        return part.permute(0, 3, 1, 2) if key in self._transposed else part


def normalisation_of(venv: VecEnv) -> dict[str, Normalisation]:
    """The normalisation of the parts of observations, as VecNormalize does it."""
    if not isinstance(venv, VecNormalize):
        return {}
    return {
        key: Normalisation(
            torch.as_tensor(running.mean),
            torch.as_tensor(np.sqrt(running.var + venv.epsilon)),
            float(venv.clip_obs),
        )
        for key, running in observation_statistics(venv).items()
    }


def _transposed(space: spaces.Space[Any], model: BaseAlgorithm) -> list[str]:
    """Keys of the images whose channels the policy wants first."""
    theirs: Any = model.observation_space
    if not isinstance(space, spaces.Dict):
        return [""] if space.shape != theirs.shape else []
    return [key for key, inner in space.spaces.items() if inner.shape != theirs[key].shape]


def _parts(obs: Any) -> dict[str, Array]:
    return dict(obs) if isinstance(obs, dict) else {"": obs}


def _write(model: BaseAlgorithm, venv: VecEnv, obs: Any, path: Path) -> None:
    parts = _parts(obs)
    module = _Predict(model, venv, list(parts)).eval()
    batch = torch.export.Dim("batch", min=1, max=65536)
    examples = tuple(torch.as_tensor(np.repeat(part, 2, axis=0)) for part in parts.values())
    sizes = tuple({0: batch} for _ in parts)
    names = [key or "obs" for key in parts]
    with _exporting():
        torch.onnx.export(
            module,
            examples,
            str(path),
            input_names=names,
            output_names=["action"],
            dynamic_shapes=(sizes,),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def _exporting() -> Iterator[None]:
    """What torch needs to trace the distributions of Stable-Baselines3: they check no values."""
    from torch.distributions import Distribution

    checks = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of torch, about itself
            yield
    finally:
        Distribution.set_default_validate_args(checks)


def _actions(path: Path, seen: Sequence[Any]) -> list[Array]:
    """What the file gives for observations."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    needed = {one.name for one in session.get_inputs()}
    return [session.run(None, _inputs(obs, needed))[0] for obs in seen]


def _inputs(obs: Any, needed: set[str]) -> dict[str, Array]:
    """The parts of an observation that a graph reads, by the names of its inputs."""
    named = {key or "obs": part for key, part in _parts(obs).items()}
    return {name: part for name, part in named.items() if name in needed}


def _compare(found: Array, wanted: Array) -> None:
    found = found.reshape(wanted.shape)
    if wanted.dtype.kind == "f":
        same = np.isclose(found, wanted, rtol=_TOLERANCE, atol=_TOLERANCE)
    else:
        same = found == wanted
    if same.all():
        return
    place = int(np.argwhere(~same)[0][0])
    raise BoundaryError(
        f"the ONNX file gives the action {found[place].tolist()} where Stable-Baselines3 gives "
        f"{wanted[place].tolist()}",
        "export without --onnx, and report it",
        where="trainer",
    )
