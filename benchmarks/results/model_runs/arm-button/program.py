import numpy as np

TRAVEL = 0.09


def reward(next_hand, next_button, pressed):
    # out of line with the button: sideways, and in height beyond a tolerance for the fingers
    dx = np.abs(next_hand[:, 0] - next_button[:, 0])
    dz = np.maximum(np.abs(next_hand[:, 2] - next_button[:, 2]) - 0.02, 0.0)
    out_of_line = np.sqrt(dx ** 2 + dz ** 2)
    line_up = -3.0 * np.minimum(out_of_line, 0.3)

    # still in front of it, along y; the bonus only in line with it
    in_line = 1.0 / (1.0 + (out_of_line / 0.06) ** 2)
    ahead = np.clip(next_button[:, 1] - next_hand[:, 1], 0.0, 0.4)
    come_near = -1.0 * ahead + 0.4 * in_line * (1.0 - ahead / 0.4)

    # the button's way in: 0 untouched, 1 all the way in; most for all the way
    left = np.clip(np.abs(pressed[:, 1] - next_button[:, 1]) / TRAVEL, 0.0, 1.0)
    depth = 1.0 - left
    press = 1.0 * depth + 1.0 * np.clip((depth - 0.7) / 0.25, 0.0, 1.0)

    return {
        "line_up": line_up,
        "come_near": come_near,
        "press": press,
    }
