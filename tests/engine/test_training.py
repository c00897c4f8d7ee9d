"""Training from the outside: what becomes of a member, what is noted about it, and that none disturbs another."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from torch import Generator, Tensor

from lstm_bench.cells.gru import GRUCell
from lstm_bench.cells.lstm import LSTMCell
from lstm_bench.cells.rnn import RNNCell
from lstm_bench.engine import run as run_results
from lstm_bench.engine.evaluation import evaluate
from lstm_bench.engine.model import MakeCell, make_model
from lstm_bench.engine.population import Population
from lstm_bench.engine.run import Run
from lstm_bench.engine.seeds import Member, Role, generator
from lstm_bench.engine.settings import KernelChoice, TrainingSettings
from lstm_bench.engine.training import train
from lstm_bench.tasks.adding import AddingTask
from lstm_bench.tasks.contract import Batch
from lstm_bench.tasks.copy import CopyTask

TASK = CopyTask(lag=3, n_symbols=1)
SHORT = TrainingSettings(batch_size=8, steps=10, eval_every=5, eval_size=20, confirm_size=20)
EASY = CopyTask(lag=1, n_symbols=1)
EASY_SETTINGS = TrainingSettings(batch_size=32, steps=600, eval_every=50, eval_size=200, confirm_size=400)
CHOICES = pytest.mark.parametrize("kernel", get_args(KernelChoice))
CELLS = pytest.mark.parametrize("cell_type", [RNNCell, GRUCell, LSTMCell])


def maker(cell_type: type, task: Any = TASK, hidden_size: int = 6, **settings: Any) -> MakeCell:
    return lambda stream: cell_type(task.input_size, hidden_size, **settings, generator=stream)


def members(*rates: float, role: Role = "report") -> list[Member]:
    """Return one member a rate, with seeds 0, 1, 2, ..."""
    return [Member(role, seed, rate) for seed, rate in enumerate(rates)]


def train_all(
    task: Any, make_cell: MakeCell, who: Sequence[Member], settings: TrainingSettings, **more: Any
) -> list[Run]:
    """Return the runs in the order of the members."""
    runs = {run.member: run for run in train(task, make_cell, who, settings, **more)}
    assert set(runs) == set(who)
    return [runs[member] for member in who]


def curve(run: Run, name: str) -> dict[int, float]:
    points = [(step, value) for step, noted, value in run.curves if noted == name]
    assert len(dict(points)) == len(points), "a step was noted twice"
    return dict(points)


def noted_at(run: Run, step: int, what: str = "eval") -> dict[str, float]:
    """Return the metrics of one evaluation or confirmation."""
    prefix = f"{what}/"
    return {n.removeprefix(prefix): value for at, n, value in run.curves if at == step and n.startswith(prefix)}


def initial_weights(task: Any, make_cell: MakeCell, member: Member, settings: TrainingSettings) -> dict[str, Tensor]:
    model = make_model(task, make_cell, generator(settings.study_seed, member, "initialisation"))
    return Population(task, [model], [member.learning_rate], torch.device("cpu")).member_weights(0)


def stock_gradients(
    model: Any, task: Any, member: Member, step: int, settings: TrainingSettings
) -> tuple[float, float]:
    """Return loss and global gradient norm by torch.nn on the batch of that step, made again."""
    batch = task.sample(settings.batch_size, generator(settings.study_seed, member, "training", step))
    model.zero_grad()
    loss = model.loss(task, batch.inputs, batch.targets)
    loss.backward()
    return float(loss.detach()), float(torch.stack([p.grad.norm() for p in model.parameters()]).norm())


# --- the same as torch alone ---


@CELLS
@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_training_equals_a_plain_loop_of_torch(cell_type: type, clip: float, stock_model: Any) -> None:
    """Same start, same batches made again from the seeds, backward, clip, Adam: the same weights."""
    settings = replace(SHORT, clip=clip, study_seed=4)
    for run in train_all(TASK, maker(cell_type), members(1e-2, 3e-3), settings):
        model = stock_model(initial_weights(TASK, maker(cell_type), run.member, settings))
        optimiser = torch.optim.Adam(model.parameters(), lr=run.member.learning_rate)
        for step in range(settings.steps):
            stock_gradients(model, TASK, run.member, step, settings)
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip or torch.inf)
            optimiser.step()
        for name, tensor in model.weights().items():
            torch.testing.assert_close(run.weights[name], tensor, rtol=1e-3, atol=1e-4)


@CELLS
def test_the_norm_noted_is_the_norm_before_clipping(cell_type: type, stock_model: Any) -> None:
    settings = replace(SHORT, clip=1e-3)
    for run in train_all(TASK, maker(cell_type), members(1e-2, 1e-2), settings):
        start = stock_model(initial_weights(TASK, maker(cell_type), run.member, settings))
        loss, norm = stock_gradients(start, TASK, run.member, 0, settings)
        assert norm > 10 * settings.clip
        assert curve(run, "train/loss")[0] == pytest.approx(loss, rel=1e-4)
        assert curve(run, "grad/norm")[0] == pytest.approx(norm, rel=1e-4)
        end = stock_model(run.weights)
        loss, norm = stock_gradients(end, TASK, run.member, settings.steps, settings)
        assert curve(run, "train/loss")[10] == pytest.approx(loss, rel=1e-4)
        assert curve(run, "grad/norm")[10] == pytest.approx(norm, rel=1e-4)


@pytest.mark.parametrize(("clip", "share"), [(1e-6, 1.0), (1e6, 0.0), (0.0, 0.0)])
def test_the_share_of_clipped_steps(clip: float, share: float) -> None:
    (run,) = train_all(TASK, maker(RNNCell), members(1e-2), replace(SHORT, clip=clip))
    assert curve(run, "grad/clipped_share") == {0: share, 5: share, 10: share}


@CELLS
def test_state_norms_equal_autograd(cell_type: type) -> None:
    """||dL/ds_t|| of the training loss for every t, by retain_grad on the cell's own steps."""
    (run,) = train_all(TASK, maker(cell_type), members(1e-2), SHORT)
    for step, weights in ((0, initial_weights(TASK, maker(cell_type), run.member, SHORT)), (10, run.weights)):
        cell: Any = cell_type(TASK.input_size, 6)
        cell.load_state_dict({n.removeprefix("cell."): w for n, w in weights.items() if n.startswith("cell.")})
        batch = TASK.sample(SHORT.batch_size, generator(0, run.member, "training", step))
        state, states, outputs = cell.initial_state(SHORT.batch_size), [], []
        for x in batch.inputs:
            output, state = cell.step(x, state)
            parts = dict(zip("hc", state if cell_type is LSTMCell else (state,), strict=False))
            for part in parts.values():
                part.retain_grad()
            states.append(parts)
            outputs.append(output)
        predictions = torch.stack(outputs) @ weights["readout.weight"].T + weights["readout.bias"]
        torch.nn.functional.cross_entropy(predictions.flatten(0, 1), batch.targets.flatten()).backward()
        noted = {part: values for at, part, values in run.state_norms if at == step}
        assert list(noted) == list(states[0])
        for part, values in noted.items():
            expected = [float(parts[part].grad.norm()) for parts in states]
            assert values == pytest.approx(expected, rel=1e-3, abs=1e-7)


