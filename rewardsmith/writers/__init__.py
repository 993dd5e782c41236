"""Writers of programs: requests to a model with feedback, code from its replies, other sources."""
