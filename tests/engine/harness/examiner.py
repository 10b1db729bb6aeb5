"""The command line in a place, in one process for many runs: ``examiner.py``.

Each line of standard input is a list of arguments in JSON; each line of output is the
exit code and the document of that run.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout


def main() -> None:
    from dockernet._cli.program import run

    for line in sys.stdin:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            code = run([*json.loads(line), "--json"])
        print(json.dumps([code, json.loads(out.getvalue())]), flush=True)


if __name__ == "__main__":
    main()
