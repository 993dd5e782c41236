import numpy as np


def reward(x, next_x, next_x_velocity, next_pitch, next_pitch_velocity):
    tilt = np.abs(next_pitch)

    # 1 up to 0.5 rad, fading to 0 at 1.3 rad; whole turns count as turned over
    upright = np.clip((1.3 - tilt) / 0.8, 0.0, 1.0)

    # backward speed in m/s: mean of the way covered (0.05 s a step) and of the speed now
    speed = 0.5 * (x - next_x) / 0.05 - 0.5 * next_x_velocity
    fast = np.maximum(speed, 0.0)
    # on its feet: 1.15 per step at 4 m/s, slightly more than linear; forwards is charged
    run_backwards = np.where(speed > 0.0, upright * (0.25 * fast + 0.01 * fast ** 2), 0.25 * speed)

    # about to tip over: free within a gait, limited to -0.4
    coming = np.abs(next_pitch + 0.05 * next_pitch_velocity)
    tipping = -0.2 * np.clip(coming - 0.35, 0.0, 2.0)

    return {
        "run_backwards": run_backwards,
        "tipping": tipping,
    }
