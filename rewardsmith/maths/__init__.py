"""Pure functions on arrays: no files, no processes, no state."""
