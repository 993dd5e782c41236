"""Training and evaluation. Nothing here runs generated code: a reward is a sum of running terms.

trainers        what a trainer is, and which ones there are
sb3, trial      one training with Stable-Baselines3
curve           a training's curve and checkpoints
rewards         reward arithmetic of a block of steps
vectors         a task's environments as one VecEnv with recorder buffers
observing       terms that observe each step, and what they show to the policy
vec_reward      puts a reward in the place of the native one, step by step
rollout_reward  the same for PPO, with one call per rollout
learner         training defaults -> a Stable-Baselines3 model, its weights and statistics on disk
prior           shapes a learner's Q by a prior
evaluation      episodes of a policy in a clean process, and which checkpoint to export
policy          a checkpoint as a Stable-Baselines3 zip
film            an evaluation episode as a film
preflight       checks a task before anything is spent
"""
