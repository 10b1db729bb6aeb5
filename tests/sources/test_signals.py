"""Signals that are held, and SIGTERM as an exit; each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing there")

HEAD = """
    import os, signal, sys, threading
    from signal import SIGINT, SIGTERM, SIG_DFL, SIG_IGN, raise_signal
    from dockernet.sources._signals import end_by_exit, held, no_longer

    def said(*words):
        print(*words, flush=True)
"""


def ran(code: str) -> tuple[int, list[str]]:
    """Run code in a process: its exit code, and the lines that it says."""
    script = textwrap.dedent(HEAD) + textwrap.dedent(code)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_an_interrupt_that_is_held_comes_at_the_end() -> None:
    code, lines = ran("""
        try:
            with held() as signals:
                raise_signal(SIGINT)
                raise_signal(SIGINT)
                said(signals.caught, signals.is_fatal)
        except KeyboardInterrupt:
            said("interrupted")
        said(signal.getsignal(SIGINT) is signal.default_int_handler)
    """)
    assert (code, lines) == (0, ["[2] False", "interrupted", "True"])


def test_sigterm_that_is_held_ends_the_process_at_the_end() -> None:
    code, lines = ran("""
        with held() as signals:
            raise_signal(SIGTERM)
            said(signals.caught, signals.is_fatal)
        said("never")
    """)
    assert (code, lines) == (-15, ["[15] True"])


def test_each_signal_is_handled_even_where_another_raises() -> None:
    code, lines = ran("""
        signal.signal(SIGTERM, lambda *_: said("own handler"))
        try:
            with held() as signals:
                raise_signal(SIGINT)
                raise_signal(SIGTERM)
                said(signals.is_fatal)
        except KeyboardInterrupt:
            said("interrupted")
    """)
    assert (code, lines) == (0, ["False", "own handler", "interrupted"])


def test_the_error_of_the_block_is_not_lost() -> None:
    code, lines = ran("""
        try:
            with held():
                raise_signal(SIGINT)
                raise LookupError("within")
        except KeyboardInterrupt as error:
            said(repr(error.__context__))
    """)
    assert (code, lines) == (0, ["LookupError('within')"])


def test_a_signal_that_is_ignored_stays_so() -> None:
    code, lines = ran("""
        signal.signal(SIGTERM, SIG_IGN)
        with held() as signals:
            raise_signal(SIGTERM)
            said(signals.caught)
        said(signal.getsignal(SIGTERM) is SIG_IGN)
    """)
    assert (code, lines) == (0, ["[]", "True"])


def test_blocks_within_each_other_pass_a_signal_on() -> None:
    code, lines = ran("""
        try:
            with held() as outer:
                with held() as inner:
                    raise_signal(SIGINT)
                said(inner.caught, outer.caught)
        except KeyboardInterrupt:
            said("interrupted")
    """)
    assert (code, lines) == (0, ["[2] [2]", "interrupted"])


def test_handlers_are_set_back_although_a_signal_comes_while_they_are() -> None:
    code, lines = ran("""
        set_back = signal.signal
        def slow(number, handler):
            before = set_back(number, handler)
            if handler is signal.default_int_handler:
                raise_signal(SIGINT)
            return before
        try:
            with held():
                signal.signal = slow
        except KeyboardInterrupt:
            said("interrupted")
        said(signal.getsignal(SIGTERM) is SIG_DFL)
    """)
    assert (code, lines) == (0, ["interrupted", "True"])


def test_in_another_thread_nothing_is_touched() -> None:
    code, lines = ran("""
        def work():
            with held() as signals:
                end_by_exit(signals)
                said(signal.getsignal(SIGINT) is signal.default_int_handler)
                said(signal.getsignal(SIGTERM) is SIG_DFL, signals.caught)
                no_longer(signals)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    """)
    assert (code, lines) == (0, ["True", "True []"])


def test_sigterm_becomes_an_exit_that_cleans_up() -> None:
    code, lines = ran("""
        end_by_exit(said)
        try:
            os.kill(os.getpid(), SIGTERM)
            signal.pause()
        finally:
            said("cleaned up")
    """)
    assert (code, lines) == (143, ["cleaned up"])


def test_the_last_of_several_askers_gives_sigterm_back_in_whatever_order() -> None:
    code, lines = ran("""
        one, two = object(), object()
        end_by_exit(one)
        end_by_exit(two)
        no_longer(one)
        no_longer(one)
        said(signal.getsignal(SIGTERM) is SIG_DFL)
        no_longer(two)
        said(signal.getsignal(SIGTERM) is SIG_DFL)
    """)
    assert (code, lines) == (0, ["False", "True"])


def test_an_asker_that_ends_in_another_thread_is_cleared_away_by_the_next() -> None:
    code, lines = ran("""
        one, two = object(), object()
        end_by_exit(one)
        thread = threading.Thread(target=no_longer, args=(one,))
        thread.start()
        thread.join()
        said(signal.getsignal(SIGTERM) is SIG_DFL)
        end_by_exit(two)
        no_longer(two)
        said(signal.getsignal(SIGTERM) is SIG_DFL)
    """)
    assert (code, lines) == (0, ["False", "True"])


def test_a_handler_of_the_application_s_own_stays() -> None:
    code, lines = ran("""
        def own(*_):
            said("own handler")
        signal.signal(SIGTERM, own)
        end_by_exit(said)
        raise_signal(SIGTERM)
        no_longer(said)
        said(signal.getsignal(SIGTERM) is own)
    """)
    assert (code, lines) == (0, ["own handler", "True"])


def test_a_handler_that_was_set_meanwhile_stays() -> None:
    code, lines = ran("""
        end_by_exit(said)
        signal.signal(SIGTERM, SIG_IGN)
        no_longer(said)
        said(signal.getsignal(SIGTERM) is SIG_IGN)
    """)
    assert (code, lines) == (0, ["True"])


@pytest.mark.parametrize(
    "waiting",
    [
        "Bell().wait()",
        "Bell().wait(60)",
        "[*done_of([begun(heard.wait)])]",
        "within(60, heard.wait, LookupError())",
    ],
)
def test_a_signal_that_wakes_nobody_is_heard_all_the_same(waiting: str) -> None:
    """As one that comes just before a wait: here another thread takes it."""
    code, lines = ran(f"""
        from dockernet._watch import Bell
        from dockernet.dialling.within import begun, done_of, within

        def interrupt():
            heard.wait(0.3)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [SIGINT])
            os.kill(os.getpid(), SIGINT)
            if not heard.wait(20):
                os._exit(9)

        heard = threading.Event()
        signal.pthread_sigmask(signal.SIG_BLOCK, [SIGINT])
        taker = threading.Thread(target=interrupt)
        taker.start()
        try:
            {waiting}
        except KeyboardInterrupt:
            said("interrupted")
        heard.set()
        taker.join()
    """)
    assert (code, lines) == (0, ["interrupted"])
