"""Whatever path is given as output: a study works there to its end, or the path is refused by name at the door."""

import os
import re
from pathlib import Path

import pytest

from lstm_bench.cli import main
from lstm_bench.config.errors import ConfigError
from lstm_bench.study.folders import check_output, records_folder, reports_folder, tracking_uri

FINE = [
    "plain", "a b", " spaces ", "ünï", "日本　語", "100%", "50%off", "h#x", "a&b", "it's", 'd"q', "semi;c", "a@b:c",
    "a=b", "back\\slash", "x[1]", "{y}", "$z", "a,b", "a+b", "trailing/", "new/../other", "./here", "L" * 255,
]  # fmt: skip
REFUSED = {
    "what?": "output={}: allowed: a path without '?' and without '%' before two hex digits, for MLflow",
    "p%20q": "output={}: allowed: a path without '?' and without '%' before two hex digits, for MLflow",
    "L" * 256: "output='{}': allowed: a folder that can be written ([Errno 36] File name too long",
    "/".join(["L" * 200] * 3): "output={}: allowed: a path of at most 480 bytes in all, for SQLite",
    "/".join(["L" * 200] * 20): "output={}: allowed: a path of at most 480 bytes in all, for SQLite",
    "/".join(["L" * 200] * 30): "output={}: allowed: a path of at most 480 bytes in all, for SQLite",
}
TINY = [
    "study=own", "cell=rnn", "task.n_symbols=1", "cell.hidden_size=4", "task.lag=1", "trainer.steps=2",
    "trainer.eval_every=2", "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=1",
    "trainer.learning_rates=0.01", "tracking=off", "hydra/launcher=basic", "probe=off", "speed=off",
]  # fmt: skip


def refusal(output: Path | str, *studies: str) -> str:
    with pytest.raises(ConfigError) as caught:
        check_output(Path(output), studies)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", FINE)
def test_an_output_folder_of_any_name_that_works_is_allowed_and_nothing_is_made(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for output in (Path(name), tmp_path / name):
        check_output(output, ["own"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", REFUSED)
def test_an_output_folder_that_cannot_work_is_refused_by_name(name, tmp_path):
    output = tmp_path / name
    assert refusal(output).startswith(REFUSED[name].format(output))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["two\nlines", "null\0byte", os.fsdecode(b"latin\xfc")])
def test_a_path_that_cannot_be_printed_is_refused_in_one_line(name, tmp_path):
    assert refusal(tmp_path / name).startswith(f"output={str(tmp_path / name)!a}: allowed: ")


def test_the_longest_path_that_is_allowed_takes_a_database(tmp_path):
    """As long as the limit permits, and SQLite writes there with a journal."""
    import sqlite3

    root = tmp_path / ("L" * 200)
    root /= "L" * (480 - len(str(root)) - 1 - 1 - 100)
    root /= "L" * 100
    assert len(str(root)) == 480
    check_output(root)
    root.mkdir(parents=True)
    connection = sqlite3.connect(tracking_uri(root, None)[0].removeprefix("sqlite:///"))
    connection.execute("CREATE TABLE t (x)")
    connection.close()


def test_home_is_meant_by_a_tilde_and_an_unknown_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    check_output(Path("~/studies"))
    assert records_folder(Path("~/studies"), "own") == tmp_path / "studies" / "runs" / "own"
    assert refusal("~no_such_user_here/x").startswith("output='~no_such_user_here/x': allowed: a folder that can be")


@pytest.mark.parametrize("link", ["output", "runs", "reports"])
def test_the_output_folder_and_its_rooms_may_be_links(link, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    output = tmp_path / "output"
    if link == "output":
        output.symlink_to(tmp_path / "elsewhere")
    else:
        output.mkdir()
        (output / link).symlink_to(tmp_path / "elsewhere")
    check_output(output, ["own"])
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("room", ["runs", "reports"])
def test_a_studys_own_folder_may_be_a_link_inside_the_output_folder_and_not_out_of_it(room, tmp_path):
    output, inside, outside = tmp_path / "output", tmp_path / "output" / "inside", tmp_path / "outside"
    for folder in (output / room, inside, outside):
        folder.mkdir(parents=True)
    (output / room / "own").symlink_to(outside)
    assert (
        refusal(output, "other", "own") == f"{output / room / 'own'}: a link to {outside}: allowed: a folder of its own"
    )
    check_output(output, ["other"])
    (output / room / "own").unlink()
    (output / room / "own").symlink_to(inside)
    check_output(output, ["own"])


@pytest.mark.parametrize("where", ["", "runs", "reports", "runs/own", "reports/own"])
@pytest.mark.parametrize("fault", ["file", "nowhere", "circle", "read-only"])
def test_a_folder_that_cannot_be_written_is_refused_by_name(where, fault, tmp_path):
    place = tmp_path / "output" / where
    place.parent.mkdir(parents=True, exist_ok=True)
    if fault == "file":
        place.write_text("a file")
    elif where or fault != "nowhere":  # where nothing is yet, a link as output leads to a folder that can be made
        place.symlink_to({"nowhere": "not_there", "circle": place.name, "read-only": "/proc"}[fault])
    else:
        place.symlink_to("/proc/not_there")
    line = refusal(tmp_path / "output", "own")
    assert re.match(rf"(output=)?'?{re.escape(str(tmp_path / 'output'))}", line)
    assert "allowed: a folder" in line
    assert fault == "circle" or where in line
    assert sorted(tmp_path.rglob("*")) == sorted({place, *place.parents} - {tmp_path, *tmp_path.parents})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("where", ["", "runs", "reports", "runs/own"])
def test_a_folder_without_the_right_to_write_is_refused_by_name(where, tmp_path):
    place = tmp_path / "output" / where
    place.mkdir(parents=True)
    place.chmod(0o500)
    assert "Permission denied" in refusal(tmp_path / "output", "own")
    place.chmod(0o700)


@pytest.mark.usefixtures("one_figure")
@pytest.mark.parametrize("name", ["a b/ünï #20%'x", "../x"])
def test_a_study_works_to_its_end_in_a_folder_of_an_awkward_name(name, tmp_path, monkeypatch, capsys):
    standing = tmp_path / "standing"
    standing.mkdir()
    monkeypatch.chdir(standing)
    assert main([*TINY, f'output="{name}"']) == 0
    root = (standing / name).resolve()
    assert len(list(root.glob("runs/own/members/*/record.json"))) == 1
    assert (reports_folder(root) / "own" / "report.html").is_file()
    assert str(root / "reports" / "own" / "report.html") in capsys.readouterr().out
    made = {path.name for folder in (tmp_path, standing) for path in folder.iterdir()}
    assert made == {"standing", Path(name).parts[-1] if name.startswith("..") else Path(name).parts[0]}
