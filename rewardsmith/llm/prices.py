"""Prices of tokens: the list prices of genai-prices, prices that the user gives, or free.

An unknown price is None, never zero; your own server costs nothing here, whatever
its electricity. List prices are those of genai-prices, read offline; they follow providers within
weeks, so bills may differ.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

from rewardsmith.llm.local_servers import LOCAL
from rewardsmith.llm.protocol import Usage

MILLION = 1_000_000
_THOUSAND_IN, _THOUSAND_OUT = (
    Usage(input_tokens=1000, output_tokens=0),
    Usage(input_tokens=0, output_tokens=1000),
)


class Prices(NamedTuple):
    """The prices of one model.

    Attributes:
        shown: in words, with their source.
        cost: tokens -> USD; None where the tokens or the prices are unknown.
        known: whether ``cost`` can tell at all.
    """

    shown: str
    cost: Callable[[Usage], float | None]
    known: bool = True


FREE = Prices("nothing is paid", lambda _: 0.0)


def prices_of(
    model: str, given: tuple[float, float] | None = None, base_url: str | None = None
) -> Prices:
    """What a model costs.

    Args:
        model: ``provider/name``.
        given: USD per million tokens of input and of output, in place of any table.
        base_url: with an address of the user's own nobody knows the prices but the user.
    """
    provider, _, name = model.partition("/")
    if given is not None:
        return Prices(
            f"${given[0]:g} in, ${given[1]:g} out per million tokens, as given", _given(*given)
        )
    if provider == "command":
        return Prices("a command: it reports no tokens", lambda _: None, known=False)
    if provider in LOCAL:
        return Prices("a server of your own: no price", _given(0.0, 0.0))
    listed = _listed(provider, name) if base_url is None else None
    return listed or Prices(
        "price unknown: give it with --price IN,OUT", lambda _: None, known=False
    )


def _given(per_input: float, per_output: float) -> Callable[[Usage], float | None]:
    def cost(usage: Usage) -> float | None:
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        return (usage.input_tokens * per_input + usage.output_tokens * per_output) / MILLION

    return cost


def _listed(provider: str, name: str) -> Prices | None:
    """From the table; litellm's names carry the provider inside."""
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    seller, _, model = name.partition("/") if provider == "litellm" else (provider, "", name)

    def cost(usage: Usage) -> float | None:
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        counted = Counted(
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
        )
        return float(calc_price(counted, model, provider_id=seller).total_price)

    try:
        per_input, per_output = (
            float(MILLION / 1000 * (cost(used) or 0.0)) for used in (_THOUSAND_IN, _THOUSAND_OUT)
        )
    except LookupError:
        return None
    source = f"genai-prices {version('genai-prices')}"
    return Prices(f"${per_input:.3g} in, ${per_output:.3g} out per million tokens ({source})", cost)
