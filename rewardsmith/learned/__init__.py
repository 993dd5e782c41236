"""Rewards that are learned from comparisons.

model              the reward model: JSON, and NumPy in a training
settings, fitting  a reward model from pairs of segments, in torch
network            networks of all members of an ensemble at once, in torch
extras             further losses of a fit: ODIN, PRIOR, GRM, IDS, a gradient penalty
likelihood         how probable a preference is, given rewards
pairs              pairs from demonstrations, ratings or ranked factors
critiques          the mean of a judge's scores after several critiques
outcome_table      outcomes of episodes that a judge answers once each
motif              thresholds and counts on a learned reward
advantage          whether a learned reward is an advantage function
overoptimisation   where a learned reward and the fitness part
"""