@CELLS
def test_what_is_noted_at_a_step_belongs_to_the_weights_after_that_many_updates(cell_type: type) -> None:
    """A run of 5 steps ends with the weights that a run of 10 steps was evaluated with at step 5."""
    (short,) = train_all(TASK, maker(cell_type), members(1e-2), replace(SHORT, steps=5))
    (longer,) = train_all(TASK, maker(cell_type), members(1e-2), SHORT)
    assert short.steps == 5
    assert [entry for entry in longer.curves if entry[0] <= 5] == short.curves
    model = make_model(TASK, maker(cell_type), Generator())
    population = Population(TASK, [model], [1e-2], torch.device("cpu"))
    population.weights[0] = torch.cat([short.weights[name].flatten() for name in short.weights])
    scores = evaluate(population, [short.member], [0], 0, "evaluation", 5, SHORT.eval_size)[0]
    assert scores == pytest.approx({name: noted_at(longer, 5)[name] for name in scores}, rel=1e-6)


# --- what is noted ---


@CELLS
@pytest.mark.parametrize(("steps", "due"), [(10, [0, 5, 10]), (12, [0, 5, 10, 12]), (3, [0, 3]), (0, [0])])
def test_curves_have_a_value_at_every_evaluation(cell_type: type, steps: int, due: list[int]) -> None:
    (run,) = train_all(TASK, maker(cell_type), members(1e-3), replace(SHORT, steps=steps))
    names = {"eval/loss", "eval/recall_ce", "eval/recall_accuracy", "eval/loss_share", "eval/recall_ce_share"}
    names |= {"train/loss", "grad/norm", "grad/clipped_share"}
    assert {name for _, name, _ in run.curves} == names
    for name in names:
        assert list(curve(run, name)) == due
    assert all(math.isfinite(value) for _, _, value in run.curves)
    parts = ["h", "c"] if cell_type is LSTMCell else ["h"]
    assert [(step, part) for step, part, _ in run.state_norms] == [(step, part) for step in due for part in parts]
    assert all(len(values) == TASK.length and min(values) > 0 for _, _, values in run.state_norms)
    assert (run.steps, run.finished) == (steps, True)


