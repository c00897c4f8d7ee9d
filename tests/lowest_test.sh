#!/bin/sh
# Install the lowest versions that pyproject.toml allows, alone in an empty environment; import every module, run the
# smoke study without a warning, and some tests of each room that other packages reach. TORCH=2.13.0 for another torch
# than the lowest, where only that can be installed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# pip has no way to ask for the lowest versions: uv, in an environment of its own, chooses them, and pip installs them.
"$python" -m venv "$work/uv"
"$work/uv/bin/python" -m pip install --quiet uv
echo "${TORCH:+torch==$TORCH}" >"$work/overrides.txt"
"$work/uv/bin/uv" pip compile --quiet --resolution lowest-direct --extra dev --overrides "$work/overrides.txt" \
    --python "$work/uv/bin/python" --output-file "$work/lowest.txt" "$root/pyproject.toml"
"$python" -m venv "$work/venv"
lowest=$work/venv/bin/python
"$lowest" -m pip install --quiet --constraint "$work/lowest.txt" "$root" pytest hypothesis

mkdir "$work/elsewhere"
cd "$work/elsewhere"
"$lowest" -c '
import importlib, pkgutil, lstm_bench
for module in pkgutil.walk_packages(lstm_bench.__path__, "lstm_bench."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)'
"$lowest" -m lstm_bench +experiment=smoke 2>"$work/errors.txt" || { cat "$work/errors.txt"; exit 1; }
if grep Warning "$work/errors.txt"; then exit 1; fi
test -s reports/smoke/report.html
test -s mlflow.db

# Libraries of different years tell each other of deprecations, which Python does not show to users.
cd "$root"
"$lowest" -m pytest -p no:cacheprovider -W ignore::DeprecationWarning tests/records tests/config/test_composing.py \
    tests/cells/test_cells_equal_torch.py tests/engine/test_training.py tests/probes/test_state_and_gates.py \
    tests/analysis/test_frames.py tests/tracking/test_mirror_updates.py tests/tracking/test_moved_folders.py \
    tests/report/test_golden.py tests/report/test_figure_files.py
