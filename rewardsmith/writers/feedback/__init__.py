"""Feedback to the writer on earlier programs, from the results in the run's folder."""