def test_shares_are_of_the_memoryless_baseline() -> None:
    (run,) = train_all(TASK, maker(RNNCell), members(1e-3), SHORT)
    for name in ("loss", "recall_ce"):
        for step, value in curve(run, f"eval/{name}").items():
            assert curve(run, f"eval/{name}_share")[step] == pytest.approx(value / TASK.baselines[name])
    assert run.metrics == noted_at(run, 10)


def test_weights_are_returned_scores() -> None:
    (run,) = train_all(TASK, maker(LSTMCell), members(1e-3), SHORT)
    shapes = {name: tuple(tensor.shape) for name, tensor in run.weights.items()}
    assert shapes == {
        "cell.weight_ih": (24, 10),
        "cell.weight_hh": (24, 6),
        "cell.bias_ih": (24,),
        "cell.bias_hh": (24,),
        "readout.weight": (9, 6),
        "readout.bias": (9,),
    }


# --- members do not meet ---


def same_bits(a: Run, b: Run) -> bool:
    """Tell whether two runs are the same but for the time that they took."""
    noted = (a.status, a.steps, a.curves, a.state_norms) == (b.status, b.steps, b.curves, b.state_norms)
    return noted and all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)


@CELLS
@CHOICES
def test_runs_repeat_bit_by_bit(cell_type: type, kernel: KernelChoice) -> None:
    settings = replace(SHORT, kernel=kernel)
    first, again = (train_all(TASK, maker(cell_type), members(1e-2, 3e-3), settings) for _ in range(2))
    assert all(same_bits(a, b) for a, b in zip(first, again, strict=True))


@CELLS
def test_both_kernels_train_alike(cell_type: type) -> None:
    runs = [
        train_all(TASK, maker(cell_type), members(1e-2), replace(SHORT, kernel=k))[0] for k in get_args(KernelChoice)
    ]
    for (step, name, value), other in zip(runs[0].curves, runs[1].curves, strict=True):
        assert other == (step, name, pytest.approx(value, rel=1e-3, abs=1e-5))
    for name, tensor in runs[0].weights.items():
        torch.testing.assert_close(runs[1].weights[name], tensor, rtol=1e-3, atol=1e-4)


def test_global_random_numbers_play_no_part() -> None:
    finals = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        (run,) = train_all(TASK, maker(RNNCell), members(1e-2), SHORT)
        finals.append(run.weights["cell.weight_hh"])
    assert torch.equal(*finals)


@pytest.mark.parametrize("change", [{"seed": 7}, {"role": "tuning"}])
def test_another_seed_or_role_is_another_run(change: dict[str, Any]) -> None:
    first, other = (
        train_all(TASK, maker(RNNCell), [who], SHORT)[0]
        for who in (Member("report", 0, 1e-2), replace(Member("report", 0, 1e-2), **change))
    )
    assert curve(first, "train/loss")[0] != curve(other, "train/loss")[0]


