"""Call one function in another place: ``python -c <this text> PAYLOAD``.

The payload is a pickle in base64: the function, or its name and its source, and
its arguments. The last line of the output is a pickle in base64 of
``(True, result)`` or ``(False, exception)``; what the function prints goes to
the standard error.
"""

from __future__ import annotations

import base64
import pickle
import sys
from contextlib import redirect_stdout
from typing import Any


def outcome(payload: str) -> tuple[bool, object]:
    function, source, args, kwargs = pickle.loads(base64.b64decode(payload))
    if source is not None:
        names: dict[str, Any] = {"__name__": "probe"}
        exec(compile(source, "<probe>", "exec"), names)
        function = names[function]
    try:
        return True, function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        return False, error


if __name__ == "__main__":
    with redirect_stdout(sys.stderr):
        answer = base64.b64encode(pickle.dumps(outcome(sys.argv[1]))).decode()
    print(answer)
