"""A task: goal in words, environment, fields, fitness, training defaults.

spec         what ``task.toml`` may say, as frozen models
sources      the little language in which a field says where its value comes from
loading      folder or Gymnasium id -> Task
environment  Task -> environments, with every failure of an environment named as such
fitness      the task's own measure of an episode
drafting     what ``rewardsmith tasks new`` writes, from looking at an environment
"""
