"""Basal metabolic rate: what a body spends lying still."""

from __future__ import annotations

from .values import Profile

#: One thermochemical kilocalorie in joules.
JOULES_PER_KILOCALORIE = 4184.0

SECONDS_PER_DAY = 86_400.0

#: Mifflin et al. 1990: constant of the equation, kcal a day.
_SEX_TERM = {"male": 5.0, "female": -161.0, "unspecified": (5.0 - 161.0) / 2}


def basal_watts(profile: Profile) -> float:
    """Basal metabolic rate in watts by the Mifflin-St Jeor equation.

    10 x kg + 6.25 x cm - 5 x years + 5 (male) or - 161 (female), in kcal a day; `unspecified` is the mean of
    both.
    Source: Mifflin MD, St Jeor ST, et al. A new predictive equation for resting energy expenditure in healthy
    individuals. American Journal of Clinical Nutrition 51:241-247, 1990. It is the equation of OpenMetabolics
    too.

    Example:
        >>> round(basal_watts(Profile(age=34, weight=77, height=1.78, sex="male")), 1)
        83.2
    """
    per_day = 10.0 * profile.weight + 625.0 * profile.height - 5.0 * profile.age + _SEX_TERM[profile.sex]
    # The equation is a straight line: for the smallest and oldest it would come near zero.
    return max(per_day, 500.0) * JOULES_PER_KILOCALORIE / SECONDS_PER_DAY
