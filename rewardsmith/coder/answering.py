"""Answers to questions learned from demonstrations, as a program: a network so small that it stands in the source.

EAGER (Carta et al. 2022, arXiv 2206.09674) asks a network about what the agent has done so far; it is trained on whole
demonstrations and used on their beginnings. Here it reads one step (what was done, what the task's texts say after it,
and the instruction with a word hidden), and an episode's answer is its surest step: so what answers a whole episode
answers it from the step on that told. "No answer" is learned from instructions of other demonstrations, whose questions
are about something else. The program holds the weights as numbers, and is checked, trained and exported as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rewardsmith.coder.questions import Texts
from rewardsmith.errors import UsageError
from rewardsmith.types import Array, Episode

LEAST = 40  # demonstrations
_HIDDEN = 12
_STEPS, _BATCH = 1500, 512
_RATE, _DECAY = 0.02, 1e-4
_OTHERS = 3  # instructions of others that each demonstration is asked about
_HELD_OUT = 5  # one demonstration in so many
_UNIT = 100  # weights are whole hundredths


class Asked(NamedTuple):
    """Questions about demonstrations.

    Attributes:
        episode: which demonstration, shape (n,).
        hidden: which of the words of the instruction is hidden, counted from 0, shape (n,).
        words: the instruction's asked words in order, shape (n, k): places in :attr:`Texts.asked` from 1, then 0.
        answer: the hidden word's place; 0 where the demonstration tells none, shape (n,).
    """

    episode: Array
    hidden: Array
    words: Array
    answer: Array


class Answerer(NamedTuple):
    """A network of one hidden layer: weights and biases, and how well it answered what it was not trained on.

    Attributes:
        layers: (d, h), (h,), (h, words), (words,); whole hundredths.
        answered: share of questions about held-out demonstrations that some step answers rightly.
        kept_silent: share of questions of other instructions that no step answers with the hidden word.
        demonstrations: it was trained on, and measured on.
    """

    layers: tuple[Array, Array, Array, Array]
    answered: float
    kept_silent: float
    demonstrations: tuple[int, int]


def learned_program(texts: Texts, demonstrations: Sequence[Episode], seed: int = 0) -> tuple[str, Answerer]:
    """The program that pays for answers of a network, and the network.

    Args:
        demonstrations: successful episodes with different instructions.

    Raises:
        UsageError: there are too few, or they show one instruction only.
    """
    check_demonstrations(texts, demonstrations)
    words = asked_words(texts, np.stack([episode.fields[texts.instruction.name][0] for episode in demonstrations]))
    count = actions_of(demonstrations)
    said = [told_by(texts, episode, count) for episode in demonstrations]
    rng = np.random.default_rng(seed)
    held = rng.permutation(len(said)) % _HELD_OUT == 0
    layers = _fit(said, questions_about(words, np.flatnonzero(~held), rng), len(texts.asked), seed)
    answers = questions_about(words, np.flatnonzero(held), rng)
    rightly = np.array([_told(layers, said[e], w, h, w[h]) for e, h, w, _ in zip(*answers, strict=True)])
    own = answers.answer > 0
    counts = int((~held).sum()), int(held.sum())
    learned = Answerer(layers, float(rightly[own].mean()), float(1 - rightly[~own].mean()), counts)
    return _program(texts, words.shape[1], count, learned), learned


def check_demonstrations(texts: Texts, demonstrations: Sequence[Episode]) -> None:
    """Whether answers can be learned from them.

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


def asked_words(texts: Texts, instructions: Array) -> Array:
    """The asked words of each instruction in order, see :class:`Asked`, shape (n, most asked words of one)."""
    places = {texts.instruction.words.index(word) + 1: place for place, word in enumerate(texts.asked, 1)}
    rows = [[places[word] for word in map(int, row) if word in places] for row in instructions]
    most = max(map(len, rows))
    return np.array([row + [0] * (most - len(row)) for row in rows], np.int64)


