"""Questions about an instruction, and the program that answers them: EAGER without a model.

EAGER (Carta et al. 2022, arXiv 2206.09674) hides one word of the instruction at a time. Each hidden
word is a question, and the agent is rewarded when its actions so far give the correct answer. In
EAGER, a network that was trained on demonstrations answers. Here the task's own text fields answer:
they describe what the agent is doing in words of the instruction (holds: red ball). An object
answers a question if its description contains the hidden word and the words beside it: a blue ball
in hand does not answer for "the red ball". The program defines ``subgoals``, one per question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rewardsmith.errors import UsageError
from rewardsmith.task.field import FieldSpec
from rewardsmith.task.spec import TaskSpec
from rewardsmith.task.text import words_in

STOP_WORDS = frozenset("a an the next to up put pick open you".split())
MASK = "<?>"


class Question(NamedTuple):
    """An instruction with one word hidden.

    Attributes:
        text: with :data:`MASK` in its place.
        answer: the word.
    """

    text: str
    answer: str


def questions(instruction: str, stop_words: Iterable[str] = STOP_WORDS) -> list[Question]:
    """One question for each informative word, in order."""
    words, skipped = words_in(instruction), frozenset(stop_words)
    hidden = [place for place, word in enumerate(words) if word not in skipped]
    return [Question(" ".join([*words[:at], MASK, *words[at + 1 :]]), words[at]) for at in hidden]


class Texts(NamedTuple):
    """The text fields of a task.

    Attributes:
        instruction: the questions are about this one.
        answering: those that describe what the agent is doing in words of the instruction.
    """

    instruction: FieldSpec
    answering: tuple[FieldSpec, ...]

    @property
    def question_words(self) -> list[str]:
        """The words of the instruction that another field can answer."""
        said = {word for field in self.answering for word in field.words} - STOP_WORDS
        return [word for word in self.instruction.words if word in said]


def texts_of(spec: TaskSpec, instruction: str = "") -> Texts:
    """The text fields of a task.

    Args:
        instruction: the name of that field; by default the first text field.

    Raises:
        UsageError: there is none, or no other field has words in common with it.
    """
    fields = {field.name: field for field in spec.fields if field.words and not field.hidden}
    hint = (
        "an instruction and what the agent is doing must be text fields: "
        "source = 'obs[\"mission\"]', words = [...]; see docs/strategies.md"
    )
    if instruction and instruction not in fields:
        raise UsageError(
            f"the task has no text field {instruction!r}, but {', '.join(fields) or 'none'}", hint
        )
    first = fields.get(instruction) or next(iter(fields.values()), None)
    if first is None:
        raise UsageError(
            "questions are asked about an instruction, but the task has no text field", hint
        )
    found = Texts(first, tuple(field for field in fields.values() if field is not first))
    if not found.question_words:
        raise UsageError(f"no other text field says anything in the words of {first.name!r}", hint)
    return found


def question_program(texts: Texts, count: int) -> str:
    """The program whose subgoals are the answers.

    Args:
        count: the most questions of an instruction.
    """
    name, answering = texts.instruction.name, texts.answering
    places = {word: place for place, word in enumerate(texts.instruction.words, 1)}
    asked = {word: places[word] for word in texts.question_words}
    tables = "\n".join(_table(field, places) for field in answering)
    arguments = ", ".join([f"first_{name}", *(f"next_{field.name}" for field in answering)])
    answers = "\n".join(
        f"    right |= asked & answered("
        f"first_{name}, asked, {field.name.upper()}_WORDS[next_{field.name}])"
        for field in answering
    )
    entries = "\n".join(
        f'        "question_{number}": np.any(right & (number == {number}), axis=1),'
        for number in range(1, count + 1)
    )
    return f'''import numpy as np

# The words of {name} that are hidden, one at a time, by their numbers: {", ".join(asked)}.
ASKED = {tuple(asked.values())}
# The numbers that the words of other texts have in {name}; -1 for an unknown word.
{tables}


def subgoals({arguments}):
    """For each hidden word of {name}: whether \
{" or ".join(field.name for field in answering)} gives the right answer."""
    asked = np.isin(first_{name}, ASKED)
    number = np.cumsum(asked, axis=1)
    right = np.zeros_like(asked)
{answers}
    return {{
{entries}
    }}


def answered(instruction, asked, said):
    """Where a word is said of the thing, and so are all asked words that stand in a row with it."""
    wrong = asked & ~np.any(instruction[:, :, None] == said[:, None, :], axis=2)
    places = range(1, instruction.shape[1])
    for place in places:
        wrong[:, place] |= asked[:, place] & asked[:, place - 1] & wrong[:, place - 1]
    for place in places[::-1]:
        wrong[:, place - 1] |= asked[:, place] & asked[:, place - 1] & wrong[:, place]
    return ~wrong
'''


def _table(field: FieldSpec, places: Mapping[str, int]) -> str:
    """The line of code that translates a field's words into the numbers of the instruction."""
    numbers = [0, *(places.get(word, -1) for word in field.words), -1]
    return f"{field.name.upper()}_WORDS = np.array({numbers})"
