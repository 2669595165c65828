#!/bin/sh
# Makes .venv with the first Python that can, or says what is missing. An environment that works is left as it is.
# PYTHON names one Python to use instead of looking.
set -eu

venv=${1:-.venv}
recent='import sys; sys.exit(sys.version_info < (3, 11))'

if "$venv/bin/python" -c "$recent; import pip" 2>/dev/null; then
    exit 0
fi

found=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c "$recent" 2>/dev/null || continue
    found=$candidate
    if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
        echo "Making $venv with $("$candidate" --version 2>&1) ($candidate)."
        "$candidate" -m venv --clear "$venv"
        exit 0
    fi
done

if [ -z "$found" ]; then
    if [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is not a Python 3.11 or newer that can be run." >&2
        echo "Name another, or leave PYTHON out and make looks for one itself." >&2
    else
        echo "acetui needs Python 3.11 or newer, and there is none on the PATH." >&2
        echo "Install one, or say where it is: make PYTHON=/usr/local/bin/python3.12 ..." >&2
    fi
    exit 3
fi

# Debian and its relatives ship Python without ensurepip; where there is a pip beside it, that one can put pip inside.
if "$found" -c 'import venv, pip' 2>/dev/null; then
    echo "Making $venv with $("$found" --version 2>&1) ($found), and pip from the pip beside it."
    "$found" -m venv --clear --without-pip "$venv"
    "$found" -m pip --python "$venv/bin/python" install --quiet pip
    exit 0
fi
echo "$found cannot make virtual environments: its venv module is not installed." >&2
echo "On Debian or Ubuntu: apt install python3-venv (or name another Python: make PYTHON=...)." >&2
exit 3
