"""The energy estimate: what a session costs, whatever the phone, its orientation and its sampling."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.energy.estimation import Estimate, Profile, Samples, basal_watts, estimate
from simulation.recording import RecordingError, find_recording, load_recording
from simulation.walk import simulate_walk

ADULT = Profile(age=34, weight=77, height=1.78, sex="male")
RATE = 50


def still(seconds: float, gravity: float = 1.0) -> Samples:
    """A phone on a table."""
    count = int(seconds * RATE)
    return Samples(np.arange(count) / RATE, np.zeros((count, 3)), np.tile([0.0, 0.0, gravity], (count, 1)))


def swinging(seconds: float, *, strength: float = 1.0, duration: float = 1.05) -> Samples:
    """A leg that walks evenly: the swing of the thigh and its second and third harmonic."""
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * time / duration
    z = 1.8 * np.cos(phase) + 0.7 * np.sin(phase) + 0.9 * np.cos(2 * phase) + 0.4 * np.cos(3 * phase)
    gyroscope = strength * np.column_stack([0.25 * z, 0.3 * np.cos(2 * phase), z])
    return Samples(time, gyroscope, np.tile([0.0, 1.0, 0.0], (len(time), 1)))


def rotated(samples: Samples, seed: int) -> Samples:
    """The same session with the phone lying another way round."""
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    return Samples(samples.time, samples.gyroscope @ rotation, samples.accelerometer @ rotation)


def assert_sound(result: Estimate, samples: Samples) -> None:
    """The laws every estimate obeys."""
    windows = result.windows
    numbers = [
        result.kilocalories,
        result.mean_watts,
        result.peak_watts,
        result.active_minutes,
        result.duration_seconds,
    ]
    assert all(math.isfinite(number) and number >= 0 for number in numbers)
    assert result.kilocalories == pytest.approx(sum(window.kilocalories for window in windows))
    assert result.duration_seconds == pytest.approx(float(samples.time[-1] - samples.time[0]))
    if windows:
        assert windows[0].start == samples.time[0]
        assert windows[-1].end == samples.time[-1]
        assert result.peak_watts == max(window.watts for window in windows)
    for before, after in itertools.pairwise(windows):
        assert before.end == after.start
    for window in windows:
        assert window.end > window.start
        assert window.watts >= basal_watts(ADULT) - 1e-6
        assert math.isfinite(window.watts)
        assert window.kilocalories == pytest.approx(window.watts * (window.end - window.start) / 4184)
        assert window.activity in ("active", "rest")
        assert window.gait_cycles >= 0


@pytest.mark.requirement("OM-B19")
def test_rest_costs_the_basal_rate() -> None:
    result = estimate(still(60), ADULT)
    assert result.mean_watts == pytest.approx(basal_watts(ADULT))
    assert result.active_minutes == 0
    assert {window.activity for window in result.windows} == {"rest"}


@pytest.mark.requirement("OM-B19")
def test_stronger_and_faster_motion_costs_more() -> None:
    sessions = [
        still(60),
        swinging(60, strength=0.7, duration=1.15),
        swinging(60, strength=0.9, duration=1.05),
        swinging(60, strength=1.1, duration=0.95),
        swinging(60, strength=1.6, duration=0.75),
    ]
    rates = [estimate(session, ADULT).mean_watts for session in sessions]
    assert rates == sorted(rates)
    assert rates[1] > 3 * rates[0]
    assert rates[-1] > 1.4 * rates[1]


@pytest.mark.requirement("OM-B19")
def test_at_one_cadence_a_stronger_swing_costs_more() -> None:
    rates = [estimate(swinging(60, strength=strength), ADULT).mean_watts for strength in (0.6, 0.8, 1.0, 1.2, 1.4, 1.6)]
    assert rates == sorted(rates)


@pytest.mark.requirement("OM-B19")
def test_walking_costs_what_walking_costs() -> None:
    """Level walking of a man of 77 kg lies between 200 and 500 W (2.6 to 6.5 W/kg)."""
    result = estimate(swinging(120), ADULT)
    assert 200 < result.mean_watts < 500
    assert result.active_minutes == pytest.approx(2.0, abs=0.15)
    assert sum(window.gait_cycles for window in result.windows) == pytest.approx(120 / 1.05, abs=4)


@pytest.mark.requirement("OM-B19")
def test_a_heavier_body_spends_more_on_the_same_walk() -> None:
    walk = swinging(60)
    rates = [estimate(walk, replace(ADULT, weight=weight)).mean_watts for weight in (55, 70, 85, 100)]
    assert rates == sorted(rates)
    assert rates[-1] > 1.3 * rates[0]


def test_the_basal_rate_is_that_of_mifflin_and_st_jeor() -> None:
    # 10 x 77 + 6.25 x 178 - 5 x 34 + 5 = 1717.5 kcal a day.
    assert basal_watts(ADULT) == pytest.approx(1717.5 * 4184 / 86400)
    woman, unspecified = replace(ADULT, sex="female"), replace(ADULT, sex="unspecified")
    assert basal_watts(unspecified) == pytest.approx((basal_watts(ADULT) + basal_watts(woman)) / 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_orientation_of_the_phone_does_not_matter(seed: int) -> None:
    walk = simulate_walk(minutes=3)
    assert estimate(rotated(walk, seed), ADULT).kilocalories == pytest.approx(estimate(walk, ADULT).kilocalories)


def test_the_sign_convention_of_gravity_does_not_matter() -> None:
    walk = simulate_walk(minutes=3)
    other = replace(walk, accelerometer=-walk.accelerometer)
    assert estimate(other, ADULT).kilocalories == pytest.approx(estimate(walk, ADULT).kilocalories)


def test_a_signal_without_gravity_gives_nearly_the_same() -> None:
    walk = simulate_walk(minutes=5)
    without = replace(walk, accelerometer=walk.accelerometer * 0)
    assert estimate(without, ADULT).kilocalories == pytest.approx(estimate(walk, ADULT).kilocalories, rel=0.1)


@pytest.mark.parametrize("rate", [25, 100, 200])
def test_the_sampling_rate_does_not_matter(rate: int) -> None:
    reference = estimate(simulate_walk(minutes=5), ADULT)
    assert estimate(simulate_walk(minutes=5, rate=rate), ADULT).kilocalories == pytest.approx(
        reference.kilocalories, rel=0.02
    )


def test_uneven_sampling_gives_nearly_the_same() -> None:
    walk = simulate_walk(minutes=5)
    generator = np.random.default_rng(0)
    keep = generator.random(len(walk.time)) > 0.2
    keep[[0, -1]] = True
    uneven = Samples(
        walk.time[keep] + generator.uniform(-0.004, 0.004, keep.sum()),
        walk.gyroscope[keep],
        walk.accelerometer[keep],
    )
    assert estimate(uneven, ADULT).kilocalories == pytest.approx(estimate(walk, ADULT).kilocalories, rel=0.03)


def test_a_gap_is_one_window_of_rest() -> None:
    walk = swinging(60)
    late = walk.time + np.where(walk.time >= 30, 3600.0, 0.0)
    result = estimate(replace(walk, time=late), ADULT)
    gap = max(result.windows, key=lambda window: window.end - window.start)
    assert gap.end - gap.start == pytest.approx(3600, abs=0.1)
    assert (gap.activity, gap.gait_cycles) == ("rest", 0)
    assert gap.watts == pytest.approx(basal_watts(ADULT))
    assert result.active_minutes == pytest.approx(1.0, abs=0.1)
    assert_sound(result, replace(walk, time=late))


def test_a_pause_of_one_second_is_bridged() -> None:
    walk = swinging(60)
    keep = (walk.time < 30) | (walk.time > 31)
    result = estimate(Samples(walk.time[keep], walk.gyroscope[keep], walk.accelerometer[keep]), ADULT)
    assert {window.activity for window in result.windows} == {"active"}


@pytest.mark.parametrize("count", [1, 2, 3, 10, 49, 100, 101])
def test_a_session_too_short_for_a_gait_cycle_is_rest(count: int) -> None:
    walk = swinging(60)
    short = Samples(walk.time[:count], walk.gyroscope[:count], walk.accelerometer[:count])
    result = estimate(short, ADULT)
    assert_sound(result, short)
    if count < 49:
        assert result.active_minutes == 0


def test_a_signal_of_zeros_is_rest() -> None:
    assert estimate(still(30, gravity=0.0), ADULT).mean_watts == pytest.approx(basal_watts(ADULT))


def test_progress_rises_from_zero_to_one() -> None:
    shares: list[float] = []
    estimate(simulate_walk(minutes=3), ADULT, progress=shares.append)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert len(shares) > 4


def test_the_same_session_gives_the_same_estimate() -> None:
    walk = simulate_walk(minutes=2)
    assert estimate(walk, ADULT) == estimate(walk, ADULT)


@pytest.mark.requirement("OM-B19")
def test_the_simulated_walk_is_a_plausible_walk() -> None:
    walk = simulate_walk()
    result = estimate(walk, ADULT)
    assert_sound(result, walk)
    assert 15 < result.active_minutes < 19
    assert 250 < result.mean_watts < 450
    assert result.windows[0].watts < 150
    assert np.array_equal(walk.gyroscope, simulate_walk().gyroscope)
    assert not np.array_equal(walk.gyroscope, simulate_walk(seed=8).gyroscope)


@pytest.mark.requirement("OM-B19")
def test_the_recorded_walk_is_mostly_walking_at_a_walkers_rate() -> None:
    path = find_recording(Path(__file__))
    if path is None:
        pytest.skip("the recorded walk (shared/data/open-metabolics) is not on this machine")
    samples = load_recording(path)
    result = estimate(samples, ADULT)
    assert_sound(result, samples)
    assert 14 < result.active_minutes < 18
    walking = [window.watts for window in result.windows if window.activity == "active"]
    assert 300 < float(np.median(walking)) < 450


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", 4), ("age", 121), ("age", math.nan), ("age", "34"), ("weight", 0), ("weight", 351), ("weight",
        None), ("weight", True), ("height", 178), ("height", 0.5), ("height", math.inf), ("sex", "m"), ("sex",
        None),
    ],
)  # fmt: skip
def test_body_data_out_of_range_are_refused_by_name(field: str, value: object) -> None:
    values: dict[str, object] = {"age": 34, "weight": 77, "height": 1.78, "sex": "male", field: value}
    with pytest.raises(ValueError, match=field):
        Profile(**values)  # type: ignore[arg-type]


def test_samples_that_are_none_are_refused_by_name() -> None:
    good = still(5)
    backwards = good.time.copy()
    backwards[10] = backwards[9]
    nan = good.gyroscope.copy()
    nan[7, 1] = math.nan
    huge = good.accelerometer.copy()
    huge[3, 0] = 1e200
    for field, bad, text in (
        ("time", backwards, "time must strictly increase, row 10"),
        ("time", good.time[None, :], "time must have one dimension"),
        ("time", good.time[:0], "time is empty"),
        ("gyroscope", good.gyroscope[:-1], "gyroscope must have shape"),
        ("gyroscope", nan, "gyroscope is not finite at row 7"),
        ("accelerometer", good.accelerometer[:, :2], "accelerometer must have shape"),
        ("accelerometer", huge, "accelerometer is beyond any sensor's range at row 3"),
        ("gyroscope", np.full((len(good.time), 3), "x"), "gyroscope must hold numbers"),
    ):
        with pytest.raises(ValueError, match=text):
            estimate(replace(good, **{field: bad}), ADULT)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 3000),
    scale=st.sampled_from([0.0, 1e-6, 0.3, 3.0, 30.0, 1e6]),
    step=st.sampled_from([1e-5, 0.002, 0.01, 0.02, 0.05, 1.0]),
    gaps=st.integers(0, 5),
    offset=st.sampled_from([0.0, -50.0, 1.7e9]),
)
def test_any_signal_gives_a_sound_estimate(
    seed: int, count: int, scale: float, step: float, gaps: int, offset: float
) -> None:
    generator = np.random.default_rng(seed)
    steps = step * generator.uniform(0.2, 1.8, count)
    steps[generator.integers(0, count, gaps)] += generator.choice([1.0, 2.5, 100.0, 1e5], gaps)
    time = offset + np.cumsum(steps)
    # Near 1.7e9 s two times can fall together; the interface asks for rising ones.
    time = np.unique(time)
    shape = (len(time), 3)
    walk = np.cumsum(generator.standard_normal(shape), axis=0) * 0.05
    samples = Samples(time, scale * (walk + generator.standard_normal(shape)), scale * generator.standard_normal(shape))
    assert_sound(estimate(samples, ADULT), samples)


def test_a_recording_that_is_none_is_refused_with_its_path(tmp_path: Path) -> None:
    for number, content in enumerate(
        [
            b"",
            b"a,b,c\n",
            b"1,2,3\n",
            b"1,2,3,4,5,6,nan\n",
            b"\x1f\x8bbroken",
            b"1,2,3,4,5,6,7\n1,2\n",
            b"\xff\xfe",
        ]
    ):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(content)
        with pytest.raises(RecordingError, match=str(path)):
            load_recording(path)
    with pytest.raises(RecordingError):
        load_recording(tmp_path / "absent.csv")


def test_the_recording_is_found_beside_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPEN_METABOLICS_DATA", raising=False)
    repository = tmp_path / "main"
    repository.mkdir()
    assert find_recording(repository) is None
    folder = tmp_path / "shared/data/open-metabolics"
    folder.mkdir(parents=True)
    path = folder / "pocket_session.csv.gz"
    path.write_text("0,1,2,3,4,5,6\n0.02,1,2,3,4,5,6\n")
    assert find_recording(repository) == path
    assert load_recording(path).gyroscope.shape == (2, 3)
    monkeypatch.setenv("OPEN_METABOLICS_DATA", str(folder))
    assert find_recording(Path("/")) == path
    monkeypatch.setenv("OPEN_METABOLICS_DATA", str(tmp_path / "nowhere"))
    assert find_recording(repository) is None


@pytest.mark.parametrize(("argument", "value"), [("minutes", 0), ("minutes", math.nan), ("rate", 0), ("rate", 1000)])
def test_a_walk_that_cannot_be_simulated_is_refused_by_name(argument: str, value: float) -> None:
    with pytest.raises(ValueError, match=argument):
        simulate_walk(**{argument: value})
