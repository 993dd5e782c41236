"""Questions about demonstrations, from which :mod:`network` learns the answers to questions.

A question hides one word of an instruction. Its answer is the hidden word if the question is about
the demonstration's own instruction. Questions about other instructions teach "no answer".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rewardsmith.errors import UsageError
from rewardsmith.types import Array, Episode
from rewardsmith.writers.questions.program import Texts

LEAST = 40  # demonstrations
_OTHERS = 3  # other instructions per demonstration
_FOLDS = 5  # one of these folds of the demonstrations is held out


class Instructions(NamedTuple):
    """The question words of n instructions, in order.

    Each array has shape (n, k); words are their places in :attr:`Texts.question_words` from 1.

    Attributes:
        words: the question words; 0 after the last.
        left, right: the words directly before and after; 0 where that is no question word.
        ends: whether the instruction ends with the word.
    """

    words: Array
    left: Array
    right: Array
    ends: Array


class DemonstrationQuestions(NamedTuple):
    """Questions about demonstrations, each array of shape (n,).

    Attributes:
        episode: number of the demonstration.
        instruction: number of the demonstration whose instruction the question is about.
        hidden: which question word of that instruction is hidden, from 0.
        answer: place of the hidden word; 0 for "no answer".
    """

    episode: Array
    instruction: Array
    hidden: Array
    answer: Array


def check_demonstrations(
    texts: Texts, demonstrations: Sequence[Episode], seed: int = 0
) -> tuple[Instructions, DemonstrationQuestions, DemonstrationQuestions]:
    """The instructions, the questions for training, and the questions for validation.

    Raises:
        UsageError: there are too few demonstrations, or their instructions are so alike that "no
            answer" cannot be learned.
    """
    shown = {episode.fields[texts.instruction.name][0].tobytes() for episode in demonstrations}
    if len(demonstrations) < LEAST or len(shown) < 2:
        raise UsageError(
            f"answers are learned from at least {LEAST} successes with different instructions, "
            f"found {len(demonstrations)} with {len(shown)}",
            "record some: rewardsmith tasks record TASK --by FILE:FUNCTION --episodes 1000 -o "
            "demos.npz; then give them: --bank demos.npz",
        )
    ids = np.stack([episode.fields[texts.instruction.name][0] for episode in demonstrations])
    instructions, rng = instructions_in(texts, ids), np.random.default_rng(seed)
    held_out = rng.permutation(len(ids)) % _FOLDS == 0
    parts = [
        questions_about(instructions, np.flatnonzero(part), rng) for part in (~held_out, held_out)
    ]
    if not all((part.answer == 0).any() and (part.answer > 0).any() for part in parts):
        raise UsageError(
            "when to keep silent is learned from instructions that are about something else, but "
            f"those of the {len(shown)} instructions found are too few, or name a thing by one "
            "word only",
            "record more of them, or let the rule answer: leave out -O answers=learned",
        )
    return instructions, parts[0], parts[1]


def instructions_in(texts: Texts, ids: Array) -> Instructions:
    """The question words of encoded instructions.

    Args:
        ids: number of each word, 0 after the last; shape (n, most words).
    """
    places = np.zeros(len(texts.instruction.words) + 2, np.int64)
    for place, word in enumerate(texts.question_words, 1):
        places[texts.instruction.words.index(word) + 1] = place
    at, any_word = (np.pad(values, ((0, 0), (1, 1))) for values in (places[ids], ids > 0))
    found = [_question_words(*rows) for rows in zip(at, any_word, strict=True)]
    most = max(map(len, found))
    filled = np.array([row + [(0, 0, 0, False)] * (most - len(row)) for row in found], np.int64)
    return Instructions(*np.moveaxis(filled, 2, 0))


def _question_words(places: Array, any_word: Array) -> list[tuple[int, int, int, bool]]:
    """Of each question word of one instruction: (word, left, right, ends), see the class."""
    return [
        (places[i], places[i - 1], places[i + 1], not any_word[i + 1])
        for i in np.flatnonzero(places)
    ]


def questions_about(
    instructions: Instructions, episodes: Array, rng: np.random.Generator
) -> DemonstrationQuestions:
    """All questions about each demonstration's own instruction, and some that have no answer.

    A question about another instruction has no answer if a word beside the hidden one is not in the
    own instruction: "the <?> ball" has an answer after a red ball, whatever the instruction was.
    The own instruction must also be as specific: after "a key" the key may have been green.
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
    return DemonstrationQuestions(*(np.array(column) for column in zip(*rows, strict=True)))
