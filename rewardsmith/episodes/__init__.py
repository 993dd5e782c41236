"""Recorded behaviour: the recorder, stored episodes, the bank, and the preflight that records the first ones."""
