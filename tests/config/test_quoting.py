"""A name or a path arrives in the settings as it was typed, through Hydra's parser, sweeper and parser again."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from lstm_bench.config.hydra_arguments import as_typed

PARSER = OverridesParser.create()
PATHS = [
    "plain", "a b", " spaces ", "ünï", "日本　語", "100%", "h#x", "a&b;c|d", "it's", 'd"q', "a\\b", "a\\", "a\\\\",
    'a\\"b', "a,b", "1_000", "null", "true", "x=y", "[1,2]", "{a}", "(b)", "~/x", "../x/", "range(1,2)", "a:b",
    "$HOME", "!x",
]  # fmt: skip


TYPED = [
    (key, path)
    for key in ("output", "study", "tracking.uri")
    for path in PATHS
    if (key, path) != ("tracking.uri", "null")  # which is the default store
]


@pytest.mark.parametrize(("key", "path"), TYPED)
@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_a_path_is_taken_as_typed(path, prefix, key):
    (parsed,) = PARSER.parse_overrides([as_typed(f"{prefix}{key}={path}")])
    ((job,),) = BasicSweeper.split_arguments([parsed], None)[0]
    (again,) = PARSER.parse_overrides([job])
    assert parsed.value() == again.value() == path


@pytest.mark.parametrize(
    "override",
    ["output='a b'", 'output="a b"', "output=", "task.lag=1,2", "outputs=a b", "output", "published=null", "cell=Nan"],
)
def test_what_is_quoted_already_or_no_path_stays_as_it_is(override):
    assert as_typed(override) == override


@pytest.mark.parametrize("names", ["Nan", "null", "true", "1", "1.5", "1_000", "ü", "a b", "lstm", "deep/inf"])
def test_the_name_of_a_yaml_is_taken_as_typed(names):
    parsed = PARSER.parse_overrides([as_typed(f"cell={names}, rnn", {"cell"})])
    ((first,), (second,)) = BasicSweeper.split_arguments(parsed, None)[0]
    assert [PARSER.parse_override(job).value() for job in (first, second)] == [names, "rnn"]


@pytest.mark.parametrize("override", ["cell=[a,b]", "cell=${x}", "cell='a b'", "cell=", "cell=a,", "~cell", "cell.x=1"])
def test_what_is_no_list_of_plain_names_stays_as_it_is(override):
    assert as_typed(override, {"cell"}) == override
