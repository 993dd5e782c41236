"""A task drafted by a model over HTTP: checked, asked again, written, and paid for once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewardsmith.api.sampling import sample_episodes
from rewardsmith.api.task_drafts import draft_by_model, open_drafting
from rewardsmith.errors import RunError, UsageError
from rewardsmith.run.settings import RunSettings
from rewardsmith.task.loading import load_task
from tests.support.carts import CART, GOOD
from tests.support.command_line import call, refused
from tests.support.fake_llm import FakeLLM

WRONG = GOOD.replace("range = [-1.0, 1.0]", "range = [0.0, 0.1]")
MODEL = "openai/some-model"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key-at-all")


def settings(fake: FakeLLM) -> RunSettings:
    return RunSettings(base_url=f"{fake.url}/v1", price=(1.0, 2.0))


def test_what_recorded_steps_refute_is_asked_again(tmp_path: Path) -> None:
    with FakeLLM([WRONG, GOOD]) as fake:
        drafting = open_drafting(CART, "Stop at the mark.")
        made = draft_by_model(drafting, MODEL, tmp_path / "cart", settings(fake))
        first, second = (request["body"]["messages"] for request in fake.requests)
    assert "Stop at the mark." in first[-1]["content"]
    assert "A cart on a rail" in first[-1]["content"], "the docstring"
    assert "self.np_random" not in first[-1]["content"], "no source"
    assert "obs[2] (mark): range = [0.0, 0.1], but" in second[-1]["content"]
    assert made.problems == () and made.requests == 2 and made.cost_usd is not None

    task = load_task(tmp_path / "cart")
    assert task.spec == made.task.spec and task.goal == "Bring the cart to rest at the mark."
    text = (tmp_path / "cart" / "task.toml").read_text()
    assert "the user's words: Stop at the mark." in text
    assert (
        'source = "obs[1]"   # named from its behaviour; ' in text and "moved by action[0]" in text
    )
    assert 'source = "obs[3:5]"   # a guess; a vector of length one; 2 numbers, ' in text
    assert "[training]   # from the model: steps" in text and "not confirmed" not in text
    samples = sample_episodes(task)
    assert {one.kind for one in samples} == {"random", "held", "scripted"}
    assert all(0 <= one.fitness[0] <= one.fitness[2] <= 1 for one in samples)


def test_what_a_model_insists_on_is_noted_and_no_reply_is_paid_twice(tmp_path: Path) -> None:
    with FakeLLM([WRONG]) as fake:
        made = draft_by_model(open_drafting(CART), MODEL, tmp_path / "cart", settings(fake))
        assert len(made.problems) == 1 and made.requests == 3
        with pytest.raises(RunError, match="exists"):
            draft_by_model(open_drafting(CART), MODEL, tmp_path / "cart", settings(fake))
        for file in (tmp_path / "cart").iterdir():
            file.unlink()
        (tmp_path / "cart").rmdir()
        again = draft_by_model(open_drafting(CART), MODEL, tmp_path / "cart", settings(fake))
        assert again.requests == 0 and len(fake.requests) == 3
    note = "# Note: not confirmed: obs[2] (mark): range"
    assert note in (tmp_path / "cart" / "task.toml").read_text()


def test_a_model_that_answers_with_no_task_leaves_its_replies_only(tmp_path: Path) -> None:
    with (
        FakeLLM(["I would rather not."]) as fake,
        pytest.raises(UsageError, match="no reply was a task: the reply is not a TOML document"),
    ):
        draft_by_model(open_drafting(CART), MODEL, tmp_path / "cart", settings(fake))
    assert [file.name for file in tmp_path.iterdir()] == ["cart.drafting.jsonl"]


def test_the_command_line_shows_the_request_and_takes_replies(tmp_path: Path) -> None:
    shown = call(tmp_path, "tasks", "new", CART, "--dry-run", "--send-source")
    assert shown.returncode == 0 and "def reset(" in shown.stdout and not [*tmp_path.iterdir()]
    assert "| `obs[1]` |" in shown.stdout and "action[0] highest (1)" in shown.stdout
    (tmp_path / "wrong.md").write_text(WRONG)
    (tmp_path / "good.md").write_text(GOOD)
    replies = ("--reply", "wrong.md")
    again = call(tmp_path, "tasks", "new", CART, *replies, "--dry-run")
    assert "range = [0.0, 0.1], but values from" in again.stdout
    replies = (*replies, "--reply", "good.md", "-o", "cart", "--json")
    made = call(tmp_path, "tasks", "new", CART, *replies)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["fields"] == ["place", "speed", "mark", "wheel"]
    assert load_task(tmp_path / "cart").spec.fitness.solved == 0.9


def test_source_goes_to_a_model_only(tmp_path: Path) -> None:
    done = call(tmp_path, "tasks", "new", CART, "--send-source")
    refused(done, 2, says="no model is named", hints="--model")
