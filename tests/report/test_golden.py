"""The numbers of a fixed set of records stay what they were; golden_numbers.py says how to renew them."""

import math

import pandas as pd
import pytest
from golden_numbers import EXHIBITS, GOLDEN, fixed_study, kept, numbers

NAMES = ("comparison", "headline", *EXHIBITS)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return numbers(fixed_study(tmp_path_factory.mktemp("runs")))


def check(today: pd.DataFrame, agreed: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(today, agreed, check_dtype=False, check_exact=False, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_those_agreed_to(today: dict[str, pd.DataFrame], name: str) -> None:
    check(today[name], kept(name))


def altered(value: object) -> object:
    if isinstance(value, str):
        return f"{value}."
    return 0.0 if value == math.inf else value * (1 + 1e-6) + 1e-9


def test_a_change_of_any_column_of_the_comparison_is_seen() -> None:
    agreed = kept("comparison")
    for column in agreed.columns[agreed.notna().any()]:
        changed, row = agreed.astype({column: object}), agreed[column].first_valid_index()
        changed.at[row, column] = altered(agreed.at[row, column])
        with pytest.raises(AssertionError, match=f'name="{column}"'):
            check(changed, agreed)


def test_a_column_or_row_more_or_less_is_seen() -> None:
    agreed = kept("comparison")
    for other in (agreed.assign(further=1.0), agreed.drop(columns="span_median"), agreed.iloc[:-1]):
        with pytest.raises(AssertionError, match="shape mismatch"):
            check(other, agreed)


def test_the_records_hold_what_goes_wrong_too(today: dict[str, pd.DataFrame]) -> None:
    rates = today["solve_rates"]
    assert rates[["diverged", "failed", "missing"]].sum().tolist() == [2, 2, 2]  # one of each a task
    assert set(rates["task"]) == {"copy", "adding"}


def test_each_kept_file_is_compared() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(NAMES)
