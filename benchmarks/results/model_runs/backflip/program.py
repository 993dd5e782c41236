import numpy as np

TURN = 2.0 * np.pi


def ladder(p):
    # 0 at start, 1 after one backward turn; slope 0.7 at first, 1.3 at the end of the turn;
    # beyond it falls, steeper than it rose: a second turn takes back more than it gave
    u = -p / TURN
    u = np.clip(np.where(u <= 1.0, u, 1.0 - 1.0 * (u - 1.0)), -0.15, 1.0)
    rise = np.where(u >= 0.0, 0.7 * u + 0.3 * u * u, 0.7 * u)
    return rise - 0.5 * np.clip(-p / TURN - 1.0, 0.0, 0.6)


def landed(p, h):
    # 1 when upright after exactly one turn at standing height, 0 elsewhere
    return np.exp(-((p + TURN) / 0.6) ** 2) * np.clip((h + 0.42) / 0.3, 0.0, 1.0)


def reward(pitch, next_pitch, height, next_height, next_pitch_velocity,
           next_x_velocity, action):
    err = next_pitch + TURN
    t_mid = -0.5 * (pitch + next_pitch)

    # 1. Progress of the turn, a symmetric difference: 14 in all, rocking gives nothing.
    turn_progress = 14.0 * (ladder(next_pitch) - ladder(pitch))

    # 2. Turn in the air: per radian of the middle of the turn, by height; 0 below -0.3 m
    #    (rolling), 0.4 in a headstand, 1 at +0.15 m. Turning back costs the full rate.
    rad = np.clip(pitch - next_pitch, -0.8, 0.8)
    air = np.clip((next_height + 0.3) / 0.45, 0.0, 1.0)
    middle = (t_mid > 1.0) & (t_mid < 4.8)
    turn_in_air = 1.3 * middle * np.where(rad > 0.0, rad * air, rad)

    # 3. Landing on the feet: bonus 6 that is given back when the state is lost again.
    landing = 6.0 * (landed(next_pitch, next_height) - landed(pitch, height))

    # 4. Standing still afterwards, each step to the end: 1.5, the main pay. Sharp (0.45 rad)
    #    so that rearing up or leaning over earns much less.
    upright = np.exp(-(err / 0.45) ** 2)
    tall = np.clip((next_height + 0.42) / 0.3, 0.0, 1.0)
    calm = 1.0 / (1.0 + (next_pitch_velocity / 3.5) ** 2 + (next_x_velocity / 2.5) ** 2)
    stand_after = 1.5 * upright * tall * (0.4 + 0.6 * calm)

    # 5. Waiting costs a little; having gone over again costs more, to the end.
    misplaced = (-0.1 * (np.abs(err) > 1.0)
                 - 0.3 * np.clip(-err - 1.0, 0.0, 1.0))

    # 6. No thrashing after the turn.
    quiet_after = -0.05 * np.exp(-err ** 2) * np.mean(action ** 2, axis=-1)

    return {
        "turn_progress": turn_progress,
        "turn_in_air": turn_in_air,
        "landing": landing,
        "stand_after": stand_after,
        "misplaced": misplaced,
        "quiet_after": quiet_after,
    }
