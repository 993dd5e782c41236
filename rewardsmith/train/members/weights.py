"""Policies of Stable-Baselines3 as rows of members, and back.

Initial weights come from a policy of Stable-Baselines3 made with the trial's seed, and checkpoints
are its ``state_dict``, so whatever reads them does not know who trained them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import CombinedExtractor, FlattenExtractor
from torch import nn

from rewardsmith.train.members.actions import choices
from rewardsmith.train.members.actor_critic import ActorCritic, Architecture
from rewardsmith.train.members.features import can_flatten
from rewardsmith.train.members.networks import ACTIVATIONS
from rewardsmith.types import Array

State = Mapping[str, torch.Tensor]
"""Weights by name, as torch's ``state_dict`` gives them."""


class NotHere(Exception):
    """A policy or a setting that only Stable-Baselines3 itself can train; says why."""


def architecture_of(model: PPO) -> Architecture:
    """The form of a model's networks.

    Raises:
        NotHere: they have parts that members do not have.
    """
    policy = model.policy
    if type(policy).forward is not ActorCriticPolicy.forward:
        raise NotHere(f"its policy is a {type(policy).__name__}")
    if model.use_sde or policy.squash_output:
        raise NotHere("use_sde explores by noise that depends on the state")
    if not flattens(policy.features_extractor):
        raise NotHere("its policy extracts features by a network, e.g. convolutions of images")
    if not can_flatten(model.observation_space):
        raise NotHere(f"observations are a {type(model.observation_space).__name__}")
    layers = policy.mlp_extractor
    of_policy, of_value = list(layers.policy_net), list(layers.value_net)
    policy_widths, activation = hidden_layers(of_policy)
    value_widths, other = hidden_layers(of_value)
    if activation != other:
        raise NotHere(f"its networks use {activation} and {other}")
    inputs = int(of_policy[0].in_features)  # type: ignore[arg-type]
    return Architecture(inputs, policy_widths, value_widths, activation, model.action_space)


def flattens(extractor: nn.Module) -> bool:
    """Whether a network that extracts features only flattens observations."""
    parts: Sequence[nn.Module] = [extractor]
    if type(extractor) is CombinedExtractor:
        parts = list(extractor.extractors.values())
    return all(type(part) in (FlattenExtractor, nn.Flatten) for part in parts)


def hidden_layers(layers: Sequence[nn.Module]) -> tuple[tuple[int, ...], str]:
    """Widths of hidden layers, and the name of the function after each.

    Raises:
        NotHere: they are something else.
    """
    linear, between = layers[0::2], layers[1::2]
    names = {type(layer).__name__ for layer in between}
    if not all(type(layer) is nn.Linear for layer in linear) or len(linear) != len(between):
        raise NotHere("its networks are not linear layers with activations between them")
    if not linear:
        raise NotHere("its networks have no hidden layer")
    if len(names) > 1 or not names <= set(ACTIVATIONS):
        raise NotHere(f"its networks use {', '.join(sorted(names))}")
    return tuple(len(layer.weight) for layer in linear), names.pop()  # type: ignore[arg-type]


def read_weights(state: State, networks: ActorCritic, member: int) -> None:
    """Copy the weights of a policy, its ``state_dict``, into the row of a member."""
    for tensor, row in _pairs(state, networks, member):
        row[...] = tensor.numpy()


def write_weights(networks: ActorCritic, member: int, policy: ActorCriticPolicy) -> None:
    """Copy the row of a member into a policy."""
    with torch.no_grad():
        for tensor, row in _pairs(policy.state_dict(), networks, member):
            tensor.copy_(torch.from_numpy(row.copy()))


def _pairs(
    state: State, networks: ActorCritic, member: int
) -> Iterator[tuple[torch.Tensor, Array]]:
    """Each tensor of a policy with the same part of a member's row, both writable."""
    parameters = networks.parameters
    for place, name in enumerate(("policy", "value")):
        body, network = ("body", place) if networks.joint else (name, 0)
        layers = [key for key in state if key.startswith(f"mlp_extractor.{name}_net.")]
        for layer, (weight, bias) in enumerate(zip(layers[0::2], layers[1::2], strict=True)):
            yield state[weight].T, parameters[f"{body}.{layer}.weight"][member, network]
            yield state[bias][None], parameters[f"{body}.{layer}.bias"][member, network]
    for theirs, ours in (("action_net", "action"), ("value_net", "estimate")):
        yield state[f"{theirs}.weight"].T, parameters[f"{ours}.weight"][member]
        yield state[f"{theirs}.bias"][:, None], parameters[f"{ours}.bias"][member]
    if "log_std" in state:
        yield state["log_std"], parameters["log_std"][member]


def check_actions(model: PPO) -> None:
    """Refuse spaces of actions that members do not draw from."""
    space = model.action_space
    if len(space.shape or ()) > 1 and choices(space) is not None:
        raise NotHere(f"actions are a {type(space).__name__} of {len(space.shape or ())} axes")
