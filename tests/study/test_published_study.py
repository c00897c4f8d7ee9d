"""A study that something was published of, from the command line to the screen and the report."""

import pytest

from lstm_bench.cli import main

TINY = (
    "task.lag=6", "task.n_symbols=2", "cell=rnn", "cell.hidden_size=4", "trainer.steps=4", "trainer.eval_every=2",
    "trainer.eval_size=8", "trainer.confirm_size=8", "trainer.seeds=2", "trainer.batch_size=2",
    "trainer.learning_rates=0.01", "probe=off", "tracking=off", "hydra/launcher=basic", "speed=off",
)  # fmt: skip
OWN = {
    "source": "Mine 2026", "task": "copy", "dialect": "arjovsky", "settings": "n_symbols=2", "cell": "rnn", "lag": "6",
    "n_parameters": "88", "metric": "recall_accuracy", "length": "", "value": "0.99", "baseline": "0.125",
    "solved": "yes", "where": "Table 1", "runs": "one run", "model": "H = 16", "training": "Adam", "data": "fresh",
    "stopping": "fixed", "citation": "Me 2026", "url": "https://example.org",
}  # fmt: skip


@pytest.mark.usefixtures("unrendered_figures")
def test_a_table_of_ones_own_is_printed_and_reported_beside_ours(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text(f"{','.join(OWN)}\n{','.join(OWN.values())}\n", encoding="utf-8")
    assert main(["study=mine", "published=mine.csv", *TINY]) == 0
    said = capsys.readouterr().out
    table = said[said.index("Mine 2026, Table 1: copy, arjovsky") :].split("\n\n")[0]
    heading, theirs, ours = table.split("\n")[1:]
    assert heading.split("  ")[0] == "cell" and "share of letters recalled" in heading
    assert theirs.split() == ["published", "rnn", "88", "0.99", "solved"]
    assert ours.split()[0] == "rnn" and "0/2" in ours
    assert "https://example.org" in (tmp_path / "reports" / "mine" / "report.md").read_text(encoding="utf-8")