def test_candidates_of_one_seed_start_alike_and_see_the_same_data() -> None:
    slow, fast = train_all(TASK, maker(RNNCell), [Member("tuning", 0, 1e-4), Member("tuning", 0, 1e-1)], SHORT)
    assert noted_at(slow, 0) == pytest.approx(noted_at(fast, 0))
    assert noted_at(slow, 5) != pytest.approx(noted_at(fast, 5))


@CELLS
def test_a_member_trains_alone_as_it_does_in_company(cell_type: type) -> None:
    who = members(1e-2, 3e-3, 1e-2)
    for run in train_all(TASK, maker(cell_type), who, SHORT):
        (alone,) = train_all(TASK, maker(cell_type), [run.member], SHORT)
        for name, tensor in alone.weights.items():
            torch.testing.assert_close(run.weights[name], tensor, rtol=1e-3, atol=1e-4)


@CELLS
def test_a_member_that_diverges_harms_no_other(cell_type: type) -> None:
    task = AddingTask(lag=5)
    make_cell = maker(cell_type, task)
    good, wild, other = train_all(task, make_cell, members(1e-2, 1e30, 3e-3), SHORT)
    assert [run.status == "diverged" for run in (good, wild, other)] == [False, True, False]
    assert wild.steps < SHORT.steps
    assert wild.finished
    assert wild.steps_to_solve is None
    for run in (good, other):
        (alone,) = train_all(task, make_cell, [run.member], SHORT)
        assert run.steps == SHORT.steps
        assert noted_at(run, 10) == pytest.approx(noted_at(alone, 10), rel=1e-3)
        assert all(tensor.isfinite().all() for tensor in run.weights.values())


@dataclass(frozen=True)
class PoisonedTask(AddingTask):
    """Adding, but the batches of some random streams hold a number that is not finite."""

    poisoned: frozenset[int] = frozenset()
    poison: float = math.nan

    def sample(self, batch_size: int, stream: Generator) -> Batch:
        batch = super().sample(batch_size, stream)
        if stream.initial_seed() in self.poisoned:
            batch.inputs[1, 0, 0] = self.poison
        return batch


@CELLS
@pytest.mark.parametrize("kernel", ["auto", "torch"])  # autograd in one call for two has other last bits than for three
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_member_whose_data_are_not_finite_ends_and_the_others_go_on_bit_by_bit(
    cell_type: type, kernel: KernelChoice, poison: float
) -> None:
    """All three are carried to the step at which one ends; in the run to compare with it ends there as well."""
    who, settings = members(1e-2, 1e-2, 3e-3), replace(SHORT, kernel=kernel)
    at_four = frozenset({generator(settings.study_seed, who[1], "training", 4).initial_seed()})
    task = PoisonedTask(lag=5, poisoned=at_four, poison=poison)
    good, bad, other = train_all(task, maker(cell_type, task), who, settings)
    assert (bad.status, bad.steps) == ("diverged", 4)
    expected = train_all(AddingTask(lag=5), maker(cell_type, task), who, settings)
    assert same_bits(good, expected[0])
    assert same_bits(other, expected[2])


@CELLS
@CHOICES
def test_one_unit_learns_from_one_sequence_of_two_steps_a_batch(cell_type: type, kernel: KernelChoice) -> None:
    task = AddingTask(lag=2)
    settings = TrainingSettings(batch_size=1, steps=10, eval_every=10, eval_size=1, confirm_size=1, kernel=kernel)
    (run,) = train_all(task, maker(cell_type, task, hidden_size=1), members(3e-2), settings)
    assert run.steps == 10
    assert all(len(values) == 2 for _, _, values in run.state_norms)
    longer = replace(settings, steps=200, eval_every=200, eval_size=500)
    (many,) = train_all(task, maker(cell_type, task, hidden_size=1), members(3e-2), longer)
    assert noted_at(many, 200)["loss"] < 0.5 * noted_at(many, 0)["loss"]


