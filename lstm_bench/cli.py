"""The command line: check everything, run the study, and write its report.

Heavy imports (torch, mlflow, seaborn) stand inside the functions that need them, so that a wrong setting is reported
at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from lstm_bench import __version__
from lstm_bench.conf_folder import conf_dir
from lstm_bench.config.composing import Invocation, compose_study, hydra_arguments, substudy_invocations
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.hydra_arguments import launch_arguments, with_resolved
from lstm_bench.config.listing import listing
from lstm_bench.config.schema import SafetyConfig, StudyConfig
from lstm_bench.config.search_path import file_notices, main_folder
from lstm_bench.cores import keep_to_usable_cores
from lstm_bench.launchers.checking import check_launcher
from lstm_bench.launchers.errors import LauncherError
from lstm_bench.matplotlib_start import prepare_matplotlib
from lstm_bench.python_version import refusal
from lstm_bench.study.stopping import Stop, Stopped
from lstm_bench.text_encoding import allow_all_letters, is_text

if TYPE_CHECKING:
    from lstm_bench.study.claims_study import ClaimsStudy
    from lstm_bench.study.running import StudyRunner
    from lstm_bench.study.speed_study import SpeedStudy

BAD_INPUT = 2
HYDRA_FLAGS = ("--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one invocation; return its exit code.

    0: everything that was requested is done; 1: something is not; 2: bad input; 128 + n: stopped by signal n.
    """
    if refusal():
        print(refusal(), file=sys.stderr)
        return BAD_INPUT
    prepare_matplotlib()  # before a plug-in imports it
    allow_all_letters()
    if arguments is None:
        _find_modules_of_the_working_folder()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _answer(typed)
    except Stopped as stopped:
        return stopped.exit_code
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _answer(typed: Sequence[str]) -> int:
    """Print what is asked for, or run the study; return the exit code."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--config-dir", "-cd", type=Path)
    options, overrides = parser.parse_known_args(typed)
    _check_letters(typed)
    _check_folder(options.config_dir)
    if "--version" in overrides:
        print(f"lstm_bench {__version__}")
        return 0
    config_dir = options.config_dir.resolve() if options.config_dir else None
    invocation = Invocation(tuple(overrides), config_dir)
    if any(override.split("=")[0] in HYDRA_FLAGS for override in overrides):
        return _launch(hydra_arguments(typed, invocation), config_dir)
    _check_arguments(overrides)
    if options.help or not typed:
        print(listing(conf_dir(), options.config_dir))
        return 0
    with Stop().listening() as stop:
        return _run(invocation, typed, stop)


def _check_letters(typed: Sequence[str]) -> None:
    unreadable = next((argument for argument in typed if not is_text(argument)), None)
    if unreadable is not None:
        raise ConfigError(f"{unreadable!a}: allowed: text in UTF-8")


def _find_modules_of_the_working_folder() -> None:
    """Append the working folder to sys.path where Python does not: for `lstm-bench`, and with PYTHONSAFEPATH."""
    with suppress(OSError):  # it may have been deleted
        working_folder = str(Path.cwd())
        if not {"", working_folder} & set(sys.path):
            sys.path.append(working_folder)


def _check_folder(config_dir: Path | None) -> None:
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir={config_dir}: allowed: an existing folder")


def _check_arguments(overrides: Sequence[str]) -> None:
    unknown = next((override for override in overrides if override.startswith("-")), None)
    if unknown is not None:
        raise ConfigError(f"{unknown}: allowed: --help, --config-dir FOLDER, --multirun, and key=value")


def _run(invocation: Invocation, typed: Sequence[str], stop: Stop) -> int:
    config = compose_study(invocation)
    typed = with_resolved(typed, config.resolved)
    invocation = replace(invocation, overrides=tuple(with_resolved(invocation.overrides, config.resolved)))
    from lstm_bench.study.folders import check_output

    check_output(config.output, [config.study, *config.studies])
    _check_engines(config)
    from lstm_bench.engine.process_setup import prepare_process

    prepare_process()  # before anything else imports torch: with hydra/launcher=basic the jobs run here
    study, composed = _planned(config, invocation, typed)
    in_use = [file for part in composed for file in part.replaced]
    unread = [file for part in composed for file in part.unread]
    for line in file_notices(invocation.config_dir, in_use, unread):
        study.say(line)
    if config.detach:
        return study.detach(typed)
    try:
        printed = set[str]()
        return study.run(lambda config, jobs: _launch_jobs(config, jobs, stop, printed), stop)
    except Stopped:
        study.say_how_to_resume()
        raise


def _check_engines(config: StudyConfig) -> None:
    """Check that the launcher can run jobs, and that an MLflow server answers, before anything begins.

    Raises: ConfigError in a line.
    """
    try:
        check_launcher(config.launcher)
    except LauncherError as error:
        raise ConfigError(str(error)) from error
    if config.tracking.enabled:
        from lstm_bench.config.tracking_address import FROM_ENVIRONMENT
        from lstm_bench.config.tracking_server import check_server

        check_server("tracking.uri" if config.tracking.uri else FROM_ENVIRONMENT, config.tracking.address)


def _planned(
    config: StudyConfig, invocation: Invocation, typed: Sequence[str]
) -> "tuple[ClaimsStudy | SpeedStudy | StudyRunner, list[StudyConfig]]":
    """Return the study with its plan, after checking every job, and all configurations that were composed for it.

    The modules that run a study are imported only after all checks.
    """
    from lstm_bench.study.matching import compared
    from lstm_bench.study.planning import plan_claims, plan_study

    if config.measure == "claims":
        parts = [(part, compared(compose_study(part))) for part in substudy_invocations(config.studies, invocation)]
        plans = [(config, plan_study(config, part.overrides)) for part, config in parts]
        whole = plan_claims(config, typed)
        from lstm_bench.study.claims_study import ClaimsStudy  # scipy takes most of a second

        return ClaimsStudy(config, whole, plans), [config, *(part for part, _ in plans)]
    config = compared(config)
    plan = plan_study(config, typed)
    if config.measure == "speed":
        from lstm_bench.study.speed_study import SpeedStudy

        return SpeedStudy(config, plan), [config]
    from lstm_bench.study.running import StudyRunner

    return StudyRunner(config, plan), [config]


def _launch_jobs(config: StudyConfig, jobs: Sequence[int], stop: Stop, printed: set[str]) -> int:
    """Let Hydra launch jobs of the plan; print each error of the launcher itself once, in one line."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises errors in place of printing them
    keep_to_usable_cores()
    try:
        return _launch(launch_arguments(config, jobs), config.config_dir)
    except Exception as error:
        if stop.was_signalled:  # a stopped launcher fails as expected
            return 1
        kind = "" if isinstance(error, LauncherError) else f"{type(error).__name__}: "
        line = f"Launcher: {kind}{(str(error).strip().splitlines() or [''])[0]}"
        if line not in printed:
            print(line, file=sys.stderr)
            printed.add(line)
        return 1


