"""What applying a program costs: recorder, VecReward and program host against plain Stable-Baselines3.

    python benchmarks/overhead.py [--steps 40960] [--pairs 7] [--settings light heavy] [-o benchmarks/results/overhead.json]

Claim: recorder, wrapper and host together cost at most 10 % of tuned PPO's wall time with 16 environments.

    plain       PPO on a DummyVecEnv of MountainCarContinuous-v0 with VecNormalize(reward) and its native reward
    in-process  the same with recorder, VecReward and history, the reward's function called in this process
    host        as a trial runs it: the function in its program host

The arms run one after another within a pair, in an order that changes from pair to pair, so that a drift of the
machine meets all of them. Printed are the median ratio of wall times, and the geometric mean with the upper end of
its 95 % interval (t-interval of the logarithms over the pairs).

The program is the yardstick's reward of tasks/mountain-car-continuous. Every arm has the same networks, batches and
number of steps; episodes end at other times only because the policies learn other things.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecNormalize

from rewardsmith.maths.statistics import interval
from rewardsmith.sandbox.contract import rewards_of
from rewardsmith.sandbox.host import ProgramHost, open_host
