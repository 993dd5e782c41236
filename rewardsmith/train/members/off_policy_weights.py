"""Off-policy models of Stable-Baselines3 as algorithms of members, and their weights back.

A policy's ``state_dict`` has the networks and their targets, so checkpoints of members are read as
those of Stable-Baselines3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3 import DQN, SAC, TD3
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import nn

from rewardsmith.train.members.critics import CriticForm
from rewardsmith.train.members.features import Features, can_flatten
from rewardsmith.train.members.off_policy import OffPolicy
from rewardsmith.train.members.parameters import Parameters
from rewardsmith.train.members.single import Form
from rewardsmith.train.members.weights import NotHere, flattens, hidden_layers
from rewardsmith.types import Array

_EXTRACTOR = "features_extractor"
_Pairs = Iterator[tuple[torch.Tensor, Array]]


def check_networks(model: OffPolicyAlgorithm) -> None:
    """Refuse what a model's networks read and give where members cannot.

    Raises:
        NotHere: says why.
    """
    space, policy = model.observation_space, model.policy
    if not type(policy).__module__.startswith("stable_baselines3."):
        raise NotHere(f"its policy is a {type(policy).__name__}")
    extractors = [part for name, part in policy.named_modules() if name.endswith(_EXTRACTOR)]
    if not all(map(flattens, extractors)):
        raise NotHere("its policy extracts features by a network, e.g. convolutions of images")
    if not can_flatten(space):
        raise NotHere(f"observations are a {type(space).__name__}")
    if not policy.normalize_images:
        raise NotHere("normalize_images is off")
    actions = model.action_space
    if isinstance(actions, spaces.Discrete) and actions.start != 0:
        raise NotHere("its actions are not counted from 0")
    if isinstance(actions, spaces.Box) and actions.dtype.kind != "f":
        raise NotHere("its actions are whole numbers of a box")


def network_of(model: DQN | SAC | TD3) -> Form:
    """The form of the network that acts."""
    policy: Any = model.policy
    if isinstance(model, DQN):
        hidden, activation = hidden_layers(list(policy.q_net.q_net)[:-1])
        outputs = int(model.action_space.n)  # type: ignore[attr-defined]
    elif isinstance(model, SAC):
        hidden, activation = hidden_layers(list(policy.actor.latent_pi))
        outputs = 2 * len(policy.actor.mu.weight)
    else:
        layers = list(policy.actor.mu)
        hidden, activation = hidden_layers(layers[:-2])
        outputs = len(layers[-2].weight)
    return Form(Features(model.observation_space).width, hidden, outputs, activation)


def critics_of(model: SAC | TD3) -> CriticForm:
    """The form of the critics."""
    networks = list(model.critic.q_networks)
    hidden, activation = hidden_layers(list(networks[0])[:-1])  # type: ignore[call-overload]
    width = Features(model.observation_space).width
    numbers = int(networks[0][0].in_features) - width  # type: ignore[index]
    return CriticForm(width, numbers, hidden, activation, len(networks))


def read_weights(model: OffPolicyAlgorithm, algorithm: OffPolicy, member: int) -> None:
    """Copy the weights of a model into the rows of a member."""
    for tensor, row in _pairs(model, algorithm, member):
        row[...] = tensor.detach().numpy()


def read_network(model: OffPolicyAlgorithm, parameters: Parameters, member: int) -> None:
    """Copy the weights of the network that acts into the row of a member."""
    policy: Any = model.policy
    module = policy.q_net if isinstance(model, DQN) else policy.actor
    for tensor, row in _network_pairs(module, parameters, member):
        row[...] = tensor.detach().numpy()


def write_weights(algorithm: OffPolicy, member: int, model: OffPolicyAlgorithm) -> None:
    """Copy the rows of a member into a model."""
    with torch.no_grad():
        for tensor, row in _pairs(model, algorithm, member):
            tensor.copy_(torch.from_numpy(row.copy()))


def _pairs(model: OffPolicyAlgorithm, algorithm: OffPolicy, member: int) -> _Pairs:
    """Each tensor of a model with the same part of a member's rows, both writable."""
    policy: Any = model.policy
    for name, parameters in algorithm.parameters.items():
        if name == "log_ent_coef":
            yield model.log_ent_coef.data, parameters[name][member]  # type: ignore[attr-defined]
        elif name.startswith("critic"):
            for network, layers in enumerate(getattr(policy, name).q_networks):
                yield from _critic_pairs(list(layers), parameters, member, network)
        else:
            yield from _network_pairs(getattr(policy, name), parameters, member)


def _network_pairs(module: Any, parameters: Parameters, member: int) -> _Pairs:
    if hasattr(module, "latent_pi"):  # the actor of SAC
        layers, heads = list(module.latent_pi), [module.mu, module.log_std]
    else:
        layers = list(getattr(module, "q_net", None) or module.mu)
        last = max(place for place, layer in enumerate(layers) if type(layer) is nn.Linear)
        layers, heads = layers[:last], [layers[last]]
    yield from _body_pairs(layers, parameters, member, 0)
    begin = 0
    for head in heads:
        end = begin + len(head.weight)
        yield head.weight.data.T, parameters["output.weight"][member, :, begin:end]
        yield head.bias.data[:, None], parameters["output.bias"][member, begin:end]
        begin = end


def _critic_pairs(
    layers: Sequence[Any], parameters: Parameters, member: int, network: int
) -> _Pairs:
    last = layers[-1]
    return chain(
        _body_pairs(layers[:-1], parameters, member, network),
        [
            (last.weight.data.T, parameters["value.weight"][member, network]),
            (last.bias.data, parameters["value.bias"][member, network]),
        ],
    )


def _body_pairs(layers: Sequence[Any], parameters: Parameters, member: int, network: int) -> _Pairs:
    for place, layer in enumerate(layers[0::2]):
        yield layer.weight.data.T, parameters[f"body.{place}.weight"][member, network]
        yield layer.bias.data[None], parameters[f"body.{place}.bias"][member, network]
