"""What a drafted task claims of an environment is checked on recorded steps."""

from __future__ import annotations

import pytest

from rewardsmith.errors import UsageError
from rewardsmith.task.drafting import Draft, draft_from_data
from rewardsmith.writers.drafts.reply import read_reply
from rewardsmith.writers.drafts.writing import propose
from tests.support.carts import CART, GOOD


@pytest.fixture(scope="module")
def draft() -> Draft:
    return draft_from_data(CART, {}, "Stop.", None, "native_return", hold=True)


def problems(draft: Draft, *changes: tuple[str, str]) -> list[str]:
    """The problems of the good reply with changes."""
    text = GOOD
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return propose(draft, read_reply(text)).problems


def test_a_right_reply_has_no_problem(draft: Draft) -> None:
    reply = read_reply(GOOD)
    proposal = propose(draft, reply)
    assert proposal.problems == []
    spec = proposal.task.spec
    assert [field.name for field in spec.fields] == ["place", "speed", "mark", "wheel"]
    assert spec.goal == "Bring the cart to rest at the mark." and spec.training.steps == 20_000
    assert spec.fitness.source == "fitness.py:fitness" and spec.fitness.range == (0.0, 1.0)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("range = [-1.0, 1.0]", "range = [0.0, 1.0]", "obs[2] (mark): range = [0.0, 1.0], but"),
        ('rate_of = "obs[0]"', 'rate_of = "obs[2]"', "as many numbers|explains"),
        ("moved_by = [0]", "moved_by = [0, 1]", "moved_by = [0, 1], but within one step"),
        ('kind = "fixed"', 'kind = "constant"', "kind = 'constant', but"),
        ('kind = "fixed"', 'kind = "flag"', "kind = 'flag', but"),
        ('kind = "fixed"', 'kind = "counter"', "kind = 'counter', but"),
        ('source = "obs[3:5]"', 'source = "obs[4:6]"', "kind = 'unit', but"),
        ('name = "speed"', 'name = "place"', "the name 'place' is also that of obs[0]"),
        ('name = "speed"', 'name = "next_speed"', "reserved"),
        ('source = "obs[2]"', 'source = "obs[12]"', "obs[12]: the environment has no such value"),
        ('left_out = ["obs[5]"]', "left_out = []", "neither a field nor left_out covers obs[5]"),
        ('source = "obs[2]"', "source = 'info[\"is_success\"]'", "gives success or reward away"),
        ('source = "score"', "source = 'info[\"won\"]'", "is not score, native_return or a key"),
        ('names = ["push", "unused"]', 'names = ["push"]', "action.names has 1 names"),
        ("steps = 20000", 'algorithm = "PPPO"', "training:"),
        ("steps = 20000", "stepps = 1", "training:"),
        ("next_speed", "next_sped", "'next_sped', which is no name of a step"),
        ("~terminated", "open('x')", "reads 'open'"),
        ("~terminated", "np.load('x') > 0", "refused"),
        ("next_speed", "(1 +", "is not one Python expression"),
    ],
)
def test_a_wrong_claim_is_named(draft: Draft, before: str, after: str, says: str) -> None:
    found = problems(draft, (before, after))
    assert any(part in one for one in found for part in says.split("|")), found


def test_a_rate_that_steps_refute_is_named(draft: Draft) -> None:
    found = problems(
        draft,
        ('source = "obs[1]"', 'source = "obs[2]"'),
        ('kind = "fixed"', ""),
        ('source = "obs[2]"\nname = "mark"', 'source = "obs[1]"\nname = "mark"'),
    )
    assert any("rate_of = 'obs[0]', but it explains" in one for one in found), found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I cannot.", "not a TOML document"),
        ("```toml\ngoal = \n```", "not a TOML document"),
        ("```toml\ngoal = 'x'\n```", "fitness: Field required"),
        (GOOD.replace("naive", "trap"), "trap: Extra inputs"),
    ],
)
def test_a_reply_of_another_form_is_an_error(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_reply(text)


def test_a_claim_that_the_model_is_sure_of_is_no_problem_and_stays_a_note(draft: Draft) -> None:
    text = GOOD.replace('kind = "fixed"', 'kind = "constant"\nsure = true')
    proposal = propose(draft, read_reply(text))
    assert proposal.problems == []
    assert len(proposal.insisted) == 1 and "kind = 'constant', but" in proposal.insisted[0]


def test_hyperparameters_may_stand_beside_the_other_settings(draft: Draft) -> None:
    text = GOOD.replace("steps = 20000", "steps = 20000\ngamma = 0.999\nlearning_rate = 1e-3")
    proposal = propose(draft, read_reply(text))
    training = proposal.task.spec.training
    assert proposal.problems == [] and training.steps == 20_000
    assert training.hyperparameters["gamma"] == 0.999
    assert training.hyperparameters["learning_rate"] == 1e-3


def test_a_fitness_that_the_user_chose_stays(draft: Draft) -> None:
    proposal = propose(draft, read_reply(GOOD), 'info["is_success"]')
    assert proposal.problems == [
        "fitness.source = 'score', but the user chose 'info[\"is_success\"]'"
    ]


def test_names_of_discrete_actions_are_counted() -> None:
    discrete = draft_from_data("CartPole-v1", {}, "Stand.", "native_return", None)
    text = """
        goal = "Stand."
        left_out = ["obs[0:4]"]
        [action]
        names = ["left", "right", "stay"]
        [fitness]
        source = "native_return"
    """
    found = propose(discrete, read_reply(text)).problems
    assert found == ["action.names has 3 names, but the action has 2 choices or numbers"]
