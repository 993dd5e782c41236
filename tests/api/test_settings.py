"""Settings are declared once: keywords, options of the command line and run.json follow from the fields."""

from __future__ import annotations

import inspect

import rewardsmith as rs
from rewardsmith.api.settings import Settings
from rewardsmith.cli.options import ALL_SETTINGS
from rewardsmith.cli.settings import read_settings, setting_options
from rewardsmith.run.config import NOT_IN_DIGEST, RunConfig
from rewardsmith.run.settings import Budget, RunSettings, setting_of


def test_every_setting_is_described_and_has_a_place() -> None:
    for record in (Settings, RunSettings):
        for name, field in record.model_fields.items():
            assert field.description and field.description.endswith("."), name
            assert setting_of(record, name).group


def test_every_setting_is_an_option_with_its_description() -> None:
    options = {option.name: option for option in setting_options(ALL_SETTINGS)}
    limits = {f"budget_{name}" for name in Budget.model_fields}
    assert options.keys() == (Settings.model_fields.keys() - {"budget"}) | limits
    about = options["llm_per_minute"].annotation.__metadata__[0]
    assert about.help == Settings.model_fields["llm_per_minute"].description


def test_options_that_are_not_given_keep_the_defaults() -> None:
    nothing = {option.name: option.default for option in setting_options(ALL_SETTINGS)}
    assert read_settings(nothing) == Settings()
    given = read_settings({**nothing, "llm_per_minute": 5.0, "budget_usd": 2.0})
    assert (given.llm_per_minute, given.budget) == (5.0, rs.Budget(usd=2.0))


def test_keywords_of_the_library_are_the_fields() -> None:
    keywords = inspect.signature(rs.plan).parameters
    assert list(keywords) == ["task", "goal", *Settings.model_fields]
    assert keywords["llm_at_once"].default == 8


def test_a_run_records_what_was_given() -> None:
    config = rs.plan("mountain-car", model="openai/some", llm_per_minute=5.0).config
    assert config.llm_per_minute == 5.0
    assert config.digest == rs.plan("mountain-car", model="openai/some").config.digest
    assert RunSettings.model_fields.keys() <= RunConfig.model_fields.keys()
    assert "llm_per_minute" in NOT_IN_DIGEST and "temperature" not in NOT_IN_DIGEST
