"""The seven-word walk: recomputed, decided, cut to a sentence, and audited."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from lstm_bench.anatomy.audit import audit, findings
from lstm_bench.anatomy.walk import Walk, choose, decision, decision_rules, load_walk, recompute, seven_words
from lstm_bench.anatomy.yaml_input import YamlError

SOURCE = seven_words()


@pytest.fixture(scope="module")
def walk() -> Walk:
    return load_walk(SOURCE)


def test_the_walk_is_the_published_one(walk: Walk) -> None:
    assert walk.words == ["Deep", "learning", "is", "fun", "I", "love", "learning"]
    assert walk.boundaries == [5]
    assert walk.gates["f"] == [0.9, 0.6, 0.4, 0.85, 0.2, 0.95, 0.7]
    assert walk.gates["i"] == [0.9, 0.5, 0.3, 0.8, 0.85, 0.95, 0.6]
    assert walk.gates["g"] == [0.8, 0.4, -0.1, 0.9, 0.7, 0.95, 0.5]
    assert walk.gates["o"] == [0.7, 0.5, 0.3, 0.9, 0.6, 0.85, 0.65]


def test_recomputed_values_are_those_by_hand(walk: Walk) -> None:
    frame = recompute(walk)
    assert frame["written"].tolist() == pytest.approx([0.72, 0.2, -0.03, 0.72, 0.595, 0.9025, 0.3], abs=1e-15)
    assert frame["keep"].tolist() == pytest.approx(
        [0, 0.432, 0.2528, 0.18938, 0.181876, 0.7380322, 1.14837254], abs=1e-12
    )
    assert frame["c"].tolist() == pytest.approx(
        [0.72, 0.632, 0.2228, 0.90938, 0.776876, 1.6405322, 1.44837254], abs=1e-12
    )
    assert frame["tanh(c)"].tolist() == pytest.approx(
        [0.616909, 0.559428, 0.219185, 0.720835, 0.650910, 0.927547, 0.895371], abs=5e-7
    )
    assert frame["h"].tolist() == pytest.approx(
        [0.431837, 0.279714, 0.065756, 0.648751, 0.390546, 0.788415, 0.581991], abs=5e-7
    )
    assert frame["c before"].tolist() == [0.0, *frame["c"].tolist()[:-1]]


def test_o_at_the_fifth_word_is_the_printed_one(walk: Walk) -> None:
    assert walk.gates["o"] == [float(o) for o in walk.printed["output table"]["o"]]
    assert recompute(walk)["h"].iloc[4] == pytest.approx(0.60 * np.tanh(0.776876), abs=1e-12)
    at_five = audit(walk).query("t == 5 and quantity == 'h'")
    assert at_five[["printed", "right", "verdict"]].to_numpy().tolist() == [
        ["0.44", "0.39", "wrong"],
        ["0.30", "0.39", "wrong"],
    ]


def test_the_audit_counts_what_plain_equations_count(walk: Walk) -> None:
    f, i, g, o = (np.array(walk.gates[gate]) for gate in "figo")
    c = np.zeros(8)
    for t in range(1, 8):
        c[t] = f[t - 1] * c[t - 1] + i[t - 1] * g[t - 1]
    exact = {"c": c[1:], "o": o, "tanh(c)": np.tanh(c[1:]), "h": o * np.tanh(c[1:])}

    def off(printed: list[str], values: NDArray[np.float64]) -> NDArray[np.bool_]:
        places = np.array([len(text) - text.index(".") - 1 for text in printed])
        return np.abs(np.array(printed, float) - values) > 0.5 * 10.0**-places

    n_off = {
        (table, quantity): int(off(list(printed), exact[quantity]).sum())
        for table, columns in walk.printed.items()
        for quantity, printed in columns.items()
    }
    assert list(n_off.values()) == [0, 5, 0, 6, 7]
    output = walk.printed["output table"]
    is_rounding = (
        ~off(list(output["tanh(c)"]), exact["tanh(c)"])
        & off(list(output["h"]), exact["h"])
        & ~off(list(output["h"]), np.array(output["o"], float) * np.array(output["tanh(c)"], float))
    )
    assert is_rounding.tolist() == [True] + [False] * 6
    complete = walk.printed["complete table"]
    of_printed_c = exact["o"] * np.tanh(np.array(complete["c"], float))
    is_off = off(list(complete["h"]), exact["h"])
    assert off(list(complete["h"]), of_printed_c)[is_off].all(), "the rounding of c explains none of them"
    assert audit(walk)["verdict"].value_counts().to_dict() == {"right": 35 - 18, "wrong": 17, "rounding": 1}


def test_the_audit_finds_exactly_the_wrong_cells(walk: Walk) -> None:
    audited = audit(walk)
    assert len(audited) == 35
    wrong = audited.loc[audited["verdict"] == "wrong"]
    by_column = {key: rows["t"].tolist() for key, rows in wrong.groupby(["table", "quantity"])}
    assert by_column == {
        ("complete table", "h"): [2, 4, 5, 6, 7],
        ("output table", "tanh(c)"): [2, 3, 4, 5, 6, 7],
        ("output table", "h"): [2, 3, 4, 5, 6, 7],
    }
    right = {key: rows["right"].tolist() for key, rows in wrong.groupby(["table", "quantity"])}
    assert right["complete table", "h"] == ["0.28", "0.65", "0.39", "0.79", "0.58"]
    assert right["output table", "tanh(c)"] == ["0.6", "0.2", "0.7", "0.7", "0.93", "0.9"]
    assert right["output table", "h"] == ["0.28", "0.07", "0.65", "0.39", "0.79", "0.58"]
    agreeing = audited.loc[audited["verdict"] == "right"]
    assert (agreeing["printed"] == agreeing["right"]).all()


def test_rounding_alone_stands_apart_from_what_is_wrong(walk: Walk) -> None:
    rounding = audit(walk).query("verdict == 'rounding'")
    assert rounding[["table", "quantity", "t", "printed", "right"]].to_numpy().tolist() == [
        ["output table", "h", 1, "0.42", "0.43"]
    ]


def test_the_findings_say_what_gives_the_errors_away(walk: Walk) -> None:
    sentences = findings(walk)
    assert sentences[0] == (
        "18 of the 35 printed numbers are not what the equations give. "
        "Of these, 17 are wrong and 1 is off by rounding alone."
    )
    assert "Complete table, c: right throughout." in sentences
    assert "Output table, h: wrong at t = 2, 3, 4, 5, 6 and 7, rounding alone at t = 1." in sentences
    assert [sentence for sentence in sentences if sentence.startswith("Rounding alone")] == [
        "Rounding alone: output table, h at t = 1 is 0.42 instead of 0.43, since it was computed from the rounded "
        "numbers next to it."
    ]
    assert "Complete table: h at t = 6 and 7 is larger than o, although tanh(c) is below 1." in sentences
    assert sentences[-3].startswith("Output table: each h is o tanh(c) of the numbers next to it")


def test_the_findings_say_where_the_tables_of_h_contradict_each_other(walk: Walk) -> None:
    complete, output = (walk.printed[table]["h"] for table in ("complete table", "output table"))
    assert sum(one != other for one, other in zip(complete, output, strict=True)) == 6
    assert findings(walk)[-2] == (
        "Complete table and output table contradict each other in h at 6 of 7 words: t = 1, 2, 3, 5, 6 and 7."
    )


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("0.65", "0.65", False),
        ("0.65", "0.64", True),
        ("0.65", "0.7", False),
        ("0.6", "0.65", False),
        ("0.6", "0.66", True),
    ],
)
def test_tables_contradict_each_other_to_the_places_that_both_print(one: str, other: str, differ: bool) -> None:
    sentences = findings(one_word({"a": {"o": [one]}, "b": {"o": [other]}}))
    assert any("A and b contradict each other in o at 1 of 1 words: t = 1." in text for text in sentences) is differ


def test_keep_most_at_the_first_word_has_nothing_to_keep(walk: Walk) -> None:
    assert recompute(walk)["keep"].iloc[0] == 0
    assert findings(walk)[-1] == 'At t = 1, "keep most" has nothing to keep: c starts at 0.'
    resets = Walk([["a"]], {"f": [0.1], "i": [0.5], "g": [0.5], "o": [0.5]}, {"t": {"c": ["0.25"]}})
    assert findings(resets) == ["All 1 printed numbers are what the equations give."]


def test_the_remarks_say_what_the_source_says_of_its_values(walk: Walk) -> None:
    remarks = " ".join(walk.remarks)
    assert "illustrative approximations" in remarks
    assert "hidden state S(t-1), where the equation has the cell state C(t-1)" in remarks
    assert "written, keep, new, f, i and g are right" in remarks


def test_a_wrong_number_beside_it_makes_no_number_rounding() -> None:
    tables = {"t": {"tanh(c)": ["0.5"], "h": ["0.33"]}}  # tanh(0.25) is 0.245, and 0.65 of it 0.16
    assert audit(one_word(tables))["verdict"].tolist() == ["wrong", "wrong"]


def test_rounding_goes_on_through_the_words() -> None:
    gates = {"f": [1.0] * 3, "i": [0.5] * 3, "g": [0.3] * 3, "o": [1.0] * 3}  # c is 0.15, 0.3, 0.45
    printed = {"t": {"written": ["0.2", "0.2", "0.15"], "c": ["0.2", "0.40", "0.45"]}}
    audited = audit(Walk([["a", "b", "c"]], gates, printed))
    assert audited["verdict"].tolist() == ["right", "right", "right", "right", "rounding", "right"]


def one_word(printed: dict[str, dict[str, list[str]]]) -> Walk:
    return Walk([["a"]], {"f": [1.0], "i": [0.5], "g": [0.5], "o": [0.65]}, printed)


@pytest.mark.parametrize(
    ("quantity", "printed", "agrees"),
    [
        ("c", "0.25", True),
        ("c", "0.2", True),  # 0.25 is a tie: either way is rounding
        ("c", "0.3", True),
        ("c", "0.24", False),
        ("c", "0", True),
        ("c", "1", False),
        ("c", "0.250", True),
        ("c", "0.251", False),
        ("c", "-0.25", False),
        ("o", "0.6", True),
        ("o", "0.7", True),
        ("o", "0.66", False),
    ],
)
def test_a_printed_number_is_held_to_its_own_places(quantity: str, printed: str, agrees: bool) -> None:
    assert audit(one_word({"table": {quantity: [printed]}}))["verdict"].tolist() == ["right" if agrees else "wrong"]


def test_nothing_printed_is_nothing_to_audit() -> None:
    assert audit(one_word({})).empty
    assert findings(one_word({})) == []
    assert findings(one_word({"t": {"c": ["0.25"]}}))[0] == "All 1 printed numbers are what the equations give."


@pytest.mark.parametrize(
    ("f", "written", "o", "expected"),
    [
        (0.8, 0.5, 0.8, "keep most, strong write, show most"),
        (0.79, 0.49, 0.79, "keep some, some write, show some"),
        (0.5, 0.15, 0.5, "keep some, some write, show some"),
        (0.49, 0.149, 0.49, "drop most, hardly a write, show little"),
        (0.3, -0.15, 0.0, "drop most, some negative write, show little"),
        (0.29, -0.14, 1.0, "reset, hardly a write, show most"),
        (0.0, -0.9, 1.0, "reset, strong negative write, show most"),
    ],
)
def test_decisions_change_at_the_stated_thresholds(f: float, written: float, o: float, expected: str) -> None:
    assert decision(f, written, o) == expected


def test_the_thresholds_are_stated() -> None:
    assert decision_rules()[0] == "f: keep most from 0.8, keep some from 0.5, drop most from 0.3, reset below"


def test_every_word_has_its_decision(walk: Walk) -> None:
    decisions = recompute(walk)["decision"].tolist()
    assert decisions[0] == "keep most, strong write, show some"
    assert [t for t, text in enumerate(decisions, start=1) if text.startswith("reset")] == [5]
    assert [t for t, text in enumerate(decisions, start=1) if "strong write" in text] == [1, 4, 5, 6]


def test_a_sentence_takes_its_words_in_order_and_starts_at_zero(walk: Walk) -> None:
    chosen, unknown = choose(walk, "I LOVE learning, deeply!")
    assert (chosen.words, unknown) == (["I", "love", "learning"], ["deeply!"])
    assert chosen.gates["f"] == [0.2, 0.95, 0.7]
    assert recompute(chosen)["c"].tolist() == pytest.approx([0.595, 1.46775, 1.327425], abs=1e-12)
    assert (chosen.printed, chosen.remarks) == ({}, ())


def test_a_word_takes_its_next_place_and_else_its_first(walk: Walk) -> None:
    assert choose(walk, "learning learning learning Deep")[0].gates["o"] == [0.5, 0.65, 0.5, 0.7]


def test_the_walks_beginning_keeps_its_printed_numbers(walk: Walk) -> None:
    chosen, _ = choose(walk, "deep learning is")
    assert chosen.printed["complete table"]["h"] == ["0.43", "0.29", "0.07"]
    assert choose(walk, " ".join(walk.words))[0] == walk


def test_a_sentence_with_no_known_word_is_refused(walk: Walk) -> None:
    for sentence in ("xylophone", "", "?!"):
        with pytest.raises(YamlError, match=r"allowed: at least one word of Deep, learning, is, fun, I, love$"):
            choose(walk, sentence)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sentences": None}, "sentences=: allowed: a list of sentences"),
        ({"sentences": []}, "sentences=[]: allowed: a list of sentences"),
        ({"sentences": ["a b", 3]}, "sentences=3: allowed: a list of sentences"),
        ({"sentences": ["a b", " "]}, "sentences= : allowed: a list of sentences"),
        ({"gates": None}, "gates=: allowed: a list of numbers for each of f, i, g and o"),
        ({"gates.f": None}, "gates.f=: allowed: a list of numbers from 0 to 1"),
        ({"gates.f": ...}, "gates.f=: allowed: a list of numbers from 0 to 1"),
        ({"gates.f": [0.5]}, "gates.f=1 values: allowed: 2, one for each word"),
        ({"gates.i": [0.5, "x"]}, "gates.i=x: allowed: a list of numbers from 0 to 1"),
        ({"gates.i": [0.5, True]}, "gates.i=True: allowed: a list of numbers"),
        ({"gates.i": 0.5}, "gates.i=0.5: allowed: a list of numbers"),
        ({"gates.g": [0.5, float("nan")]}, "gates.g=nan: allowed: a list of numbers from -1 to 1"),
        ({"gates.g": [0.5, -1.1]}, "gates.g=-1.1: allowed: a list of numbers from -1 to 1"),
        ({"gates.o": [0.5, -0.1]}, "gates.o=-0.1: allowed: a list of numbers from 0 to 1"),
        ({"gates.o": [0.5, 10**400]}, "gates.o=1000"),
        ({"printed": [1]}, "printed=[1]: allowed: tables of the quantities f, i, g, o, keep"),
        ({"printed": {"t": {"z": ["1", "2"]}}}, "printed.t.z=z: allowed: tables of the quantities f, i, g, o, keep"),
        ({"printed": {"t": {"h": [0.2, 0.3]}}}, "printed.t.h=0.2: allowed: tables of the quantities"),
        ({"printed": {"t": {"h": ["nan", "0.3"]}}}, "printed.t.h=nan: allowed: tables of the quantities"),
        ({"remarks": "x"}, "remarks=x: allowed: a list of sentences about the source"),
        ({"remarks": [1]}, "remarks=1: allowed: a list of sentences about the source"),
        ({"printed": {"t": {"h": ["0.3"]}}}, "printed.t.h=1 values: allowed: 2, one for each word"),
    ],
)
def test_a_walk_that_cannot_be_used_is_refused_in_one_line(change: dict, expected: str, tmp_path: Path) -> None:
    content = {"sentences": ["a b"], "gates": {gate: [0.5, 0.5] for gate in "figo"}}
    for key, value in change.items():
        outer, _, inner = key.partition(".")
        if inner and value is ...:
            del content[outer][inner]
        elif inner:
            content[outer][inner] = value
        else:
            content[outer] = value
    (tmp_path / "walk.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(YamlError) as error:
        load_walk(tmp_path / "walk.yaml")
    assert str(error.value).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a: [1,\nb", "allowed: a yaml file (line"),
        (b"- 1", "allowed: a yaml file of keys and values"),
        (b"", "allowed: a yaml file of keys and values"),
        (b"\xff\xfe\x00", "allowed: a file that can be read (not UTF-8)"),
        (b"a: \x07", "allowed: a yaml file (not yaml)"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused(text: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "walk.yaml").write_bytes(text)
    with pytest.raises(YamlError) as error:
        load_walk(tmp_path / "walk.yaml")
    assert str(error.value).startswith(f"--walk={tmp_path / 'walk.yaml'}: {expected}")
