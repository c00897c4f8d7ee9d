"""Digits and MNIST: what is read when, what is held out, and what files say."""

from collections import Counter
from math import log
from pathlib import Path

import numpy as np
import pytest
import tiny_mnist
import torch
from sklearn.datasets import load_digits
from torch import Generator, Tensor

from lstm_bench.tasks.contract import scored
from lstm_bench.tasks.digits import DigitsTask
from lstm_bench.tasks.mnist import MnistTask

PIXELS, LABELS = load_digits(return_X_y=True)
LABEL_OF = {tuple(image): int(label) for image, label in zip(PIXELS.astype(int).tolist(), LABELS, strict=True)}
EVALUATED = [tuple(image) for digit in range(10) for image in PIXELS[digit == LABELS][4::5].astype(int).tolist()]


def images_of(inputs: Tensor) -> list[tuple[int, ...]]:
    """Return the pixels of each sequence [T, B, 1] in the order of its steps, from 0 to 16."""
    return [tuple(image) for image in (inputs.squeeze(-1).T * 16).round().int().tolist()]


def draw(task: DigitsTask, size: int = 500) -> tuple[list[tuple[int, ...]], list[int]]:
    batch = task.sample(size, Generator().manual_seed(0))
    return images_of(batch.inputs), batch.targets[0].tolist()


def test_each_sequence_is_an_image_row_by_row_with_its_label() -> None:
    images, labels = draw(DigitsTask())
    assert [LABEL_OF[image] for image in images] == labels


def test_members_train_on_four_fifths_and_are_scored_on_the_others_alone() -> None:
    evaluated = set(EVALUATED)
    assert len(LABEL_OF) == 1797 and len(evaluated) == 355
    trained_on, _ = draw(DigitsTask(), 20_000)
    scored_on, _ = draw(scored(DigitsTask()), 20_000)  # each is left out with a probability of e^-14 at most
    assert set(trained_on) == LABEL_OF.keys() - evaluated
    assert set(scored_on) == evaluated
    assert scored(scored(DigitsTask())) == scored(DigitsTask())


def test_another_distance_draws_from_the_same_images() -> None:
    held_out = scored(DigitsTask())
    for task in (held_out.at_distance(3), held_out.at_distance(3).at_lag(64)):
        images, _ = draw(task)
        assert {image[:64] for image in images} <= set(EVALUATED)
    assert not {image[:64] for image in draw(DigitsTask().at_distance(3))[0]} & set(EVALUATED)


def test_one_random_order_serves_all_images_and_another_seed_has_another() -> None:
    rows, _ = draw(DigitsTask())
    orders = {seed: DigitsTask(order="permuted", permutation_seed=seed) for seed in (0, 1)}
    shuffled = {seed: draw(task)[0] for seed, task in orders.items()}
    before, after = np.array(rows), {seed: np.array(images) for seed, images in shuffled.items()}
    for images in after.values():
        columns = Counter(map(tuple, images.T.tolist()))
        assert columns == Counter(map(tuple, before.T.tolist()))
        assert not (images == before).all()
    assert not (after[0] == after[1]).all()
    assert (after[0] == np.array(draw(DigitsTask(order="permuted"))[0])).all()
    assert DigitsTask().variant == DigitsTask(permutation_seed=1).variant == "rows"
    assert orders[0].variant != orders[1].variant


def test_the_oracle_knows_every_image() -> None:
    for task in (DigitsTask(order="permuted"), scored(DigitsTask())):
        batch = task.sample(4000, Generator().manual_seed(1))
        assert torch.equal(task.oracle(batch.inputs)[0].argmax(dim=-1), batch.targets[0])


def test_behind_the_image_there_is_background_and_then_the_answer() -> None:
    task = DigitsTask().at_distance(5)
    batch = task.sample(100, Generator().manual_seed(0))
    assert batch.inputs.shape == (69, 100, 1)
    assert batch.inputs[64:].abs().sum() == 0
    assert [LABEL_OF[image[:64]] for image in images_of(batch.inputs)] == batch.targets[0].tolist()


