"""Behaviour checks: a program is run on real and probing transitions in a program host."""
