"""Q-shaping: use a prior on Q in DQN, SAC, TD3 and DDPG.

options, values     how a prior is used; its values, beside the memory of transitions
reuse, decision     which episodes it guides; whether it is accepted, and its weight
shaper              what happens at each step and update of a learner
shaping, losses     the same for models of Stable-Baselines3, in torch
member, gradients   the same for a member of the fast trainer, in NumPy
fields              the prior of a program, which reads fields by name
"""
