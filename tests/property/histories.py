"""Hostile histories: what producers of every kind might send one lane, in any order.

Owns which steps there are and how often each is taken. A history is made from a list of step
seeds: each step draws its chances from its own seed and from what the steps before it sent, so a
shorter list is a simpler history of the same kind. Must never know how the gate answers.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tests.property.busts import step_bust, step_closing_bust, step_early_bust, step_withheld
from tests.property.conduct import STEPS as CONDUCT_STEPS
from tests.property.exposures import (
    step_check_control,
    step_credit,
    step_own_orders,
    step_period,
    step_position,
    step_spread,
)
from tests.property.losses import step_loss
from tests.property.money import (
    step_flood_money,
    step_money,
    step_odd_money,
    step_settlement,
    step_withdrawal,
)
from tests.property.operations import (
    step_back_in_time,
    step_control,
    step_mark,
    step_marks,
    step_recover,
    step_time,
)
from tests.property.operator_rules import step_rule
from tests.property.orders import (
    step_burst,
    step_cancel,
    step_from_ahead,
    step_order,
    step_repeat_order,
    step_replace,
    with_tags_backwards,
)
from tests.property.pledges import step_chain, step_collateral, step_lean, step_rates
from tests.property.poison import step_poison, step_wrong_key
from tests.property.reports import (
    report_on,
    step_answer,
    step_expiry_race,
    step_fill,
    step_life,
    step_race,
    step_repeat_fill,
    step_replace_race,
)
from tests.property.steering import step_steer
from tests.property.world import (
    DAY_MS,
    E9,
    ELSEWHERE,
    IDS_MAX,
    LANE,
    LANE_COUNT,
    OTHER_TENANT,
    SCHEMA_OF,
    START_MS,
    TENANT,
    TOPICS,
    USERS,
    WINDOW_MS,
    Input,
    World,
    changed,
    set_up,
)

# With what tests elsewhere need of the world of the histories.
__all__ = [
    "DAY_MS",
    "E9",
    "ELSEWHERE",
    "IDS_MAX",
    "LANE",
    "LANE_COUNT",
    "OTHER_TENANT",
    "SCHEMA_OF",
    "START_MS",
    "TENANT",
    "TOPICS",
    "USERS",
    "WINDOW_MS",
    "Input",
    "changed",
    "make_history",
    "report_on",
    "seeded_history",
    "with_tags_backwards",
]

STEPS: Final[tuple[tuple[int, Callable[[World, Random], None]], ...]] = (
    (26, step_order),
    (12, step_life),
    (2, step_burst),
    (1, step_from_ahead),
    (5, step_repeat_order),
    (6, step_cancel),
    (7, step_replace),
    (5, step_answer),
    (24, step_fill),
    (3, step_repeat_fill),
    (3, step_race),
    (4, step_replace_race),
    (3, step_expiry_race),
    (6, step_bust),
    (2, step_early_bust),
    (1, step_withheld),
    (2, step_closing_bust),
    (4, step_money),
    (3, step_settlement),
    (5, step_withdrawal),
    (2, step_odd_money),
    (1, step_flood_money),
    (5, step_control),
    (3, step_steer),
    (4, step_rule),
    *CONDUCT_STEPS,
    (3, step_check_control),
    (4, step_spread),
    (1, step_credit),
    (1, step_position),
    (2, step_own_orders),
    (2, step_period),
    (3, step_loss),
    (2, step_collateral),
    (7, step_lean),
    (3, step_chain),
    (2, step_rates),
    (2, step_mark),
    (6, step_marks),
    (2, step_time),
    (1, step_back_in_time),
    (4, step_recover),
    (2, step_poison),
    (2, step_wrong_key),
)
_WEIGHTS: Final = [weight for weight, _ in STEPS]
_ACTIONS: Final = [action for _, action in STEPS]


def make_history(
    steps: Sequence[int], ids_max: int = IDS_MAX, *, steady: bool = False
) -> list[Input]:
    """The inputs that a list of step seeds leads to.

    The first seed shapes the set-up; a step of seed 0 does nothing. `ids_max`: remembered_ids_max
    as it mostly is, or with `steady` always, and nothing is left out of the set-up.
    """
    world = World(ids_max)
    if steady:
        world.other_ids_max = [ids_max]
    if steps:
        rng = Random(steps[0])
        world.orphan_ms = rng.choice([2_000, 20_000, 20_000, 600_000])
        missing = rng.choice([0.0, 0.0, 0.0, 0.05, 0.3])
        set_up(world, rng, 0.0 if steady else missing)
    for seed in filter(None, steps[1:]):
        rng = Random(seed)
        world.now_ms += rng.choice([0, 0, 1, 7, 100, 300, 1000])
        rng.choices(_ACTIONS, _WEIGHTS)[0](world, rng)
    return world.sent


def seeded_history(seed: int, length: int) -> list[Input]:
    """A history that only its seed and length decide."""
    rng = Random(seed)
    return make_history([rng.getrandbits(32) for _ in range(length)])
