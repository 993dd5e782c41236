"""Training and evaluation with Stable-Baselines3. Nothing here runs generated code: rewards come from an Evaluator.

vectors         a task's environments as one VecEnv with recorder buffers
vec_reward      puts a program's reward in the place of the native one, a batch at a time
rollout_reward  the same for on-policy learning, with one call per rollout
algorithms      which learning algorithms there are, those of other packages too
learner         training defaults -> a Stable-Baselines3 model, its weights and statistics on disk
jobs            what a trial is told and what it reports
trial           one training: curve, checkpoints, result
evaluation      a policy's episodes in a clean process, and which checkpoint to ship
policy          a checkpoint as a Stable-Baselines3 zip
preflight       tries a task before anything is spent
"""
