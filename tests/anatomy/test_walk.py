"""The seven-word walk: recomputed, decided, cut to a sentence, and audited."""

from pathlib import Path

import pytest
import yaml

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
    assert walk.gates["o"] == [0.7, 0.5, 0.3, 0.9, 0.65, 0.85, 0.65]


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
        [0.431837, 0.279714, 0.065756, 0.648751, 0.423091, 0.788415, 0.581991], abs=5e-7
    )
    assert frame["c before"].tolist() == [0.0, *frame["c"].tolist()[:-1]]


def test_the_audit_finds_exactly_the_wrong_cells(walk: Walk) -> None:
    audited = audit(walk)
    assert len(audited) == 35
    wrong = audited.loc[~audited["agrees"]]
    by_column = {key: rows["t"].tolist() for key, rows in wrong.groupby(["table", "quantity"])}
    assert by_column == {
        ("complete table", "h"): [2, 4, 5, 6, 7],
        ("output table", "tanh(c)"): [2, 3, 4, 5, 6, 7],
        ("output table", "h"): [1, 2, 3, 4, 5, 6, 7],
    }
    right = {key: rows["right"].tolist() for key, rows in wrong.groupby(["table", "quantity"])}
    assert right["complete table", "h"] == ["0.28", "0.65", "0.42", "0.79", "0.58"]
    assert right["output table", "tanh(c)"] == ["0.6", "0.2", "0.7", "0.7", "0.93", "0.9"]
    assert right["output table", "h"] == ["0.43", "0.28", "0.07", "0.65", "0.42", "0.79", "0.58"]
    agreeing = audited.loc[audited["agrees"]]
    assert (agreeing["printed"] == agreeing["right"]).all()


def test_the_findings_say_what_gives_the_errors_away(walk: Walk) -> None:
    sentences = findings(walk)
    assert sentences[0] == "18 of the 35 printed numbers are not what the equations give."
    assert "Complete table, c: right throughout." in sentences
    assert "Output table, h: wrong at every t." in sentences
    assert "Complete table: h at t = 6 and 7 is larger than o, and tanh(c) is below 1." in sentences
    assert sentences[-1].startswith("Output table: each h is o tanh(c) of the numbers beside it")


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
    assert audit(one_word({"table": {quantity: [printed]}}))["agrees"].tolist() == [agrees]


def test_nothing_printed_is_nothing_to_audit() -> None:
    assert audit(one_word({})).empty
    assert findings(one_word({})) == []
    assert findings(one_word({"t": {"c": ["0.25"]}})) == ["All 1 printed numbers are what the equations give."]


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
    assert chosen.printed == {}


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
