"""Training of several agents in one process, in NumPy, with the results of Stable-Baselines3.

On a CPU this is several times faster than torch for networks of two small layers: a call of NumPy
costs less than one of torch, tanh is computed by vector instructions, and gradients are written by
hand. A member is one agent; its weights are the same, bit for bit, alone and beside any others.

    parameters   the parameters of all members, one row each
    networks     multi-layer perceptrons: outputs, and gradients of a loss of the outputs
    adam         the optimiser
    features     observations as rows of numbers

    actions      distributions over actions
    ppo          the update of PPO
    rollouts     steps of the environments, and advantages
    weights      from and to the policies of Stable-Baselines3
    learner      PPO for several models

    single, critics, squashed    networks of actors and critics, and the actions of SAC
    member_networks              the networks of one member, for updates beside the learner's
    off_policy                   what the next three share
    sac, td3, dqn                their updates
    replay                       the memories of transitions
    environments, exploring      steps of the environments, and the actions taken in them
    off_policy_settings          hyper-parameters of models of Stable-Baselines3
    off_policy_weights           their weights
    off_policy_learner           SAC, TD3, DDPG or DQN for several models
"""
