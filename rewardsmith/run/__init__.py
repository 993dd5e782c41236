"""A run is a folder: config, event log, the state folded from it, and records."""
