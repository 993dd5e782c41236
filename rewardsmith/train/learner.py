"""Training defaults -> a Stable-Baselines3 model; its weights and statistics to and from disk.

Weights are plain tensors (``weights_only``) and running statistics plain arrays: nothing that is
loaded can run code. A zip in Stable-Baselines3's format is made at export only.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.preprocessing import is_image_space
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv, VecNormalize, unwrap_vec_normalize

from rewardsmith.errors import BoundaryError, UsageError, boundary, did_you_mean
from rewardsmith.task.actions import METHOD
from rewardsmith.task.algorithms import ALGORITHMS, check_names
from rewardsmith.task.hyperparameters import initial
from rewardsmith.task.training import TrainingSpec
from rewardsmith.train.observing import WHOLE_AND_MASK
from rewardsmith.train.prior.shaping import q_shaped
from rewardsmith.train.prior.values import QFunction
from rewardsmith.types import Array

_ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    name.lower(): getattr(torch.nn, name)
    for name in ("Tanh", "ReLU", "ELU", "SiLU", "GELU", "LeakyReLU", "Mish", "SELU", "Sigmoid")
}


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """The class behind an algorithm's name.

    Raises:
        UsageError: there is none of that name.
    """
    found: type[BaseAlgorithm] = ALGORITHMS.get(name)
    return found


def check_hyperparameters(training: TrainingSpec) -> None:
    """Refuse hyper-parameters that the algorithm does not have.

    Raises:
        UsageError: with the nearest names.
    """
    check_names(training.algorithm, training.hyperparameters)


def takes_masks(learner: BaseAlgorithm) -> bool:
    """Whether a policy acts on masks of legal actions, as that of MaskablePPO does."""
    return METHOD in inspect.signature(learner.predict).parameters


def chosen_actions(
    model: BaseAlgorithm,
    venv: VecEnv,
    obs: Any,
    deterministic: bool = False,
    rows: Sequence[int] | None = None,
) -> Array:
    """The actions of a policy, shape (n, ...); one that acts on masks is given them.

    Args:
        rows: the environments of the observations; by default all.
    """
    act: Any = model.predict
    given = {}
    if takes_masks(model):
        given[METHOD] = np.stack(venv.env_method(METHOD, indices=rows))
    actions, _ = act(obs, deterministic=deterministic, **given)
    return np.asarray(actions)


def choose_device(training: TrainingSpec, wanted: str = "auto") -> str:
    """CUDA where it gains: convolutions and large batches; a GPU slows small networks down."""
    if wanted != "auto":
        return wanted
    gpu_batch = training.capabilities.gpu_batch
    batch = int(training.hyperparameters.get("batch_size", 0))
    gains = training.policy == "CnnPolicy" or (gpu_batch is not None and batch >= gpu_batch)
    return "cuda" if gains and torch.cuda.is_available() else "cpu"


def normalised(
    venv: VecEnv, training: TrainingSpec, kind: type[VecNormalize] = VecNormalize
) -> VecEnv:
    """Put VecNormalize, or a kind of it, on top if the task says so; policies scale images."""
    keys = _normalisable_keys(venv.observation_space) if training.normalise_observations else None
    if keys is None and not training.normalise_reward:
        return venv
    return kind(
        venv,
        norm_obs=keys is not None,
        norm_obs_keys=keys or None,
        norm_reward=training.normalise_reward,
        gamma=training.gamma,
    )


def make_learner(
    training: TrainingSpec, venv: VecEnv, seed: int, device: str, q_prior: QFunction | None = None
) -> BaseAlgorithm:
    """A model ready to learn.

    Args:
        q_prior: a prior that shapes its critic at first.

    Raises:
        UsageError: a hyper-parameter that the algorithm does not have.
        BoundaryError: Stable-Baselines3 refuses the combination.
    """
    check_hyperparameters(training)
    training = _beside_subgoals(training, venv)
    arguments = _resolved(training, venv)
    with boundary(
        "trainer", f"making the {training.algorithm} learner", "check [training] of the task"
    ):
        make: Any = algorithm_class(training.algorithm)
        if q_prior is not None:
            make = q_shaped(make, q_prior=q_prior, **training.shaping.prior.model_dump())
        learner: BaseAlgorithm = make(training.policy, venv, seed=seed, device=device, **arguments)
    return learner


def make_policy(training: TrainingSpec, venv: VecEnv) -> BaseAlgorithm:
    """A model that only acts: without the memory that learning would need."""
    takes = inspect.signature(algorithm_class(training.algorithm)).parameters
    least = (
        {"n_steps": 2, "batch_size": 2 * venv.num_envs}
        if training.capabilities.on_policy
        else {"buffer_size": 1}
    )
    small = {name: value for name, value in least.items() if name in takes}
    acting = training.model_copy(update={"hyperparameters": {**training.hyperparameters, **small}})
    return make_learner(acting, venv, 0, "cpu")


def save_state(model: BaseAlgorithm, venv: VecEnv, folder: Path, name: str) -> None:
    """Write the policy's weights and the running statistics of observations as one checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = io.BytesIO()  # so that Python writes the file: a full disk is then an OSError
    torch.save(model.policy.state_dict(), weights)
    (folder / f"{name}.pt").write_bytes(weights.getvalue())
    np.savez(folder / f"{name}.npz", **statistics_of(venv))


