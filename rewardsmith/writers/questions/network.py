"""A small network that answers questions about demonstrations.

It scores each word that could be the answer, from what the agent did and from whether each text of
the task contains that word and the words beside the hidden one after the step. Its weights do not
depend on the word, so that most of what it learns about one word holds for all. The answer of an
episode is that of the step with the highest score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.types import Array, Episode
from rewardsmith.writers.questions.demonstrations import DemonstrationQuestions, Instructions
from rewardsmith.writers.questions.program import Texts

UNIT = 100  # weights are multiples of 1 / UNIT
_HIDDEN = 12
# The best of several initialisations: with so few units, one may answer only half the questions.
_INITIALISATIONS = 3
_STEPS, _BATCH = 800, 128
_RATE, _DECAY = 0.02, 1e-5

Layers = tuple[Array, Array, Array, Array]
"""Weights and biases in units of 1 / UNIT, shapes (d, h), (h,), (h, 1), (1,)."""


class StepFeatures(NamedTuple):
    """What the network reads of the T steps of an episode.

    Attributes:
        said: whether a text contains a word after a step, shape (T, texts, question words).
        done: which action it was, shape (T, actions); of width 0 where actions are not discrete.
    """

    said: Array
    done: Array


def actions_of(demonstrations: Sequence[Episode]) -> int:
    """The number of discrete actions, up to the highest in the data; 0 for other actions."""
    actions = np.concatenate([episode.actions for episode in demonstrations])
    discrete = actions.ndim == 1 and np.issubdtype(actions.dtype, np.integer)
    return int(actions.max()) + 1 if discrete else 0


def step_features(texts: Texts, episode: Episode, actions: int) -> StepFeatures:
    """The features of the steps of an episode."""
    after = [episode.fields[field.name][-len(episode) :] for field in texts.answering]
    said = [
        np.any(ids[:, :, None] == places_of(texts, field.words), axis=1)
        for ids, field in zip(after, texts.answering, strict=True)
    ]
    done = np.reshape(episode.actions, (len(episode), -1))[:, :1] == np.arange(actions)
    return StepFeatures(np.stack(said, axis=1), done)


def places_of(texts: Texts, words: Sequence[str]) -> Array:
    """The numbers of the question words in another text's list of words; -1 where it lacks one."""
    return np.array(
        [words.index(word) + 1 if word in words else -1 for word in texts.question_words]
    )


def inputs_of(features: StepFeatures, question: Sequence[Array], most: int) -> Array:
    """The inputs of the network for each word that could be the answer.

    Args:
        features: of steps, shapes (..., texts, words) and (..., actions).
        question: of each step: left, right, ends, see :class:`Instructions`, and which is hidden;
            shape (...) each.
        most: the most questions of an instruction.

    Returns:
        Shape (..., words, d). First, for each word: whether each text contains it; whether it is
        the left one, the right one; which word it is. Then, the same for all words: whether each
        text contains the left one, the right one; whether there is a left one, a right one,
        whether the instruction ends with the hidden one; which question it is; which action it was.
    """
    (said, done), (left, right, ends, hidden) = features, question
    count = said.shape[-1]
    beside = [np.arange(1, count + 1) == near[..., None] for near in (left, right)]
    own = [np.moveaxis(said, -1, -2), np.stack(beside, axis=-1)]
    own.append(np.broadcast_to(np.eye(count, dtype=bool), (*own[0].shape[:-1], count)))
    near_said = [np.any(said & near[..., None, :], axis=-1) for near in beside]
    about = np.stack([left > 0, right > 0, ends > 0], axis=-1)
    same = np.concatenate([*near_said, about, np.arange(most) == hidden[..., None], done], axis=-1)
    return np.concatenate([*own, np.repeat(same[..., None, :], count, axis=-2)], axis=-1)


