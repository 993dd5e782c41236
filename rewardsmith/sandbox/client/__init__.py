"""The unconfined side of a program host: it starts, calls and stops the confined process."""
