"""Check that the budget of a run is enough for the least that the run needs."""

from __future__ import annotations

from rewardsmith.api.providers import prices_in
from rewardsmith.errors import UsageError
from rewardsmith.llm.protocol import Usage
from rewardsmith.run.config import RunConfig


def check_budget(config: RunConfig, steps: int) -> None:
    """Refuse a budget that is too small for one training, the final comparison and one answer.

    Args:
        steps: training steps of one training.

    Raises:
        UsageError: the budget is too small, or the price of an answer is unknown.
    """
    least = steps * (1 + 2 * config.report_seeds)
    if config.budget.steps is not None and config.budget.steps < least:
        raise UsageError(
            f"a budget of {config.budget.steps:,} environment steps cannot pay for one training of "
            f"{steps:,} training steps and a report over {config.report_seeds} seeds ({least:,})",
            "raise --budget-steps, or lower --steps or --report-seeds",
        )
    if config.writer == "model":
        _check_price(config)


def _check_price(config: RunConfig) -> None:
    """Refuse a budget that is too small for one answer, or a price limit without prices."""
    budget, prices, most = config.budget, prices_in(config), config.max_output_tokens
    if budget.tokens is not None and budget.tokens <= most:
        raise UsageError(
            f"a budget of {budget.tokens:,} tokens cannot pay for one answer of up to {most:,}",
            "raise --budget-tokens, or lower --max-output-tokens",
        )
    answer = prices.cost(Usage(0, 0, most, 0, 0)) or 0.0
    if budget.usd is not None and budget.usd <= answer:
        raise UsageError(
            f"a budget of ${budget.usd:g} cannot pay for one answer of up to {most:,} tokens "
            f"(${answer:.2g})",
            "raise --budget-usd, or lower --max-output-tokens",
        )
    if budget.usd is not None and not prices.known:
        raise UsageError(
            f"a budget of ${budget.usd:g} needs prices, but those of {config.model} are unknown",
            "give them in USD per million tokens, e.g. --price 2,10 (input, output), "
            "or use --budget-tokens",
        )