def actions_of(demonstrations: Sequence[Episode]) -> int:
    """How many discrete actions they show, up to the last one that was taken; 0 where actions are no such."""
    actions = np.concatenate([episode.actions for episode in demonstrations])
    return int(actions.max()) + 1 if actions.ndim == 1 and np.issubdtype(actions.dtype, np.integer) else 0


def told_by(texts: Texts, episode: Episode, actions: int) -> Array:
    """Which action each step was, if discrete, and which words each text says after it, shape (T, actions + words)."""
    after = [(episode.fields[field.name][-len(episode) :], len(field.words)) for field in texts.told]
    said = [np.any(ids[:, :, None] == np.arange(1, n + 1), axis=1) for ids, n in after]
    done = [np.reshape(episode.actions, (-1, 1)) == np.arange(actions)] if actions else []
    return np.concatenate([*done, *said], axis=1)


def questions_about(words: Array, episodes: Array, rng: np.random.Generator) -> Asked:
    """Every question of each demonstration's own instruction, and of some others that are about something else.

    Another's question is left out if what it shows of its instruction holds for this one too: "the <?> ball" after a
    red ball has an answer, whoever asks.
    """
    rows = []
    for episode in map(int, episodes):
        own = words[episode]
        rows += [(episode, place, own, own[place]) for place in np.flatnonzero(own)]
        for other in words[rng.choice(len(words), _OTHERS)]:
            shown = [(place, np.delete(other, place)) for place in np.flatnonzero(other)]
            foreign = [place for place, rest in shown if not set(rest[rest > 0]) <= set(own)]
            rows += [(episode, place, other, 0) for place in foreign]
    if not any(row[3] == 0 for row in rows) or not rows:
        raise UsageError("the instructions have no question that another demonstration cannot answer", "record more")
    return Asked(*(np.array(column) for column in zip(*rows, strict=True)))


def _inputs(said: Array, words: Array, hidden: Array, count: int) -> Array:
    """What the network reads of steps: what they tell, and the words of the instruction with one hidden, (..., d)."""
    shown = np.where(np.arange(words.shape[-1]) == hidden[..., None], count + 1, words)
    slots = (shown[..., None] == np.arange(1, count + 2)).reshape(*words.shape[:-1], -1)
    return np.concatenate([said, np.broadcast_to(slots, (*said.shape[:-1], slots.shape[-1]))], axis=-1)


