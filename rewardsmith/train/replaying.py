"""How the episodes under way began, and the actions taken in them.

Environments cannot be copied in general. But an episode of an environment is a function of the
random numbers and of the actions, as Gymnasium asks: so the episodes under way can be played again,
in a new process too. Whoever replays them must compare what comes out, because an environment may
keep a state from one episode to the next, or draw its random numbers from elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rewardsmith.types import Array, TrainingState

_ROOM = 1024  # vector steps kept before those that no episode needs are dropped


class EpisodesUnderWay:
    """What the episodes under way of n environments can be replayed from."""

    def __init__(self, n: int) -> None:
        self._seeds: list[int | None] = [None] * n
        self._streams: list[dict[str, Any] | None] = [None] * n
        self._begun = [0] * n  # places in the actions
        self._actions: list[Array] = []
        self._room = _ROOM

    def begins(self, row: int, seed: int | None, generator: object) -> None:
        """An environment is about to be reset.

        Args:
            seed: that it is reset with.
            generator: from which it draws random numbers, where that is known.
        """
        self._seeds[row], self._streams[row] = seed, stream_state(generator)
        self._begun[row] = len(self._actions)

    def acts(self, actions: Array) -> None:
        """Actions are about to be taken, shape (n, ...)."""
        if len(self._actions) >= self._room:
            self._make_room()
        self._actions.append(np.array(actions))

    def length(self, row: int) -> int:
        """Steps of the episode of a row."""
        return len(self._actions) - self._begun[row]

    def actions(self, row: int) -> list[Any]:
        """The actions of the episode of a row."""
        return [actions[row] for actions in self._actions[self._begun[row] :]]

    @property
    def latest_actions(self) -> list[Array]:
        """The actions of all rows since the beginning of the oldest episode, shape (n, ...)."""
        return self._actions[min(self._begun) :]

    def start(self, row: int, generator: object) -> int | None:
        """Put the random numbers of a row where they were before its episode.

        Returns:
            The seed to reset it with.
        """
        restore_stream(generator, self._streams[row])
        return self._seeds[row]

    def state(self) -> TrainingState:
        """The same as arrays and JSON."""
        self._make_room()
        actions = np.stack(self._actions) if self._actions else np.zeros(0)
        begun = {"begun": self._begun, "seeds": self._seeds, "streams": self._streams}
        return TrainingState({"actions": actions}, begun)

    def restore(self, state: TrainingState) -> None:
        """Take what another one had."""
        facts = state.facts
        self._begun, self._seeds = list(facts["begun"]), list(facts["seeds"])
        self._streams, self._actions = list(facts["streams"]), list(state.arrays["actions"])

    def _make_room(self) -> None:
        first = min(self._begun)
        self._actions = self._actions[first:]
        self._begun = [place - first for place in self._begun]
        self._room = max(_ROOM, 2 * len(self._actions))


def stream_state(generator: object) -> dict[str, Any] | None:
    """The state of a generator as JSON can hold it; None where there is no such generator."""
    if not isinstance(generator, np.random.Generator):
        return None
    state = dict(generator.bit_generator.state)
    return state if state["bit_generator"] == "PCG64" else None


def restore_stream(generator: object, state: dict[str, Any] | None) -> None:
    """Put a generator into a state; without one it stays as it is."""
    if state is not None and isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
