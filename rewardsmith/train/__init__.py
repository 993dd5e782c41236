"""Training and evaluation with Stable-Baselines3. Nothing here runs generated code: rewards come from an Evaluator.

vectors     a task's environments as one VecEnv with recorder buffers
vec_reward  puts a program's reward in the place of the native one, a batch at a time
learner     a task's training defaults -> a Stable-Baselines3 model, its weights and statistics on disk
trial       one training: curve, checkpoints, result
evaluation  a policy's episodes in a clean process, and which checkpoint to ship
preflight   looks at an environment before anything is spent
"""
