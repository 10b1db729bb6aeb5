"""The command ``dockernet``, and ``python -m dockernet``."""

from __future__ import annotations

import json
import sys

__all__ = ["main"]

_EXTRA = frozenset({"click", "rich"})
_MISSING = "the command line needs the extra 'cli': pip install 'dockernet[cli]'"


def main() -> int:
    """Run the command line on the arguments of this process.

    Returns:
        The exit code: 0 answered, 1 no answer, 2 usage, malformed input or a missing
        extra, 3 a source could not be asked.
    """
    try:
        from dockernet._cli.program import run  # noqa: PLC0415 - the library lacks what this needs

        return run(sys.argv[1:])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        return _missing()
    except KeyboardInterrupt:
        return 130


def _missing() -> int:
    if "--json" in sys.argv:
        error = {"kind": "MissingExtraError", "message": _MISSING}
        sys.stdout.write(json.dumps({"schema": 1, "error": error}) + "\n")
    else:
        sys.stderr.write(f"dockernet: {_MISSING}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
