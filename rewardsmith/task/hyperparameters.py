"""Hyper-parameters: values are checked when a task is read, and words of the RL Zoo are understood.

The RL Zoo (rl-baselines3-zoo) writes schedules as ``lin_3e-4``, tables as
``"dict(net_arch=[64, 64])"``, and the steps, the environments, the normalization and the noise of a
training beside its hyper-parameters.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_SCHEDULE = re.compile(r"lin_(.+)")
_AUTO = re.compile(r"auto(_[\d.eE+-]+)?")
_ZOO_NAMES = {"n_timesteps": "steps", "n_envs": "n_envs", "policy": "policy"}
_REFUSED = {
    "env_wrapper": "name wrappers in the task: [env] wrappers = ['module:Class']",
    "frame_stack": "name a wrapper of your own in the task: [env] wrappers = ['module:Class']",
    "vec_env_wrapper": "name wrappers of one environment in the task: [env] wrappers",
    "env_kwargs": "give [env] kwargs",
    "callback": "leave it out: rewardsmith evaluates checkpoints itself",
    "monitor_kwargs": "leave it out: rewardsmith records episodes itself",
    "n_eval_envs": "give [evaluation] episodes",
    "replay_buffer_kwargs": "leave it out, as the replay buffer is that of the learner",
}
_HER = (
    "HerReplayBuffer computes rewards with the environment's own compute_reward, which the "
    "designed reward would not reach: leave replay_buffer_class out"
)


def from_zoo(training: Mapping[str, Any]) -> dict[str, Any]:
    """The table ``[training]`` with what the RL Zoo writes among hyper-parameters in its own place.

    Raises:
        ValueError: a setting has no place here; the message says what to do.
    """
    given = dict(training.get("hyperparameters", {}))
    moved: dict[str, Any] = {}
    if "replay_buffer_class" in given:
        raise ValueError(f"replay_buffer_class = {given['replay_buffer_class']!r}: {_HER}")
    for name, why in _REFUSED.items():
        if name in given:
            raise ValueError(f"{name} is not a hyper-parameter: {why}")
    for name, ours in _ZOO_NAMES.items():
        if name in given:
            moved[ours] = given.pop(name)
    if "normalize" in given:
        moved |= _normalization(given.pop("normalize"))
    if "noise_type" in given or "noise_std" in given:
        given["action_noise"] = _noise(given.pop("noise_type", "normal"), given.pop("noise_std", 0))
    checked = {name: _checked(name, value) for name, value in given.items()}
    return {**training, **moved, "hyperparameters": checked}


def initial(schedule: object) -> float | None:
    """The first value of a linear schedule to 0, such as ``lin_3e-4``; None if it is none."""
    match = _SCHEDULE.fullmatch(schedule) if isinstance(schedule, str) else None
    try:
        return float(match[1]) if match else None
    except ValueError:
        return None


def _normalization(value: Any) -> dict[str, bool]:
    table = _literal(value) if isinstance(value, str) else value
    if isinstance(table, bool):
        return {"normalise_observations": table, "normalise_reward": table}
    if not isinstance(table, Mapping):
        raise ValueError(f"normalize: expected true, false or a table, found {value!r}")
    return {
        "normalise_observations": bool(table.get("norm_obs", True)),
        "normalise_reward": bool(table.get("norm_reward", True)),
    }


def _noise(kind: Any, std: Any) -> Any:
    if kind != "normal":
        raise ValueError(f"noise_type: expected normal, found {kind!r}")
    return std


def _checked(name: str, value: Any) -> Any:
    """A value of the type that the parameter has.

    Raises:
        ValueError: it cannot have this value.
    """
    if isinstance(value, str) and value.strip().startswith(("dict(", "{")):
        value = _literal(value)
    if name == "policy_kwargs":
        return _policy(value)
    if name not in _RULES:
        return value
    expected, accepts = _RULES[name]
    if isinstance(value, float) and value.is_integer() and accepts is _whole:
        value = int(value)  # 1e5
    if not accepts(value):
        raise ValueError(f"{name}: expected {expected}, found {value!r}")
    return value


def _policy(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"policy_kwargs: expected a table, found {value!r}")
    table = dict(value)
    network = table.get("net_arch")
    if isinstance(network, list) and len(network) == 1 and isinstance(network[0], Mapping):
        table["net_arch"] = network[0]  # as Stable-Baselines3 wanted it before version 1.8
    return table


def _literal(text: str) -> Any:
    """A value that the RL Zoo writes as Python: literals, ``dict(...)`` and names as ``nn.ReLU``.

    Raises:
        ValueError: it is something else.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError):
        raise ValueError(
            f"expected a table, as in dict(net_arch=[64, 64]), found {text!r}"
        ) from None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict" and not node.args:
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        keys = [_value(key) for key in node.keys if key is not None]
        return dict(zip(keys, map(_value, node.values), strict=True))
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(element) for element in node.elts]
    if isinstance(node, ast.Attribute):  # nn.ReLU
        return node.attr
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        raise ValueError(f"{ast.unparse(node)!r} is neither a number, a text nor a table") from None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _share(value: Any) -> bool:
    return _number(value) and 0 <= value <= 1


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


def _scheduled(value: Any) -> bool:
    return _positive(value if initial(value) is None else initial(value))


def _frequency(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) == 2 and _whole(value[0]) and value[1] in ("step", "episode")
    return _whole(value)


_A_WHOLE, _A_SHARE = "a whole number from 1", "a number from 0 to 1"
_A_SCHEDULE = 'a number above 0, or a schedule as "lin_3e-4"'
# Name -> what is expected, and whether a value is. Other parameters are checked by the learner.
_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("learning_rate", "clip_range"), (_A_SCHEDULE, _scheduled)),
    **dict.fromkeys(
        ("n_steps", "batch_size", "n_epochs", "buffer_size", "target_update_interval"),
        (_A_WHOLE, _whole),
    ),
    **dict.fromkeys(
        (
            "gamma", "gae_lambda", "tau", "exploration_fraction", "exploration_initial_eps",
            "exploration_final_eps",
        ),
        (_A_SHARE, _share),
    ),
    **dict.fromkeys(
        ("use_sde", "normalize_advantage", "use_rms_prop"),
        ("true or false", lambda value: isinstance(value, bool)),
    ),
    **dict.fromkeys(("vf_coef", "max_grad_norm", "action_noise"), ("a number", _number)),
    "train_freq": ('a whole number from 1, or [1, "episode"]', _frequency),
    "gradient_steps": (
        "a whole number from 1, or -1 for as many as steps",
        lambda value: _whole(value) or value == -1,
    ),
    "learning_starts": ("a whole number", lambda value: _whole(value) or value == 0),
    "ent_coef": (
        'a number, or "auto"',
        lambda value: _number(value) or (isinstance(value, str) and bool(_AUTO.fullmatch(value))),
    ),
}  # fmt: skip