def test_all_members_may_diverge() -> None:
    task = AddingTask(lag=5)
    runs = train_all(task, maker(RNNCell, task), members(1e30, 1e30), SHORT)
    assert [run.status for run in runs] == ["diverged", "diverged"]


def test_a_member_that_has_ended_is_carried_no_prediction() -> None:
    task, seen = AddingTask(lag=5), []
    who = members(1e-2, 1e30)

    def watch(step: int, active: Sequence[Run]) -> None:
        seen.append((step, [run.member for run in active]))

    _, wild = train_all(task, maker(RNNCell, task), who, SHORT, on_step=watch)
    assert [step for step, _ in seen] == list(range(SHORT.steps + 1))
    assert all(active == (who if step <= wild.steps else who[:1]) for step, active in seen)


def test_a_run_is_handed_over_as_soon_as_it_ends() -> None:
    task, steps = AddingTask(lag=5), []
    stream = train(task, maker(RNNCell, task), members(1e-2, 1e30), SHORT, lambda step, _: steps.append(step))
    first = next(stream)
    assert first.status == "diverged"
    assert steps[-1] == first.steps < SHORT.steps
    assert [run.status for run in stream] != []


# --- what becomes of a member ---


def test_an_easy_task_is_solved_and_stops_early() -> None:
    for run in train_all(EASY, maker(RNNCell, EASY, 16), members(1e-2, 1e-2), EASY_SETTINGS):
        assert run.status == "solved"
        assert run.steps_to_solve == run.steps < EASY_SETTINGS.steps
        assert run.steps_to_solve % EASY_SETTINGS.eval_every == 0
        assert EASY.solved(run.metrics)
        assert all(EASY.solved(noted_at(run, run.steps - back)) for back in (0, 50))
        assert not EASY.solved(noted_at(run, run.steps - 100))
        confirmed = noted_at(run, run.steps, "confirm")
        assert set(confirmed) == {"loss", "recall_ce", "recall_accuracy"}
        assert EASY.solved(confirmed)