def _fit(said: Sequence[Array], asked: Asked, count: int, seed: int) -> tuple[Array, Array, Array, Array]:
    """Cross entropy of the surest step of each demonstration; "no answer" has the value 0."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    longest = max(map(len, said))
    steps = np.stack([np.pad(said[e], ((0, longest - len(said[e])), (0, 0)), mode="edge") for e in asked.episode])
    inputs = _inputs(steps, asked.words[:, None], asked.hidden[:, None], count)
    x, wanted = torch.as_tensor(inputs, dtype=torch.float32), torch.as_tensor(asked.answer)
    generator = torch.Generator().manual_seed(seed)
    shapes = ((inputs.shape[-1], _HIDDEN), (_HIDDEN,), (_HIDDEN, count), (count,))
    layers = [torch.randn(shape, generator=generator) * (shape[0] ** -0.5 if len(shape) > 1 else 0) for shape in shapes]
    for layer in layers:
        layer.requires_grad_(True)
    optimiser = torch.optim.Adam(layers, lr=_RATE, weight_decay=_DECAY)
    for _ in range(_STEPS):
        rows = torch.randint(len(x), (_BATCH,), generator=generator)
        surest = _values(x[rows], layers).amax(dim=1)
        scores = torch.cat([torch.zeros(len(rows), 1), surest], dim=1)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(scores, wanted[rows]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    torch.set_num_threads(threads)
    first, bias, second, last = (np.round(layer.detach().numpy() * _UNIT).astype(np.int64) for layer in layers)
    return first, bias, second, last


def _values(inputs: Any, layers: Sequence[Any]) -> Any:
    """Of each answer, for arrays and for tensors."""
    hidden = inputs @ layers[0] + layers[1]
    return (hidden * (hidden > 0)) @ layers[2] + layers[3]


def _told(layers: Sequence[Array], said: Array, words: Array, hidden: int, answer: int) -> bool:
    """Whether some step gives this answer."""
    values = _values(_inputs(said, words, np.asarray(hidden), layers[3].size), [layer / _UNIT for layer in layers])
    best = values.argmax(axis=1) + 1
    return bool(np.any((values.max(axis=1) > 0) & (best == answer)))


def _program(texts: Texts, most: int, actions: int, learned: Answerer) -> str:
    name, told = texts.instruction.name, texts.told
    first, bias, second, last = map(_literal, learned.layers)
    places = tuple(texts.instruction.words.index(word) + 1 for word in texts.asked)
    read = " and ".join(field.name for field in told)
    said = ", ".join(
        [f"action[:, None] == np.arange({actions})"] * bool(actions)
        + [f"words_of(next_{field.name}, {len(field.words)})" for field in told]
    )
    arguments = ", ".join([f"first_{name}", *["action"] * bool(actions), *(f"next_{field.name}" for field in told)])
    held = "\n".join(f'        "question_{k + 1}": right(said, words, {k}),' for k in range(most))
    (trained, measured), (answered, silent) = learned.demonstrations, (learned.answered, learned.kept_silent)
    done = "the action, " if actions else ""
    return f'''import numpy as np

# A small network that learned from {trained} demonstrations which word of {name} they tell. Of {measured} others it
# answered {answered:.0%} of the questions; {silent:.0%} of the questions about something else it left open.
# The words that are hidden, one at a time, by their numbers: {", ".join(texts.asked)}.
ASKED = np.array({places})
# What it reads: {done}the words that {read} say, each asked word of {name} or that it is hidden.
HIDDEN = np.array({first}) / {_UNIT}
HIDDEN_BIAS = np.array({bias}) / {_UNIT}
ANSWERS = np.array({second}) / {_UNIT}
ANSWERS_BIAS = np.array({last}) / {_UNIT}


def subgoals({arguments}):
    """For each hidden word of {name}: whether the network gives the right answer after this step."""
    said = np.concatenate([{said}], axis=1)  # of the step
    asked = first_{name}[:, :, None] == ASKED
    place = np.where(np.any(asked, axis=2), 1 + np.argmax(asked, axis=2), 0)
    number = np.where(place > 0, np.cumsum(place > 0, axis=1), 0)
    words = np.stack([np.sum(np.where(number == k + 1, place, 0), axis=1) for k in range({most})], axis=1)
    return {{
{held}
    }}


def words_of(ids, count):
    """Which of its words a text says."""
    return np.any(ids[:, :, None] == np.arange(1, count + 1), axis=1)


def right(said, words, hidden):
    """Whether the network names the hidden word; a value below 0 is no answer."""
    shown = np.where(np.arange({most}) == hidden, {len(places) + 1}, words)
    slots = np.reshape(shown[:, :, None] == np.arange(1, {len(places) + 2}), (len(words), {most * (len(places) + 1)}))
    inputs = np.concatenate([said, slots], axis=1) * 1.0
    values = np.matmul(np.maximum(np.matmul(inputs, HIDDEN) + HIDDEN_BIAS, 0), ANSWERS) + ANSWERS_BIAS
    sure = np.max(values, axis=1) > 0
    return sure & (words[:, hidden] == 1 + np.argmax(values, axis=1)) & (words[:, hidden] > 0)
'''


def _literal(values: Array) -> str:
    """A row a line."""
    if values.ndim == 1:
        return str(values.tolist())
    return "[\n" + "".join(f"    {row.tolist()},\n" for row in values) + "]"
