"""Training of several agents in one process, in NumPy, with the results of Stable-Baselines3.

On a CPU this is several times faster than torch for networks of two small layers: a call of NumPy
costs less than one of torch, tanh is computed by vector instructions, and gradients are written by
hand. A member is one agent; its weights are the same, bit for bit, alone and beside any others.

    parameters   the parameters of all members, one row each
    networks     multi-layer perceptrons: outputs, and gradients of a loss of the outputs
    adam         the optimiser
    actions      distributions over actions
    ppo          the update of PPO
    rollouts     steps of the environments, and advantages
    weights      from and to the policies of Stable-Baselines3
"""