@dataclass(frozen=True)
class ScriptedTask(AddingTask):
    """Adding, but whether an evaluation counts as solved, or what it scores, is read from a script."""

    answers: list[bool] = field(default_factory=list)
    scored: float | None = None

    @property
    def baselines(self) -> dict[str, float]:
        return {"loss": 1.0, "explained": 0.0}

    def metrics(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        scores = super().metrics(predictions, targets)
        if self.scored is None:
            return scores
        return scores | {"loss": torch.full_like(scores["loss"].double(), self.scored)}

    def solved(self, _: Any) -> bool:
        return self.answers.pop(0) if self.answers else False


def scripted(*answers: bool, steps: int = 40, **settings: Any) -> Run:
    task = ScriptedTask(lag=5, answers=list(answers))
    (run,) = train_all(task, maker(RNNCell, task), members(1e-3), replace(SHORT, steps=steps, **settings))
    return run


YES, NO = True, False


@pytest.mark.parametrize(
    ("answers", "steps_to_solve"),
    [
        ((YES, YES, YES), 5),  # steps 0 and 5, confirmed
        ((NO, YES, YES, YES), 10),
        ((YES, NO, YES, YES, YES), 15),  # the first pass stood alone
        ((YES, NO, YES, NO, YES, NO, YES, NO, YES), None),  # never two in a row
        ((YES, YES, NO, YES, YES, YES), 15),  # not confirmed at 5: two more passes are asked for
        ((YES, YES, NO, YES, NO, YES, YES, YES), 25),
        ((NO, NO, NO, NO, NO, NO, NO, YES, YES), None),  # the end of the budget is the first pass but one
        ((NO, NO, NO, NO, NO, NO, NO, YES, YES, YES), 40),  # solved at the very last step
    ],
)
def test_solved_takes_two_passes_in_a_row_and_a_confirmation(answers: Iterable[bool], steps_to_solve: int) -> None:
    run = scripted(*answers)
    assert run.steps_to_solve == steps_to_solve
    assert (run.status == "solved") == (steps_to_solve is not None)
    assert run.steps == (40 if steps_to_solve is None else steps_to_solve)
    went_on = scripted(*answers, stop_when_solved=False)
    assert (went_on.status, went_on.steps_to_solve, went_on.steps) == (run.status, run.steps_to_solve, 40)


def test_a_member_that_trains_on_does_until_then_what_it_does_anyway() -> None:
    who = members(1e-2)
    (stopped,) = train_all(EASY, maker(RNNCell, EASY, 16), who, EASY_SETTINGS)
    (went_on,) = train_all(EASY, maker(RNNCell, EASY, 16), who, replace(EASY_SETTINGS, stop_when_solved=False))
    solved_at = stopped.steps
    assert went_on.steps == EASY_SETTINGS.steps > solved_at == went_on.steps_to_solve
    assert [entry for entry in went_on.curves if entry[0] <= solved_at] == stopped.curves
    assert max(curve(went_on, "confirm/loss")) == solved_at  # confirmed once
    assert went_on.metrics["loss"] < stopped.metrics["loss"] / 2
    assert went_on.metrics == pytest.approx(went_on.metrics | noted_at(went_on, EASY_SETTINGS.steps))


def test_a_member_that_diverges_after_it_solved_has_not_solved() -> None:
    run = Run(Member("report", 0, 0.1), status="solved", steps_to_solve=50)
    run.diverge("its loss is nan at step 90")
    assert (run.status, run.steps_to_solve, run.finished) == ("diverged", None, True)


@pytest.mark.parametrize(
    ("share", "status"), [(0.95, "plateau"), (1.3, "plateau"), (0.949, "learning"), (0.1, "learning")]
)
def test_at_the_end_of_the_budget_the_share_of_the_baseline_decides(share: float, status: str) -> None:
    task = ScriptedTask(lag=5, scored=share)
    (run,) = train_all(task, maker(RNNCell, task), members(1e-3), SHORT)
    assert run.status == status


def test_a_member_that_does_not_learn_ends_on_the_plateau() -> None:
    (run,) = train_all(TASK, maker(RNNCell), members(0.0), SHORT)
    assert run.status == "plateau"
    assert run.metrics["recall_ce_share"] > 0.95


def test_a_member_that_has_learnt_something_ends_as_learning() -> None:
    (run,) = train_all(EASY, maker(RNNCell, EASY, 16), members(3e-3), replace(EASY_SETTINGS, steps=200))
    assert 0.1 < run.metrics["recall_ce_share"] < 0.95
    assert run.status == "learning"


def test_a_member_whose_scores_are_not_a_number_is_not_said_to_learn() -> None:
    task = ScriptedTask(lag=5, scored=float("nan"))
    (run,) = train_all(task, maker(RNNCell, task), members(1e-3), SHORT)
    assert run.status == "diverged"


# --- time ---


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a way to let time pass; the clock of training stands still otherwise."""
    now = [0.0]
    monkeypatch.setattr(run_results, "time", SimpleNamespace(process_time=lambda: now[0]))

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def slowed(method: Callable[..., Any], clock: Callable[[float], None], seconds: float) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        clock(seconds)
        return method(*args, **kwargs)

    return call


@pytest.mark.parametrize(("method", "calls"), [("compute_gradients", 11), ("update", 10)])
def test_the_time_of_a_step_is_divided_among_its_members(
    method: str, calls: int, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten steps, and gradients once more for the last evaluation; each call takes 3 s of the clock."""
    monkeypatch.setattr(Population, method, slowed(getattr(Population, method), clock, 3.0))
    for run in train_all(TASK, maker(RNNCell), members(1e-3, 1e-3, 1e-3), SHORT):
        assert run.train_s == pytest.approx(calls)


def test_the_time_of_the_watcher_is_not_the_members(clock: Callable[[float], None]) -> None:
    (run,) = train_all(TASK, maker(RNNCell), members(1e-3), SHORT, on_step=lambda *_: clock(100.0))
    assert run.train_s == 0
