"""A task: goal in words, environment, fields, fitness, training defaults.

spec         the schema of ``task.toml``, as frozen models
sources      the expressions that say where a field's value comes from
loading      loads tasks from names and folders
environment  makes the environments of a task, and attributes their failures to them
layout       which values are recorded, and which part of them each field is
fitness      the task's own measure of an episode
labels       the task's own labels of subgoals
text         text fields as arrays of numbers
drafting     drafts a task from an environment: ``rewardsmith tasks new``
"""
