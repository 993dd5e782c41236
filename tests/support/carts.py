"""An environment whose observation has no names, and a reply that names all of it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

CART = "tests.support.carts:Cart"
LENGTH = 40


class Cart(gym.Env[Any, Any]):
    """A cart on a rail that is to stop at a mark; the second motor does nothing."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (6,), np.float64)
    action_space = gym.spaces.Box(-1.0, 1.0, (2,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Stand still, away from the mark."""
        super().reset(seed=seed)
        self.steps, self.place, self.speed = 0, float(self.np_random.uniform(-1, 1)), 0.0
        self.mark = float(self.np_random.uniform(-1, 1))
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Push the cart."""
        self.steps += 1
        self.place += 0.1 * self.speed
        self.speed += 0.2 * float(action[0])
        over = abs(self.place) > 3
        near = abs(self.place - self.mark) < 0.1
        return self._seen(), -0.01, over, self.steps == LENGTH, {"is_success": near}

    def _seen(self) -> Any:
        turn = self.place  # of a wheel
        return np.array([self.place, self.speed, self.mark, np.cos(turn), np.sin(turn), 9.81])


GOOD = """
The cart must stop at the mark.

```toml
goal = "Bring the cart to rest at the mark."
naive = "Rewarding speed towards the mark makes it run past."
left_out = ["obs[5]"]

[[fields]]
source = "obs[0]"
name = "place"
unit = "m"
doc = "place on the rail"
basis = "docstring"

[[fields]]
source = "obs[1]"
name = "speed"
unit = "m/s"
rate_of = "obs[0]"
moved_by = [0]
doc = "speed of the cart"
basis = "data"

[[fields]]
source = "obs[2]"
name = "mark"
kind = "fixed"
range = [-1.0, 1.0]
doc = "place of the mark"
basis = "guess"

[[fields]]
source = "obs[3:5]"
name = "wheel"
kind = "unit"
doc = "cosine and sine of the turn of the wheel"
basis = "guess"

[action]
names = ["push", "unused"]

[fitness]
doc = "how near the mark the cart is at the end, and how slow"
source = "score"
score = "np.exp(-3.0 * np.abs(next_place - next_mark)) * np.exp(-np.abs(next_speed))"
over = "last"
gates = ["np.abs(next_place) < 3.0", "~terminated"]
range = [0.0, 1.0]
solved = 0.9

[training]
steps = 20000
```
"""