def _launch(arguments: Sequence[str], config_dir: Path | None) -> int:
    """Run Hydra with these arguments and the user's folder of yaml files; return its exit code."""
    import hydra

    before, sys.argv = sys.argv, ["lstm_bench", *arguments]
    try:
        hydra.main(version_base="1.3", config_path=main_folder(config_dir), config_name="config")(run_hydra_job)()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    finally:
        sys.argv = before
    return 0


def run_hydra_job(config: DictConfig) -> bool:
    """Run one job of the plan, or a lane of its searches, in the process that Hydra's launcher chose.

    Return whether a signal ended it early, so that a launcher with a queue runs it again.
    """
    from hydra.core.hydra_config import HydraConfig

    from lstm_bench.records.locking import study_lock
    from lstm_bench.records.store import StudyRecords
    from lstm_bench.study.folders import records_folder
    from lstm_bench.study.parent_watchdog import end_with_study, is_of_a_queue
    from lstm_bench.study.span_lanes import run_lane
    from lstm_bench.study.supervising import supervise

    records = StudyRecords(records_folder(Path(str(config.output)), str(config.study)))
    if not is_of_a_queue(HydraConfig.get().launcher["_target_"]):
        end_with_study(study_lock(records.folder))
    run = supervise if int(config.job) >= 0 else run_lane
    return run(records, int(config.job), SafetyConfig(**config.safety))
