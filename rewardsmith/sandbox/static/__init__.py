"""Static checks: they read the source of a program and run nothing."""
