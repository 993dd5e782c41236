"""Subgoals from questions about the task's instruction; needs no model."""
