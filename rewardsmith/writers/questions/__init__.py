"""Subgoals from questions about the task's instruction; no language model is needed."""
