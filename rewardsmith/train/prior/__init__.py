"""Q-shaping: use a prior on Q in DQN, SAC, TD3 and DDPG."""
