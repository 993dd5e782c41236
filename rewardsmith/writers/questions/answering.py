"""Answers to questions learned from demonstrations, as a program: a network so small that it stands in the source.

EAGER (Carta et al. 2022, arXiv 2206.09674) asks a network about what the agent has done so far; it
is trained on whole demonstrations and used on their beginnings. Here it reads one step, and an
episode's answer is its surest step: so what answers a whole episode answers it from the step on
that told. "No answer" is learned from instructions of other demonstrations, whose questions are
about something else.

One small network judges each word that could be the answer, by what was done and by whether each of
the task's texts says after it that word and the words beside the hidden one. So most of what it
learns of one word it knows of all. The program holds the weights as numbers, and is checked,
trained and exported as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, Episode
from rewardsmith.writers.questions.program import Texts

LEAST = 40  # demonstrations
_HIDDEN = 12
# from different beginnings: one of so few units may end where it answers half of the questions
_TRIES = 3
_STEPS, _BATCH = 800, 128
_RATE, _DECAY = 0.02, 1e-5
_OTHERS = 3  # instructions of others that each demonstration is asked about
_HELD_OUT = 5  # one demonstration in so many
_UNIT = 100  # weights are whole hundredths


class Instructions(NamedTuple):
    """The asked words of instructions in order, each an array of shape (n, k): places in :attr:`Texts.asked` from 1.

    Attributes:
        words: the words; 0 after the last.
        left, right: the word right before and right behind, 0 where that is none of the asked.
        ends: whether the instruction ends with it.
    """

    words: Array
    left: Array
    right: Array
    ends: Array


class Asked(NamedTuple):
    """Questions about demonstrations, each array of shape (n,).

    Attributes:
        episode: which demonstration.
        instruction: whose instruction is asked about, also a demonstration.
        hidden: which of its words is hidden, counted from 0.
        answer: the hidden word's place; 0 where the demonstration tells none.
    """

    episode: Array
    instruction: Array
    hidden: Array
    answer: Array


class Told(NamedTuple):
    """What the steps of an episode tell.

    Attributes:
        said: whether a text says a word after a step, shape (T, texts, asked words).
        done: which action it was, shape (T, actions); of width 0 where actions are not discrete.
    """

    said: Array
    done: Array


class Answerer(NamedTuple):
    """A network of one hidden layer: weights and biases, and how well it answered what it was not trained on.

    Attributes:
        layers: (d, h), (h,), (h, 1), (1,); whole hundredths.
        answered: share of questions about held-out demonstrations that some step answers rightly.
        kept_silent: share of questions of other instructions that no step answers.
        demonstrations: it was trained on, and measured on.
    """

    layers: tuple[Array, Array, Array, Array]
    answered: float
    kept_silent: float
    demonstrations: tuple[int, int]


def learned_program(
    texts: Texts, demonstrations: Sequence[Episode], seed: int = 0
) -> tuple[str, Answerer]:
    """The program that pays for answers of a network, and the network.

    Args:
        demonstrations: successful episodes with different instructions.

    Raises:
        UsageError: there are too few, or nothing to keep silent about can be learned from their
            instructions.
    """
    instructions, asked, others = check_demonstrations(texts, demonstrations, seed)
    actions = actions_of(demonstrations)
    told = [told_by(texts, episode, actions) for episode in demonstrations]
    layers = _fit(told, instructions, asked, seed)
    given = [
        _answers(layers, told[e], instructions, i, h) for e, i, h, _ in zip(*others, strict=True)
    ]
    rightly = [
        answer in found for answer, found in zip(others.answer, given, strict=True) if answer
    ]
    silent = [not found for answer, found in zip(others.answer, given, strict=True) if not answer]
    counts = len(np.unique(asked.episode)), len(np.unique(others.episode))
    learned = Answerer(layers, float(np.mean(rightly)), float(np.mean(silent)), counts)
    return _program(texts, instructions.words.shape[1], actions, learned), learned


def check_demonstrations(
    texts: Texts, demonstrations: Sequence[Episode], seed: int = 0
) -> tuple[Instructions, Asked, Asked]:
    """The instructions, the questions to learn from, and those to measure by.

    Raises:
        UsageError: see :func:`learned_program`.
    """
    shown = {episode.fields[texts.instruction.name][0].tobytes() for episode in demonstrations}
    if len(demonstrations) < LEAST or len(shown) < 2:
        raise UsageError(
            f"answers are learned from at least {LEAST} successes with different instructions, found "
            f"{len(demonstrations)} with {len(shown)}",
            "record some: rewardsmith tasks record TASK --by FILE:FUNCTION --episodes 1000 -o demos.npz; then give "
            "them: --bank demos.npz",
        )
    ids = np.stack([episode.fields[texts.instruction.name][0] for episode in demonstrations])
    instructions, rng = instructions_in(texts, ids), np.random.default_rng(seed)
    held = rng.permutation(len(ids)) % _HELD_OUT == 0
    parts = [questions_about(instructions, np.flatnonzero(part), rng) for part in (~held, held)]
    if not all((part.answer == 0).any() and (part.answer > 0).any() for part in parts):
        raise UsageError(
            "when to keep silent is learned from instructions that are about something else, but those of the "
            f"{len(shown)} instructions found are too few, or name a thing by one word only",
            "record more of them, or let the rule answer: leave out -O answers=learned",
        )
    return instructions, parts[0], parts[1]


def instructions_in(texts: Texts, ids: Array) -> Instructions:
    """The asked words of texts that are given as numbers, shape (n, most words)."""
    places = np.zeros(len(texts.instruction.words) + 2, np.int64)
    for place, word in enumerate(texts.asked, 1):
        places[texts.instruction.words.index(word) + 1] = place
    at, any_word = (np.pad(values, ((0, 0), (1, 1))) for values in (places[ids], ids > 0))
    found = [
        [(row[i], row[i - 1], row[i + 1], not more[i + 1]) for i in np.flatnonzero(row)]
        for row, more in zip(at, any_word, strict=True)
    ]
    most = max(map(len, found))
    filled = np.array([row + [(0, 0, 0, False)] * (most - len(row)) for row in found], np.int64)
    return Instructions(*np.moveaxis(filled, 2, 0))


def actions_of(demonstrations: Sequence[Episode]) -> int:
    """How many discrete actions they show, up to the last one that was taken; 0 where actions are no such."""
    actions = np.concatenate([episode.actions for episode in demonstrations])
    return (
        int(actions.max()) + 1
        if actions.ndim == 1 and np.issubdtype(actions.dtype, np.integer)
        else 0
    )


def told_by(texts: Texts, episode: Episode, actions: int) -> Told:
    """What each step of an episode tells."""
    after = [episode.fields[field.name][-len(episode) :] for field in texts.told]
    said = [
        np.any(ids[:, :, None] == _places(texts, field.words), axis=1)
        for ids, field in zip(after, texts.told, strict=True)
    ]
    done = np.reshape(episode.actions, (len(episode), -1))[:, :1] == np.arange(actions)
    return Told(np.stack(said, axis=1), done)


def _places(texts: Texts, words: Sequence[str]) -> Array:
    """The numbers of the asked words in another text's list; -1 for one that it does not have."""
    return np.array([words.index(word) + 1 if word in words else -1 for word in texts.asked])