def test_the_baseline_is_what_the_last_pixel_tells_of_the_images_of_evaluation() -> None:
    labels = [LABEL_OF[image] for image in EVALUATED]
    last = [image[-1] for image in EVALUATED]
    of_pair, of_value = Counter(zip(last, labels, strict=True)), Counter(last)
    entropy = -sum(n / 355 * log(n / of_value[value]) for (value, _), n in of_pair.items())
    best = sum(max(of_pair[value, label] for label in range(10)) for value in of_value) / 355
    assert DigitsTask().baselines == pytest.approx({"loss": entropy, "accuracy": best})
    of_label = Counter(labels)
    behind = DigitsTask().at_distance(2).baselines
    assert behind["accuracy"] == pytest.approx(max(of_label.values()) / 355)
    assert behind["loss"] == pytest.approx(-sum(n / 355 * log(n / 355) for n in of_label.values()))


@pytest.mark.parametrize("form", ["idx", "idx.gz", "npz"])
def test_mnist_is_read_from_each_form_of_its_files(form: str, tmp_path: Path) -> None:
    if form == "npz":
        file = tiny_mnist.write_npz(tmp_path / "mnist.npz")
    else:
        file = tiny_mnist.write_idx(tmp_path, gzipped=form == "idx.gz")
    training, evaluation = MnistTask(lag=20, file=file).images
    expected = [torch.tensor(array) for array in tiny_mnist.arrays()]
    assert torch.equal(training.pixels, expected[0].flatten(1)) and torch.equal(training.labels, expected[1].long())
    assert torch.equal(evaluation.pixels, expected[2].flatten(1)) and torch.equal(evaluation.labels, expected[3].long())


def test_grey_of_255_is_an_input_of_1() -> None:
    task = scored(MnistTask(lag=20, file=tiny_mnist.folder()))
    batch = task.sample(500, Generator().manual_seed(0))
    greys = {tuple(image) for image in (batch.inputs.squeeze(-1).T * 255).round().int().tolist()}
    assert greys == set(map(tuple, tiny_mnist.arrays()[2].reshape(40, 20).tolist()))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "(train-labels-idx1-ubyte is not there)"),
        (b"\0\0", "ends within its header"),
        (b"\0\0\x08\1\0\0", "ends within its header"),
        (b"\0\0\x0d\1\0\0\0\1\0", "is no idx file of bytes"),
        (b"\0\0\x08\1\0\0\0\5abc", "has 3 values, not 5"),
        (b"\0\0\x08\1\0\0\0\2\1\2", "as many images as labels"),
    ],
)
def test_what_is_wrong_with_the_files_is_told_in_one_line(content: bytes | None, reason: str, tmp_path: Path) -> None:
    labels = tiny_mnist.write_idx(tmp_path) / "train-labels-idx1-ubyte"
    labels.unlink() if content is None else labels.write_bytes(content)
    with pytest.raises(ValueError) as refused:
        MnistTask(lag=20, file=tmp_path)
    assert str(refused.value).startswith(f"file={tmp_path}: allowed: ")
    assert reason in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_that_is_missing_or_no_npz_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^file=.*nowhere: allowed: .*\(no such file or folder\)$"):
        MnistTask(lag=20, file=tmp_path / "nowhere")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ValueError, match=r"^file=.*text\.npz: allowed: an npz file with "):
        MnistTask(lag=20, file=tmp_path / "text.npz")
    np.savez(tmp_path / "lacks.npz", x_train=np.zeros(3))
    with pytest.raises(ValueError, match=r"^file=.*lacks\.npz: .*y_train"):
        MnistTask(lag=20, file=tmp_path / "lacks.npz")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": "columns"}, "order=columns: allowed: rows, permuted"),
        ({"permutation_seed": -1}, "permutation_seed=-1: allowed: an integer of at least 0"),
        ({"cue_distance": 0}, "cue_distance=0: allowed: an integer of at least 1"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(settings: dict[str, int | str], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        DigitsTask(**settings)
    assert str(refused.value) == message


def test_the_lag_is_the_number_of_pixels_and_no_other() -> None:
    assert (DigitsTask().lag, MnistTask(lag=20, file=tiny_mnist.folder()).lag) == (64, 20)
    for refused in (lambda: DigitsTask().at_lag(32), lambda: DigitsTask(lag=32)):
        with pytest.raises(ValueError, match=r"^lag=32: allowed: 64, the pixels of an image$"):
            refused()
