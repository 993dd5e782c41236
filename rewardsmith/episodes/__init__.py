"""Recorded episodes: the recorder, files, the bank, and the first episodes of random policies."""