def questions_about(instructions: Instructions, episodes: Array, rng: np.random.Generator) -> Asked:
    """Every question of each demonstration's own instruction, and of some others that are about something else.

    Another's question is about something else if a word beside the hidden one is none of this
    instruction's: "the <?> ball" after a red ball has an answer, whoever asks. And this instruction
    must say as much: after "a key" the key may have been green.
    """
    words, rows = instructions.words, []
    for episode in map(int, episodes):
        own = set(words[episode]) - {0}
        rows += [
            (episode, episode, place, words[episode, place])
            for place in np.flatnonzero(words[episode])
        ]
        for other in map(int, rng.choice(len(words), _OTHERS)):
            for place in np.flatnonzero(words[other]):
                beside = {instructions.left[other, place], instructions.right[other, place]} - {0}
                if not beside <= own and len(own) >= len(set(words[other]) - {0}):
                    rows.append((episode, other, place, 0))
    return Asked(*(np.array(column) for column in zip(*rows, strict=True)))


def inputs_of(told: Told, question: Sequence[Array], most: int) -> Array:
    """What the network reads of each word that could be the answer, shape (..., words, d).

    Args:
        told: of steps, shapes (..., texts, words) and (..., actions).
        question: of each step: left, right, ends, see :class:`Instructions`, and which is hidden;
            shape (...) each.
        most: questions of an instruction at most.

    Returns:
        Whether each text says the word; whether it is the left one, the right one; which word it
        is; then, the same
        for all words: whether each text says the left one, the right one; whether there is a left
        one, a right one, whether the instruction ends with the hidden one; which question it is;
        which action it was.
    """
    (said, done), (left, right, ends, hidden) = told, question
    count, beside = (
        said.shape[-1],
        [np.arange(1, said.shape[-1] + 1) == near[..., None] for near in (left, right)],
    )
    own = [np.moveaxis(said, -1, -2), np.stack(beside, axis=-1)]
    own.append(np.broadcast_to(np.eye(count, dtype=bool), (*own[0].shape[:-1], count)))
    near_said = [np.any(said & near[..., None, :], axis=-1) for near in beside]
    about = np.stack([left > 0, right > 0, ends > 0], axis=-1)
    same = np.concatenate([*near_said, about, np.arange(most) == hidden[..., None], done], axis=-1)
    return np.concatenate([*own, np.repeat(same[..., None, :], count, axis=-2)], axis=-1)


