#!/bin/sh
# Build the wheel, install it alone in an empty environment, and run the smoke study from another folder.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${BUILD_PYTHON:-python3}" -m build --wheel --outdir "$work/dist" "$root" >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --constraint "$root/constraints.txt" "$work"/dist/*.whl
mkdir "$work/elsewhere"
cd "$work/elsewhere"
"$work/venv/bin/python" -m lstm_bench +experiment=smoke
test -s reports/smoke/report.html
test -s reports/smoke/results.csv
test -s mlflow.db
"$work/venv/bin/python" -m lstm_bench.anatomy walk >"$work/walk.txt"
test -s reports/anatomy/walk.html
echo "wheel test: 1 passed, 0 failed"
