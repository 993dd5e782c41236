"""A program whose answers to questions are learned from demonstrations.

EAGER (Carta et al. 2022, arXiv 2206.09674) trains a network on whole demonstrations and applies it
to what the agent has done so far. Here the network reads one step, and an episode's answer is that
of its most certain step. So a question that a whole episode answers is answered from the deciding
step on. The program contains the weights as numbers; it is checked, trained and exported as any
other program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.types import Array, Episode
from rewardsmith.writers.questions.demonstrations import check_demonstrations
from rewardsmith.writers.questions.network import (
    UNIT,
    Layers,
    actions_of,
    answers_of,
    fit,
    places_of,
    step_features,
)
from rewardsmith.writers.questions.program import Texts


class AnswerNetwork(NamedTuple):
    """A network with one hidden layer, and its quality on held-out demonstrations.

    Attributes:
        layers: weights and biases.
        answered: share of the questions with an answer that some step answers correctly.
        kept_silent: share of the questions without an answer that no step answers.
        demonstrations: number of training and of held-out demonstrations.
    """

    layers: Layers
    answered: float
    kept_silent: float
    demonstrations: tuple[int, int]


def learned_program(
    texts: Texts, demonstrations: Sequence[Episode], seed: int = 0
) -> tuple[str, AnswerNetwork]:
    """The program that rewards the answers of a network, and the network.

    Args:
        demonstrations: successful episodes with different instructions.

    Raises:
        UsageError: see :func:`rewardsmith.writers.questions.demonstrations.check_demonstrations`.
    """
    instructions, training, held_out = check_demonstrations(texts, demonstrations, seed)
    actions = actions_of(demonstrations)
    features = [step_features(texts, episode, actions) for episode in demonstrations]
    layers = fit(features, instructions, training, seed)
    given = [
        answers_of(layers, features[e], instructions, i, h)
        for e, i, h, _ in zip(*held_out, strict=True)
    ]
    pairs = list(zip(held_out.answer, given, strict=True))
    correct = [answer in found for answer, found in pairs if answer]
    silent = [not found for answer, found in pairs if not answer]
    counts = len(np.unique(training.episode)), len(np.unique(held_out.episode))
    network = AnswerNetwork(layers, float(np.mean(correct)), float(np.mean(silent)), counts)
    return _program(texts, instructions.words.shape[1], actions, network), network


def _program(texts: Texts, most: int, actions: int, network: AnswerNetwork) -> str:
    name, answering = texts.instruction.name, texts.answering
    count = len(texts.question_words)
    first, bias, second, last = map(_literal, network.layers)
    asked = tuple(texts.instruction.words.index(word) + 1 for word in texts.question_words)
    tables = "\n".join(
        f"{field.name.upper()}_WORDS = np.array({places_of(texts, field.words).tolist()})"
        for field in answering
    )
    said = ", ".join(f"says(next_{field.name}, {field.name.upper()}_WORDS)" for field in answering)
    arguments = ", ".join(
        [
            f"first_{name}",
            *["action"] * bool(actions),
            *(f"next_{field.name}" for field in answering),
        ]
    )
    done = (
        f"action[:, None] == np.arange({actions})"
        if actions
        else f"np.zeros((len(first_{name}), 0), dtype=bool)"
    )
    given = f"said, done, place, first_{name}"
    entries = "\n".join(
        f'        "question_{k}": is_answered({given}, {k}),' for k in range(1, most + 1)
    )
    trained, held_out = network.demonstrations
    return f'''import numpy as np

# A small network that learned from {trained} demonstrations which word of {name} is hidden.
# On {held_out} other demonstrations it answers {network.answered:.0%} of the questions; it gives
# no answer to {network.kept_silent:.0%} of the questions about another {name}.
# The numbers of the words that are hidden, one at a time:
# {", ".join(texts.question_words)}.
ASKED = np.array({asked})
WORDS = np.arange(1, {count + 1})
# The numbers of these words in the other texts.
{tables}
# Inputs for each word that could be the answer: whether each text contains it, whether it is the
# word before or after the hidden one, and which word it is; whether each text contains the word
# before, the word after; whether these exist; whether {name} ends with the hidden word; which
# question it is{"; which action it was" if actions else ""}.
HIDDEN = np.array({first}) / {UNIT}
HIDDEN_BIAS = np.array({bias}) / {UNIT}
ANSWER = np.array({second}) / {UNIT}
ANSWER_BIAS = np.array({last}) / {UNIT}


def subgoals({arguments}):
    """For each hidden word of {name}: whether the network answers with it after this step."""
    said = np.stack([{said}], axis=1)
    done = {done}
    asked = first_{name}[:, :, None] == ASKED
    place = np.where(np.any(asked, axis=2), 1 + np.argmax(asked, axis=2), 0)
    return {{
{entries}
    }}


{_functions(count, most)}'''


def _functions(count: int, most: int) -> str:
    """The functions that evaluate the network, as :mod:`network` does, for one question."""
    return f'''def says(ids, words):
    """Whether a text contains each of the words."""
    return np.any(ids[:, :, None] == words, axis=1)


def is_answered(said, done, place, more, number):
    """Whether the network answers with the hidden word; a value below 0 is no answer."""
    hidden = (place > 0) & (np.cumsum(place > 0, axis=1) == number)
    none = np.zeros((len(place), 1), dtype=int)
    word = np.sum(np.where(hidden, place, 0), axis=1)
    before = np.concatenate([none, place[:, :-1]], axis=1)
    after = np.concatenate([place[:, 1:], none], axis=1)
    left = np.sum(np.where(hidden, before, 0), axis=1)[:, None] == WORDS
    right = np.sum(np.where(hidden, after, 0), axis=1)[:, None] == WORDS
    ends = np.any(hidden & np.concatenate([more[:, 1:] == 0, none == 0], axis=1), axis=1)
    there = np.stack([np.any(left, axis=1), np.any(right, axis=1), ends], axis=1)
    which = np.repeat(np.arange(1, {most + 1})[None] == number, len(place), axis=0)
    near = [np.any(said & words[:, None], axis=2) for words in (left, right)]
    same = np.repeat(np.concatenate([*near, there, which, done], axis=1)[:, None], {count}, axis=1)
    own = [np.moveaxis(said, 1, 2), np.stack([left, right], axis=2)]
    identity = np.repeat(np.eye({count})[None], len(place), axis=0)
    inputs = np.concatenate([*own, identity, same], axis=2) * 1.0
    layer = np.maximum(np.matmul(inputs, HIDDEN) + HIDDEN_BIAS, 0)
    values = np.matmul(layer, ANSWER)[:, :, 0] + ANSWER_BIAS
    return (word > 0) & (np.max(values, axis=1) > 0) & (word == 1 + np.argmax(values, axis=1))
'''


def _literal(values: Array) -> str:
    """The array as code, one row per line."""
    if values.ndim == 1:
        return str(values.tolist())
    return "[\n" + "".join(f"    {row.tolist()},\n" for row in values) + "]"