def _fit(
    told: Sequence[Told], instructions: Instructions, asked: Asked, seed: int
) -> tuple[Array, Array, Array, Array]:
    """Of a few networks the one with the least loss: cross entropy of the surest step; "no answer" has the value 0."""
    import torch

    longest = max(len(each.done) for each in told)
    steps = Told(
        *(
            np.stack([_lengthened(values, longest) for values in each])
            for each in zip(*told, strict=True)
        )
    )
    question = [*(part[asked.instruction, asked.hidden] for part in instructions[1:]), asked.hidden]
    most, (_, _, texts, count) = instructions.words.shape[1], steps.said.shape
    width = 3 * texts + count + 5 + most + steps.done.shape[2]
    shapes = ((width, _HIDDEN), (_HIDDEN,), (_HIDDEN, 1), (1,))

    def loss(layers: Sequence[Any], rows: Array) -> Any:
        some = Told(*(values[asked.episode[rows]] for values in steps))
        about = [np.repeat(part[rows, None], longest, axis=1) for part in question]
        inputs = torch.as_tensor(inputs_of(some, about, most), dtype=torch.float32)
        scores = torch.cat([torch.zeros(len(rows), 1), _values(inputs, layers).amax(dim=1)], dim=1)
        return torch.nn.functional.cross_entropy(scores, torch.as_tensor(asked.answer[rows]))

    def learned(generator: torch.Generator) -> tuple[float, list[torch.Tensor]]:
        scales = [shape[0] ** -0.5 if len(shape) > 1 else 0.0 for shape in shapes]
        layers = [
            torch.randn(shape, generator=generator) * scale
            for shape, scale in zip(shapes, scales, strict=True)
        ]
        optimiser = torch.optim.Adam(
            [layer.requires_grad_(True) for layer in layers], lr=_RATE, weight_decay=_DECAY
        )
        for _ in range(_STEPS):
            optimiser.zero_grad()
            loss(
                layers, torch.randint(len(asked.answer), (_BATCH,), generator=generator).numpy()
            ).backward()
            optimiser.step()
        return loss(layers, np.arange(min(len(asked.answer), 16 * _BATCH))).item(), layers

    tries = [
        learned(torch.Generator().manual_seed(_TRIES * seed + number)) for number in range(_TRIES)
    ]
    _, best = min(tries, key=lambda one: one[0])
    first, bias, second, last = (
        np.round(layer.detach().numpy() * _UNIT).astype(np.int64) for layer in best
    )
    return first, bias, second, last


def _lengthened(values: Array, length: int) -> Array:
    """With its last row again and again."""
    return np.concatenate([values, np.repeat(values[-1:], length - len(values), axis=0)])


def _values(inputs: Any, layers: Sequence[Any]) -> Any:
    """Of each word, for arrays and for tensors."""
    hidden = inputs @ layers[0] + layers[1]
    return ((hidden * (hidden > 0)) @ layers[2] + layers[3])[..., 0]


def _answers(
    layers: Sequence[Array], told: Told, instructions: Instructions, which: int, hidden: int
) -> set[int]:
    """What the steps of an episode answer to a question."""
    question = [*(part[which, hidden] for part in instructions[1:]), hidden]
    about = [np.repeat(part, len(told.done)) for part in question]
    inputs = inputs_of(told, about, instructions.words.shape[1])
    values = _values(inputs, [layer / _UNIT for layer in layers])
    return set(map(int, 1 + values.argmax(axis=1)[values.max(axis=1) > 0]))


