"""What a reward is made of: terms, how they are written down, and the kinds that exist.

term       the protocol of one summand of a reward, and what a kind may use to start one
specs      a term as plain data, the registry of kinds, and the id of a candidate
reward     the sum of running terms
native     the environment's own reward
program    the reward function of a program
potential  the change of a potential
learned    a reward that was learned from preferences
subgoals   a bonus for each subgoal, once per episode

Another package adds a kind through the entry-point group ``rewardsmith.terms``.
"""
