"""Coders write programs: what a model is told, how code is taken out of its reply, and replies from a file."""