def _program(texts: Texts, most: int, actions: int, learned: Answerer) -> str:
    name, told, count = texts.instruction.name, texts.told, len(texts.asked)
    first, bias, second, last = map(_literal, learned.layers)
    asked = tuple(texts.instruction.words.index(word) + 1 for word in texts.asked)
    tables = "\n".join(
        f"{field.name.upper()}_WORDS = np.array({_places(texts, field.words).tolist()})"
        for field in told
    )
    said = ", ".join(f"says(next_{field.name}, {field.name.upper()}_WORDS)" for field in told)
    arguments = ", ".join(
        [f"first_{name}", *["action"] * bool(actions), *(f"next_{field.name}" for field in told)]
    )
    done = (
        f"action[:, None] == np.arange({actions})"
        if actions
        else f"np.zeros((len(first_{name}), 0), dtype=bool)"
    )
    given = f"said, done, place, first_{name}"
    held = "\n".join(f'        "question_{k}": right({given}, {k}),' for k in range(1, most + 1))
    (trained, measured), (answered, silent) = (
        learned.demonstrations,
        (learned.answered, learned.kept_silent),
    )
    return f'''import numpy as np

# A small network that learned from {trained} demonstrations which word of {name} they tell. Of {measured} others it
# answered {answered:.0%} of the questions; {silent:.0%} of the questions about something else it left open.
# The words that are hidden, one at a time, by their numbers: {", ".join(texts.asked)}.
ASKED = np.array({asked})
WORDS = np.arange(1, {count + 1})
# The numbers of these words in the other texts.
{tables}
# Of each word that could be the answer it reads whether each text says it, whether it is the word before the hidden one
# or behind, and which it is; then whether each text says the one before, the one behind, whether there is one, whether
# {name} ends with the hidden word, which question it is{", and the action" if actions else ""}.
HIDDEN = np.array({first}) / {_UNIT}
HIDDEN_BIAS = np.array({bias}) / {_UNIT}
ANSWER = np.array({second}) / {_UNIT}
ANSWER_BIAS = np.array({last}) / {_UNIT}


def subgoals({arguments}):
    """For each hidden word of {name}: whether the network gives the right answer after this step."""
    said = np.stack([{said}], axis=1)
    done = {done}
    asked = first_{name}[:, :, None] == ASKED
    place = np.where(np.any(asked, axis=2), 1 + np.argmax(asked, axis=2), 0)
    return {{
{held}
    }}


{_functions(count, most)}'''


def _functions(count: int, most: int) -> str:
    """What the program does with the weights: :func:`inputs_of` and :func:`_values` of the words of one question."""
    return f'''def says(ids, words):
    """Whether a text says each of the words."""
    return np.any(ids[:, :, None] == words, axis=1)


def right(said, done, place, more, number):
    """Whether the network takes the hidden word for the answer; a value below 0 is none."""
    hidden = (place > 0) & (np.cumsum(place > 0, axis=1) == number)
    none = np.zeros((len(place), 1), dtype=int)
    word = np.sum(np.where(hidden, place, 0), axis=1)
    left = np.sum(np.where(hidden, np.concatenate([none, place[:, :-1]], axis=1), 0), axis=1)[:, None] == WORDS
    behind = np.sum(np.where(hidden, np.concatenate([place[:, 1:], none], axis=1), 0), axis=1)[:, None] == WORDS
    ends = np.any(hidden & np.concatenate([more[:, 1:] == 0, none == 0], axis=1), axis=1)
    there = np.stack([np.any(left, axis=1), np.any(behind, axis=1), ends], axis=1)
    which = np.repeat(np.arange(1, {most + 1})[None] == number, len(place), axis=0)
    near = [np.any(said & words[:, None], axis=2) for words in (left, behind)]
    same = np.repeat(np.concatenate([*near, there, which, done], axis=1)[:, None], {count}, axis=1)
    own = [np.moveaxis(said, 1, 2), np.stack([left, behind], axis=2)]
    read = np.concatenate([*own, np.repeat(np.eye({count})[None], len(place), axis=0), same], axis=2) * 1.0
    values = np.matmul(np.maximum(np.matmul(read, HIDDEN) + HIDDEN_BIAS, 0), ANSWER)[:, :, 0] + ANSWER_BIAS
    return (word > 0) & (np.max(values, axis=1) > 0) & (word == 1 + np.argmax(values, axis=1))
'''


def _literal(values: Array) -> str:
    """A row a line."""
    if values.ndim == 1:
        return str(values.tolist())
    return "[\n" + "".join(f"    {row.tolist()},\n" for row in values) + "]"
