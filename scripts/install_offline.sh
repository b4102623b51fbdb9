#!/bin/sh
# Install from wheelhouse/ without a network: `scripts/install_offline.sh [WHEELHOUSE [VENV]]`.
# Every wheel must have the hash that requirements.txt states; nothing is looked up anywhere.
set -eu
house="${1:-wheelhouse}"
venv="${2:-.venv}"
python="${PYTHON:-python3}"

test -x "$venv/bin/python" || "$python" -m venv "$venv"
# --isolated: no configuration of this machine may name another place to look for packages.
"$venv/bin/python" -m pip install --isolated --quiet --disable-pip-version-check --no-deps --no-index \
  --find-links "$house" --require-hashes --requirement "$house/requirements.txt"
"$venv/bin/python" -m pip check
"$venv/bin/cxr" --version
