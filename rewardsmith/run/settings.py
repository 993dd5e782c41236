"""The settings of a run, each declared once.

A field holds all that is known about a setting: its type, limits, default, description, its group,
and whether it changes the result. The library's keywords, the options of the command line and
``run.json`` are made from these fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rewardsmith.errors import UsageError, did_you_mean
from rewardsmith.types import Effort

Group = Literal["Search", "Training", "Model", "Recorded episodes", "Budget", "Run"]
Record = TypeVar("Record", bound=BaseModel)


@dataclass(frozen=True)
class Setting:
    """What a field says about a setting besides its type, limits, default and description.

    Attributes:
        group: heading under which the command line lists it.
        option: name of the command line's option, where it is not the field's.
        short: one-letter form of the option.
        metavar: placeholder of the value in the help, where it is not the type's.
        in_digest: whether it belongs to the digest of a run: it decides the result.
    """

    group: Group
    option: str = ""
    short: str = ""
    metavar: str | None = None
    in_digest: bool = True


class Budget(BaseModel):
    """Limits of a whole run; None is no limit.

    Dollars, tokens and calls are hard limits: the most that a request can cost is reserved before
    it is sent, so that concurrent requests cannot overshoot together. Steps are checked before a
    training starts. Minutes stop a run only between rounds, so that a resumed run makes the same
    decisions as an uninterrupted one.

    Example:
        rs.Budget(usd=2.0, minutes=60)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: Annotated[float | None, Field(gt=0, description="Limit on the cost of the model.")] = None
    tokens: Annotated[int | None, Field(gt=0, description="Limit on tokens sent and received.")] = (
        None
    )
    calls: Annotated[
        int | None, Field(gt=0, description="Limit on requests to the model, including repairs.")
    ] = None
    steps: Annotated[
        int | None,
        Field(gt=0, description="Limit on environment steps: training steps and evaluation steps."),
    ] = None
    minutes: Annotated[
        float | None,
        Field(
            gt=0,
            description="Limit on the active minutes of the run; it stops only between rounds.",
        ),
    ] = None

    def replaced_by(self, limits: Budget) -> Budget:
        """The same with those limits that another budget sets."""
        return self.model_copy(update=limits.model_dump(exclude_none=True))


class RunSettings(BaseModel):
    """Settings that a run records as they were given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[
        str | None,
        Field(description="URL of a server that implements the provider's API."),
        Setting("Model", in_digest=False),
    ] = None
    temperature: Annotated[
        float | None,
        Field(description="Sampling temperature of the model; by default the provider's."),
        Setting("Model"),
    ] = None
    effort: Annotated[
        Effort | None,
        Field(description="Reasoning effort of the model: low, medium, high, ..."),
        Setting("Model"),
    ] = None
    max_output_tokens: Annotated[
        int,
        Field(gt=0, description="Limit on the tokens of one reply, including hidden reasoning."),
        Setting("Model"),
    ] = 16_000
    price: Annotated[
        tuple[float, float] | None,
        Field(
            description="Prices of input and output in USD per million tokens, for a model whose "
            "list price is unknown or wrong."
        ),
        Setting("Model", metavar="IN,OUT", in_digest=False),
    ] = None
    llm_timeout_s: Annotated[
        float,
        Field(gt=0, description="Seconds to wait for a reply before a request fails."),
        Setting("Model", option="llm-timeout", in_digest=False),
    ] = 300.0
    llm_at_once: Annotated[
        int,
        Field(gt=0, description="Limit on concurrent requests."),
        Setting("Model", in_digest=False),
    ] = 8
    llm_per_minute: Annotated[
        float | None,
        Field(gt=0, description="Limit on requests started per minute."),
        Setting("Model", in_digest=False),
    ] = None
    use_expert: Annotated[
        bool,
        Field(
            description="Record episodes with the task's own controller and add them to the bank."
        ),
        Setting("Recorded episodes"),
    ] = False
    exploit_search: Annotated[
        bool,
        Field(
            description="Search the best program for exploits before the final comparison: "
            "scripted episodes, and short trainings of agents that look for reward without success."
        ),
        Setting("Search"),
    ] = True
    deciding_trainings: Annotated[
        int,
        Field(
            ge=0,
            description="Number of trainings at most that decide which of the best programs leads: "
            "the leader and its challenger are trained on further seeds until the challenger "
            "cannot be better, with a probability of error of 5 %.",
        ),
        Setting("Search"),
    ] = 12
    looks: Annotated[
        int,
        Field(
            ge=1,
            description="Number of final comparisons at most, each on fresh seeds: another one is "
            "made if a report seed does not solve the task.",
        ),
        Setting("Search"),
    ] = 2
    extra_rounds: Annotated[
        int,
        Field(
            ge=0,
            description="Number of rounds that the search may go on for if its best program does "
            "not hold: it has an exploit, or a report seed does not solve the task.",
        ),
        Setting("Search"),
    ] = 1
    also: Annotated[
        str | None,
        Field(
            description="Another learning algorithm, such as SAC, that is trained with the best "
            "program and with the native reward after the final comparison, with its own "
            "defaults. It shows whether the reward teaches other learners too."
        ),
        Setting("Training", metavar="ALGORITHM"),
    ] = None
    device: Annotated[
        str,
        Field(
            description="Device of the networks: auto, cpu or cuda; auto uses a GPU if that is "
            "faster."
        ),
        Setting("Training"),
    ] = "auto"
    budget: Annotated[
        Budget, Field(description="Limits of the whole run."), Setting("Budget", in_digest=False)
    ] = Budget()
    allow_weak_sandbox: Annotated[
        bool,
        Field(
            description="Run even if the sandbox cannot strongly confine generated code; see "
            "rewardsmith doctor."
        ),
        Setting("Run", in_digest=False),
    ] = False


def setting_of(record: type[BaseModel], field: str) -> Setting:
    """What a field says about its setting.

    Raises:
        LookupError: it says nothing.
    """
    found = [note for note in record.model_fields[field].metadata if isinstance(note, Setting)]
    if not found:
        raise LookupError(f"{record.__name__}.{field} is not annotated with a Setting")
    return found[0]


def validated(
    record: type[Record], values: Mapping[str, Any], unknown: str = "there is no setting"
) -> Record:
    """A record made from values that a user gave.

    Args:
        unknown: how the message about a name that is no field begins.

    Raises:
        UsageError: a name is unknown, or a value has the wrong type or is out of range.
    """
    try:
        return record.model_validate(values)
    except ValidationError as error:
        raise _usage_error(error, unknown, record.model_fields) from None


def _usage_error(error: ValidationError, unknown: str, names: Iterable[str]) -> UsageError:
    first = error.errors()[0]
    if not first["loc"]:  # about several of them
        return UsageError(first["msg"].removeprefix("Value error, "), f"found {first['input']!r}")
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return UsageError(f"{unknown} {name!r}", did_you_mean(name, names))
    return UsageError(f"{name}: {first['msg']}", f"found {first['input']!r}")
