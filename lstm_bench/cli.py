"""The command line: check everything, run the study, write the report, and say where it is.

Heavy imports (torch, mlflow, seaborn) stand inside the functions that need them, so that a wrong setting is told
within a moment.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lstm_bench.config.composing import Invocation, compose_study, conf_dir, job_config
from lstm_bench.config.errors import ConfigError
from lstm_bench.config.listing import listing

BAD_INPUT = 2
INTERRUPTED = 130
HYDRA_FLAGS = ("--cfg", "-c", "--info", "-i", "--hydra-help", "--version", "--shell-completion", "-sc")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one invocation; return its exit code: 0 all there, 1 something failed, 2 bad input, 130 stopped."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--config-dir", "-cd", type=Path)
    options, overrides = parser.parse_known_args(given)
    if any(override.split("=")[0] in HYDRA_FLAGS for override in overrides):
        return _launch(given)
    try:
        _check_arguments(overrides, options.config_dir)
        if options.help or not given:
            print(listing(conf_dir(), options.config_dir))
            return 0
        config_dir = options.config_dir.resolve() if options.config_dir else None
        return _run(Invocation(tuple(overrides), config_dir), given)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _check_arguments(overrides: Sequence[str], config_dir: Path | None) -> None:
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir={config_dir}: allowed: an existing folder")
    unknown = next((override for override in overrides if override.startswith("-")), None)
    if unknown is not None:
        raise ConfigError(f"{unknown}: allowed: --help, --config-dir FOLDER, --multirun, and key=value")


def _run(invocation: Invocation, given: Sequence[str]) -> int:
    config = compose_study(invocation)
    from lstm_bench.engine.bootstrap import prepare_process

    prepare_process()  # before anything else imports torch: with hydra/launcher=basic the jobs run here
    from lstm_bench.study.folders import check_output
    from lstm_bench.study.planning import plan_study
    from lstm_bench.study.running import Study
    from lstm_bench.study.speed_study import SpeedStudy

    check_output(config.output)
    plan = plan_study(config, given)
    study = SpeedStudy(config, plan) if config.measure == "speed" else Study(config, plan)
    try:
        return study.run(lambda: _launch(given))
    except KeyboardInterrupt:
        study.say(f"{study.when_stopped}\n  {plan.command}")
        return INTERRUPTED


def _launch(arguments: Sequence[str]) -> int:
    """Let Hydra run the jobs; return its exit code."""
    import hydra

    before, sys.argv = sys.argv, ["lstm_bench", *arguments]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(run_hydra_job)()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    finally:
        sys.argv = before
    return 0


def run_hydra_job(config: DictConfig) -> None:
    """Run one job, in whatever process Hydra's launcher chose."""
    from lstm_bench.engine.bootstrap import prepare_process

    prepare_process()
    from lstm_bench.records.store import StudyRecords
    from lstm_bench.study.folders import records_folder
    from lstm_bench.study.job import run_job

    job = job_config(config, dict(HydraConfig.get().runtime.choices))
    run_job(job, StudyRecords(records_folder(Path(str(config.output)), str(config.study))))