def fit(
    features: Sequence[StepFeatures],
    instructions: Instructions,
    questions: DemonstrationQuestions,
    seed: int,
) -> Layers:
    """The network with the lowest loss of several initialisations.

    The loss is the cross entropy of the step with the highest score; "no answer" has the score 0.
    """
    training = _Training(features, instructions, questions)
    _, best = min(
        (training.run(_INITIALISATIONS * seed + number) for number in range(_INITIALISATIONS)),
        key=lambda one: one[0],
    )
    first, bias, second, last = (
        np.round(layer.detach().numpy() * UNIT).astype(np.int64) for layer in best
    )
    return first, bias, second, last


class _Training:
    """The data of :func:`fit`, padded to the longest episode by repeating its last step."""

    def __init__(
        self,
        features: Sequence[StepFeatures],
        instructions: Instructions,
        questions: DemonstrationQuestions,
    ) -> None:
        self._longest = max(len(each.done) for each in features)
        self._steps = StepFeatures(*(self._padded(each) for each in zip(*features, strict=True)))
        self._questions = questions
        place = questions.instruction, questions.hidden
        self._asked = [*(part[place] for part in instructions[1:]), questions.hidden]
        self._most = instructions.words.shape[1]
        _, _, texts, count = self._steps.said.shape
        width = 3 * texts + count + 5 + self._most + self._steps.done.shape[2]
        self._shapes = ((width, _HIDDEN), (_HIDDEN,), (_HIDDEN, 1), (1,))

    def _padded(self, arrays: Sequence[Array]) -> Array:
        return np.stack([_lengthened(values, self._longest) for values in arrays])

    def run(self, seed: int) -> tuple[float, list[Any]]:
        """The loss and the layers of one training."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        layers = self._initial(generator)
        optimiser = torch.optim.Adam(
            [layer.requires_grad_(True) for layer in layers], lr=_RATE, weight_decay=_DECAY
        )
        count = len(self._questions.answer)
        for _ in range(_STEPS):
            optimiser.zero_grad()
            self._loss(
                layers, torch.randint(count, (_BATCH,), generator=generator).numpy()
            ).backward()
            optimiser.step()
        return self._loss(layers, np.arange(min(count, 16 * _BATCH))).item(), layers

    def _initial(self, generator: Any) -> list[Any]:
        import torch

        scales = [shape[0] ** -0.5 if len(shape) > 1 else 0.0 for shape in self._shapes]
        return [
            torch.randn(shape, generator=generator) * scale
            for shape, scale in zip(self._shapes, scales, strict=True)
        ]

    def _loss(self, layers: Sequence[Any], rows: Array) -> Any:
        import torch

        steps = StepFeatures(*(values[self._questions.episode[rows]] for values in self._steps))
        about = [np.repeat(part[rows, None], self._longest, axis=1) for part in self._asked]
        inputs = torch.as_tensor(inputs_of(steps, about, self._most), dtype=torch.float32)
        best = _values(inputs, layers).amax(dim=1)
        scores = torch.cat([torch.zeros(len(rows), 1), best], dim=1)
        answers = torch.as_tensor(self._questions.answer[rows])
        return torch.nn.functional.cross_entropy(scores, answers)


def _lengthened(values: Array, length: int) -> Array:
    return np.concatenate([values, np.repeat(values[-1:], length - len(values), axis=0)])


def _values(inputs: Any, layers: Sequence[Any]) -> Any:
    """The score of each word, for arrays and for tensors."""
    hidden = inputs @ layers[0] + layers[1]
    return ((hidden * (hidden > 0)) @ layers[2] + layers[3])[..., 0]


def answers_of(
    layers: Sequence[Array],
    features: StepFeatures,
    instructions: Instructions,
    which: int,
    hidden: int,
) -> set[int]:
    """The words that any step of an episode answers to a question; empty for "no answer"."""
    question = [*(part[which, hidden] for part in instructions[1:]), hidden]
    about = [np.repeat(part, len(features.done)) for part in question]
    inputs = inputs_of(features, about, instructions.words.shape[1])
    values = _values(inputs, [layer / UNIT for layer in layers])
    return set(map(int, 1 + values.argmax(axis=1)[values.max(axis=1) > 0]))