def load_state(model: BaseAlgorithm, venv: VecEnv, folder: Path, name: str) -> None:
    """Read a checkpoint back into a model made with the same training defaults.

    Raises:
        BoundaryError: the file is damaged or belongs to other defaults.
    """
    weights, statistics = read_state(folder, name)
    with boundary("trainer", f"reading checkpoint {name}"):
        model.policy.load_state_dict(weights)
        restore_statistics(venv, statistics)


def read_state(folder: Path, name: str) -> tuple[dict[str, torch.Tensor], dict[str, Array]]:
    """The weights and the running statistics of a checkpoint.

    Raises:
        BoundaryError: the file is damaged.
    """
    with boundary("trainer", f"reading checkpoint {name}"):
        weights = torch.load(folder / f"{name}.pt", map_location="cpu", weights_only=True)
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            return weights, {key: arrays[key] for key in arrays.files}


def _normalisable_keys(space: spaces.Space[Any]) -> list[str] | None:
    """Keys of a Dict that hold plain numbers; [] of a Box; None if nothing can be normalised."""
    if isinstance(space, spaces.Dict):
        return [key for key, inner in space.spaces.items() if _is_numbers(inner)] or None
    return [] if _is_numbers(space) else None


def _is_numbers(space: spaces.Space[Any]) -> bool:
    return isinstance(space, spaces.Box) and not is_image_space(space)


def _beside_subgoals(training: TrainingSpec, venv: VecEnv) -> TrainingSpec:
    """The same learner for an observation that became a Dict because flags are shown in it."""
    space = venv.observation_space
    if not isinstance(space, spaces.Dict) or set(space.spaces) != WHOLE_AND_MASK:
        return training
    settings = deepcopy(training.hyperparameters)
    features = settings.get("policy_kwargs", {}).get("features_extractor_kwargs", {})
    if "features_dim" in features:  # of the same network for images
        features["cnn_output_dim"] = features.pop("features_dim")
    return training.model_copy(update={"policy": "MultiInputPolicy", "hyperparameters": settings})


def _resolved(training: TrainingSpec, venv: VecEnv) -> dict[str, Any]:
    """JSON values -> the objects that Stable-Baselines3 wants."""
    arguments = dict(training.hyperparameters)
    if isinstance(arguments.get("train_freq"), list):
        arguments["train_freq"] = tuple(arguments["train_freq"])
    for name, value in arguments.items():
        if (start := initial(value)) is not None:
            arguments[name] = LinearSchedule(start, 0.0, 1.0)
    if isinstance(arguments.get("action_noise"), int | float):
        shape = venv.action_space.shape or ()
        arguments["action_noise"] = NormalActionNoise(
            np.zeros(shape), np.full(shape, arguments["action_noise"])
        )
    policy = dict(arguments.get("policy_kwargs", {}))
    if isinstance(policy.get("activation_fn"), str):
        name = policy["activation_fn"].lower()
        if name not in _ACTIVATIONS:
            raise UsageError(f"unknown activation_fn {name!r}", did_you_mean(name, _ACTIVATIONS))
        policy["activation_fn"] = _ACTIVATIONS[name]
    if policy:
        arguments["policy_kwargs"] = policy
    return arguments


def statistics_of(venv: VecEnv) -> dict[str, Any]:
    """The running statistics of VecNormalize, as arrays by name; none without it."""
    normalising = unwrap_vec_normalize(venv)  # Stable-Baselines3 may have put a wrapper above it
    if normalising is None:
        return {}
    venv = normalising
    arrays = {
        "return/mean": venv.ret_rms.mean,
        "return/var": venv.ret_rms.var,
        "return/count": venv.ret_rms.count,
    }
    for key, running in observation_statistics(venv).items():
        arrays |= {
            f"obs/{key}/mean": running.mean,
            f"obs/{key}/var": running.var,
            f"obs/{key}/count": running.count,
        }
    return arrays


def restore_statistics(venv: VecEnv, arrays: Mapping[str, Any]) -> None:
    """Put running statistics back, if there is a VecNormalize on top.

    Raises:
        BoundaryError: some are missing.
    """
    if not isinstance(venv, VecNormalize):
        return
    for prefix, running in {
        "return": venv.ret_rms,
        **{f"obs/{k}": r for k, r in observation_statistics(venv).items()},
    }.items():
        if f"{prefix}/mean" not in arrays:
            raise BoundaryError(f"the checkpoint has no statistics for {prefix}", where="trainer")
        running.mean, running.var = arrays[f"{prefix}/mean"], arrays[f"{prefix}/var"]
        running.count = float(arrays[f"{prefix}/count"])


def observation_statistics(venv: VecNormalize) -> dict[str, RunningMeanStd]:
    """Running statistics by observation key; the empty key for a plain observation."""
    if not venv.norm_obs:
        return {}
    statistics: Any = venv.obs_rms
    return statistics if isinstance(statistics, dict) else {"": statistics}
