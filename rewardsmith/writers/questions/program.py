"""Questions about an instruction, and the program that answers them: EAGER without a model.

EAGER (Carta et al. 2022, arXiv 2206.09674) hides one word of the instruction at a time. Each hidden
word is a question, and the agent is paid when what it has done so far gives the right answer. Its
answers come from a network that was trained on demonstrations; here they come from the task's own
text fields, which say in the instruction's words what the agent is doing now (holds: red ball). A
thing answers for a word if it is called by that word and by those beside it: a blue ball in hand
says nothing of "the red ball". What is composed is a program with ``subgoals``, one per question.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rewardsmith.errors import UsageError
from rewardsmith.task.spec import FieldSpec, TaskSpec
from rewardsmith.task.text import words_in

NOT_ASKED = frozenset("a an the next to up put pick open you".split())
MASK = "<?>"


class Question(NamedTuple):
    """An instruction with one word hidden.

    Attributes:
        text: with :data:`MASK` in its place.
        answer: the word.
    """

    text: str
    answer: str


def questions(instruction: str, not_asked: Iterable[str] = NOT_ASKED) -> list[Question]:
    """One question for each word that tells something, in order."""
    words, skipped = words_in(instruction), frozenset(not_asked)
    asked = [place for place, word in enumerate(words) if word not in skipped]
    return [Question(" ".join([*words[:at], MASK, *words[at + 1 :]]), words[at]) for at in asked]


class Texts(NamedTuple):
    """The text fields of a task: the instruction, and those that say in its words what the agent is doing."""

    instruction: FieldSpec
    told: tuple[FieldSpec, ...]

    @property
    def asked(self) -> list[str]:
        """The words of the instruction that can be answered at all."""
        said = {word for field in self.told for word in field.words} - NOT_ASKED
        return [word for word in self.instruction.words if word in said]


def texts_of(spec: TaskSpec, instruction: str = "") -> Texts:
    """The text fields of a task.

    Args:
        instruction: the name of that field; by default the first text field.

    Raises:
        UsageError: there is none, or nothing says what the agent is doing in its words.
    """
    fields = {field.name: field for field in spec.fields if field.words and not field.hidden}
    hint = (
        "an instruction and what the agent is doing must be text fields: source = 'obs[\"mission\"]', words = [...]; "
        "see docs/strategies.md"
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
    if not found.asked:
        raise UsageError(f"no other text field says anything in the words of {first.name!r}", hint)
    return found


def question_program(texts: Texts, count: int) -> str:
    """The program that pays for answers.

    Args:
        count: the most questions that an instruction comes to.
    """
    name, told = texts.instruction.name, texts.told
    places = {word: place for place, word in enumerate(texts.instruction.words, 1)}
    asked = {word: places[word] for word in texts.asked}
    tables = "\n".join(
        f"{field.name.upper()}_WORDS = np.array({[0, *(places.get(word, -1) for word in field.words), -1]})"
        for field in told
    )
    arguments = ", ".join([f"first_{name}", *(f"next_{field.name}" for field in told)])
    answers = "\n".join(
        f"    right |= asked & answered(first_{name}, asked, {field.name.upper()}_WORDS[next_{field.name}])"
        for field in told
    )
    held = "\n".join(
        f'        "question_{number}": np.any(right & (number == {number}), axis=1),'
        for number in range(1, count + 1)
    )
    return f'''import numpy as np

# The words of {name} that are hidden, one at a time, by their numbers: {", ".join(asked)}.
ASKED = {tuple(asked.values())}
# The numbers that the words of other texts have in {name}; -1 for a word that is none of its own.
{tables}


def subgoals({arguments}):
    """For each hidden word of {name}: whether {" or ".join(field.name for field in told)} gives the right answer."""
    asked = np.isin(first_{name}, ASKED)
    number = np.cumsum(asked, axis=1)
    right = np.zeros_like(asked)
{answers}
    return {{
{held}
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
