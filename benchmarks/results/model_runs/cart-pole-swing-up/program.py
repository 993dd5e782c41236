import numpy as np


def reward(next_cart_position, next_cart_velocity, next_pole_cosine,
           next_pole_angular_velocity, terminated):
    # 1 in the middle of the track, falling to 0.3 at its ends
    centred = 1.0 - 0.7 * np.clip(np.abs(next_cart_position) / 2.4, 0.0, 1.0) ** 2
    lifted = np.clip((1.0 + next_pole_cosine) / 2.0, 0.0, 1.0)
    above = np.clip(next_pole_cosine, 0.0, 1.0)
    calm = 1.0 / (1.0 + (next_pole_angular_velocity / 2.0) ** 2)
    slow_cart = 1.0 / (1.0 + (next_cart_velocity / 3.0) ** 2)

    return {
        # pays every bit of height, so that swinging higher is felt from the start
        "height": 0.3 * lifted * centred,
        # pays a pole above level that turns slowly: balancing, not whirling
        "standing": 0.6 * above ** 2 * calm * centred,
        # pays a cart at rest under a pole that is nearly upright
        "settled": 0.2 * above ** 6 * calm * slow_cart * centred,
        # one-time cost of running off the track
        "left_track": -10.0 * terminated.astype(float),
    }
