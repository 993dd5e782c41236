"""A model compares episodes over HTTP: both orders, known pairs, and answers paid for once."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import rewardsmith as rs
from rewardsmith.api.model_judge import KNOWN_PAIRS, LOG, JudgeReport, judge_pairs
from rewardsmith.engine.workers.executor import Execution
from rewardsmith.errors import UsageError
from rewardsmith.run.settings import RunSettings
from rewardsmith.run.trials import FILM
from tests.support.fake_executor import FakeExecutor
from tests.support.fake_llm import FakeLLM
from tests.support.judges import ends, fair
from tests.support.line_runs import copied, design
from tests.support.lineworld import write_task

MODEL = "openai/judge"
Answer = Callable[[dict[str, Any]], str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> rs.Run:
    folder = tmp_path_factory.mktemp("made")
    return design(str(write_task(folder / "line")), folder, executor=FakeExecutor(varied=True))


@pytest.fixture
def run(made: rs.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> rs.Run:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key-at-all")
    return copied(made, tmp_path)


def judged(
    run: rs.Run,
    answer: Answer,
    *,
    models: str | list[str] = MODEL,
    temperature: float | None = None,
    **how: Any,
) -> tuple[JudgeReport, FakeLLM]:
    with FakeLLM(answer) as fake:
        settings = RunSettings(base_url=f"{fake.url}/v1", price=(1.0, 1.0), temperature=temperature)
        return judge_pairs(run.folder, models, settings=settings, **how), fake


def test_a_fair_judge_is_believed_and_asked_in_both_orders(run: rs.Run) -> None:
    report, fake = judged(run, fair, pairs=5)
    assert (report.answered, report.abstained) == (5, 0)
    assert report.members[0].right == report.known > 0 and report.cost_usd is not None
    texts = [request["body"]["messages"][-1]["content"] for request in fake.requests]
    assert len(texts) == report.requests == len(set(texts)) <= 2 * (5 + report.known)
    assert "reward" not in texts[0].lower() and "fitness" not in texts[0].lower()
    found = {(one.pair, one.by): one for one in run.state.known_judgements()}
    assert {by for _, by in found} == {MODEL} and len(found) == 5
    assert {one.words for one in found.values()} == {"B or A stands further right."}


def write_films(run: rs.Run) -> None:
    """The further right an episode ends, the brighter the pictures of its film are."""
    for trial in run.state.trials.values():
        folder = run.folder.trial(trial)
        episode = folder.episodes()[0]
        grey = 120 + round(100 * float(episode.fields["position"][-1]))
        frames = [Image.new("RGB", (60, 40), (grey,) * 3) for _ in range(len(episode) + 1)]
        # no two frames may be equal: those would be stored as one
        for number, frame in enumerate(frames):
            frame.putpixel((number, 0), (255, 0, 0))
        frames[0].save(folder.path / FILM, save_all=True, append_images=frames[1:], lossless=True)


def looking(body: dict[str, Any]) -> str:
    """Prefers the brighter of two pictures."""
    parts = body["messages"][-1]["content"]
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    content = [base64.b64decode(url.partition("base64,")[2]) for url in pictures]
    a, b = (np.asarray(Image.open(io.BytesIO(one)).convert("L")).mean() for one in content)
    return f"I looked.\nBetter: {'A' if a > b else 'B' if b > a else 'same'}"


def test_a_judge_that_looks_is_shown_both_films_and_no_numbers(run: rs.Run) -> None:
    write_films(run)
    report, fake = judged(run, looking, pairs=5, see=True)
    assert report.members[0].right == report.known > 0 and report.answered == 5
    bodies = [request["body"]["messages"][-1]["content"] for request in fake.requests]
    assert all([part["type"] for part in body].count("image_url") == 2 for body in bodies)
    texts = [part["text"] for body in bodies for part in body if part["type"] == "text"]
    assert not any("position" in text for text in texts)
    assert all("The first picture is episode A" in text for text in texts)


def test_a_judge_cannot_look_where_nothing_is_drawn(run: rs.Run) -> None:
    with pytest.raises(UsageError, match="a film cannot be made"):
        judged(run, looking, pairs=2, see=True, execution=Execution(FakeExecutor()))
    assert not run.state.judgements


def test_answers_are_paid_for_once(run: rs.Run) -> None:
    judged(run, fair, pairs=3)
    again, fake = judged(run, fair, pairs=3)
    assert again.answered == 3, "three further pairs"
    assert len(fake.requests) == again.requests <= 6, "the known pairs are not asked again"


def test_a_judge_that_always_prefers_the_first_one_is_not_believed(run: rs.Run) -> None:
    with pytest.raises(UsageError, match=r"is not believed: of . pairs .* it answered 0 rightly"):
        judged(run, lambda _: "Better: A", pairs=5)
    assert not run.state.judgements and (run.path / LOG).exists()


def test_where_the_two_orders_disagree_the_judge_abstains(run: rs.Run) -> None:
    """It is fair where the ends are far apart, and prefers the first one where they are near."""

    def hasty(body: dict[str, Any]) -> str:
        a, b = ends(body)
        return fair(body) if abs(a - b) > 0.5 else "Better: A"

    report, _ = judged(run, hasty, pairs=30)
    assert report.abstained > 0 and report.answered > 0
    assert len(run.state.judgements) == report.answered


def test_votes_are_counted_and_each_is_a_request_of_its_own(run: rs.Run) -> None:
    """The second of three votes says the opposite of the others, about the pairs that count."""
    asked: Counter[str] = Counter()

    def moody(body: dict[str, Any]) -> str:
        text = body["messages"][-1]["content"]
        asked[text] += 1
        right = fair(body)
        swapped = {"A**": "B**", "B**": "A**"}.get(right[-3:], right[-3:])
        return right[:-3] + swapped if asked[text] == 2 else right

    report, fake = judged(run, moody, pairs=4, votes=3)
    (member,) = report.members
    assert (report.answered, report.abstained) == (4, 0)
    assert set(asked.values()) == {3} and report.requests == len(fake.requests)
    assert member.right == report.known and member.first_share == pytest.approx(0.5)
    # of six votes two differ: 6 + 1 equal pairs of 15
    assert member.agreement == pytest.approx(7 / 15) and report.agreement is None
    for found in run.state.known_judgements():
        better = run.folder.trial_at(found.better.trial).episodes()[0] if found.better else None
        other = run.folder.trial_at(
            (found.second if found.better == found.first else found.first).trial
        ).episodes()[0]
        assert better is not None
        assert better.fields["position"][-1] > other.fields["position"][-1]


def test_votes_at_temperature_zero_are_refused_before_anything_is_asked(run: rs.Run) -> None:
    with pytest.raises(UsageError, match="2 votes at temperature 0 are one vote"):
        judged(run, fair, votes=2, temperature=0.0)
    assert not (run.path / LOG).exists()
    report, _ = judged(run, fair, pairs=1, votes=1, temperature=0.0)
    assert report.answered == 1


def test_a_panel_answers_by_majority_and_its_agreement_is_reported(run: rs.Run) -> None:
    """One of three abstains on near pairs, one is always fair, one prefers the first there."""
    models = ["openai/fair", "openai/silent", "openai/hasty"]

    def panel(body: dict[str, Any]) -> str:
        a, b = ends(body)
        if abs(a - b) > 0.5 or body["model"] == "fair":
            return fair(body)
        return "Better: A" if body["model"] == "hasty" else "I cannot say."

    report, _ = judged(run, panel, models=models, pairs=30)
    assert [member.model for member in report.members] == models
    assert report.abstained > 0 and report.answered > 0, "near pairs have one vote of three"
    assert report.agreement is not None and 1 / 3 < report.agreement < 1
    shares = [member.first_share for member in report.members]
    assert shares[0] == shares[1] == pytest.approx(0.5)
    assert shares[2] is not None and shares[2] > 0.55, "the bias of the hasty one is measured"
    assert {one.by for one in run.state.known_judgements()} == {" + ".join(models)}


def test_a_panel_with_one_member_that_fails_is_not_believed(run: rs.Run) -> None:
    def panel(body: dict[str, Any]) -> str:
        return "Better: A" if body["model"] == "biased" else fair(body)

    with pytest.raises(UsageError, match="openai/biased is not believed"):
        judged(run, panel, models=["openai/fair", "openai/biased"])
    assert not run.state.known_judgements()


def test_known_pairs_are_asked_again_and_again(run: rs.Run) -> None:
    report, _ = judged(run, fair, pairs=12)
    assert report.known == KNOWN_PAIRS + 2, "after 5 and after 10 questions"
    assert report.members[0].right == report.known


def test_the_answers_of_a_judge_that_turns_bad_are_withdrawn(run: rs.Run) -> None:
    """It is right about the pairs that come first, and wrong about all others."""
    seen: list[str] = []

    def turning(body: dict[str, Any]) -> str:
        seen.append(body["messages"][-1]["content"])
        good = len(seen) <= 2 * KNOWN_PAIRS
        a, b = ends(body)
        return fair(body) if good else f"Better: {'B' if a > b else 'A'}"

    message = r"of 6 pairs .* answered 3 rightly; the \d+ answers of openai/judge are withdrawn"
    with pytest.raises(UsageError, match=message):
        judged(run, turning, pairs=100)
    assert len(seen) > 2 * (KNOWN_PAIRS + 10)
    answers = [one.answer for one in run.state.known_judgements()]
    assert set(answers) == {"withdrawn"} and len(answers) > 5
    with pytest.raises(UsageError, match="is not believed"):
        judged(run, lambda _: "never asked", pairs=100)
