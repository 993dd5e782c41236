"""Static checks: what the source of a program tells without running it."""
