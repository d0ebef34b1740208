"""The server of a worker process: its limits, and what it answers by itself."""

import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest
from support.wsgi_server import connect, plain, request, running

from earthgql.cli.server.http.limits import LONGEST_HEADERS, LONGEST_LINE, Limits, client_of
from earthgql.cli.server.http.server import Server

QUICK = Limits(headers_s=0.5, body_s=0.5, idle_s=0.5, answer_s=1.0, largest_body=100_000)
PATIENT = Limits(largest_body=100_000)


def answers(link: socket.socket) -> list[tuple[int, dict[str, str], bytes]]:
    """Read answers until the connection is closed."""
    received = b""
    while data := link.recv(65536):
        received += data
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        found.append((int(status.split()[1]), headers, received[:length]))
        received = received[length:]
    return found


def receive(link: socket.socket, ending: bytes) -> None:
    """Read until an answer has come whole, on a connection that is kept."""
    received = b""
    while not received.endswith(ending):
        data = link.recv(1000)
        assert data, received
        received += data


def refused(link: socket.socket) -> tuple[int, str]:
    """Read the one refusal of a connection that is then closed; returns status and code."""
    [(status, headers, body)] = answers(link)
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    [error] = json.loads(body)["errors"]
    assert error["message"]
    return status, error["extensions"]["code"]


@pytest.fixture
def patient() -> Iterator[Server]:
    with running(plain, PATIENT) as server:
        yield server


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 408, "TIMEOUT"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", 408, "TIMEOUT"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            408,
            "TIMEOUT",
        ),
        (b"nonsense\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /\0 x HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"get / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET http://[x/ HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET / HTTP/1.1\r\na: b\nc: d\r\n\r\n", 400, "BAD_REQUEST"),
        (request("/", "Content-Length: -1"), 400, "BAD_REQUEST"),
        (request("/", "Content-Length: 1x"), 400, "BAD_REQUEST"),
        (request("/", "Content-Length: 1, 1"), 400, "BAD_REQUEST"),
        (request("/", f"Content-Length: {'9' * 5000}"), 400, "BAD_REQUEST"),
        (request("/", "Content-Length: 3", "Transfer-Encoding: chunked"), 400, "BAD_REQUEST"),
        (request("/", "Transfer-Encoding: gzip"), 501, "BAD_REQUEST"),
        (request("/", "Content-Length: 100001"), 413, "REQUEST_TOO_LARGE"),
        (request("/" + "a" * LONGEST_LINE), 414, "REQUEST_TOO_LARGE"),
        (b"GET /" + b"a" * (LONGEST_LINE + 9000), 414, "REQUEST_TOO_LARGE"),
        (b"GET /" + b"a" * 2 * LONGEST_HEADERS, 414, "REQUEST_TOO_LARGE"),
        (request("/", f"X: {'a' * LONGEST_HEADERS}"), 431, "REQUEST_TOO_LARGE"),
    ],
)
def test_requests_that_are_none(sent: bytes, status: int, code: str) -> None:
    with running(plain, replace(QUICK, answer_s=20)) as server, closing(connect(server)) as link:
        link.sendall(sent)
        assert refused(link) == (status, code)


def test_a_connection_that_says_nothing_is_closed() -> None:
    with running(plain, QUICK) as server, closing(connect(server)) as link:
        assert link.recv(1) == b""


def test_a_connection_that_waits_for_its_next_request_is_closed() -> None:
    limits = replace(QUICK, headers_s=20)
    with running(plain, limits) as server, closing(connect(server)) as link:
        link.sendall(request())
        assert [status for status, *_ in answers(link)] == [200]


def test_headers_that_come_slowly_have_one_time_for_all() -> None:
    with running(plain, QUICK) as server, closing(connect(server)) as link:
        began = time.monotonic()
        link.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(100):
            time.sleep(0.1)
            try:
                link.sendall(b"X: y\r\n")
            except OSError:
                break
        assert 0.4 < time.monotonic() - began < 5


def test_a_body_that_comes_steadily_may_take_longer(patient: Server) -> None:
    limits = replace(QUICK, slowest_bytes_s=1000)
    with running(plain, limits) as server, closing(connect(server)) as link:
        head = request("/", "Content-Length: 8000", "Connection: close", method="POST")
        link.sendall(head)
        for _ in range(8):
            link.sendall(b"a" * 1000)
            time.sleep(0.3)
        [(status, _, body)] = answers(link)
        assert (status, len(body)) == (200, 8000)


def large(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "20000000")])
    return [b"a" * 20_000_000]


def test_an_answer_that_is_not_read_holds_no_thread_and_is_given_up() -> None:
    with running(large, QUICK, threads=1) as server, ExitStack() as stack:
        links = [stack.enter_context(closing(connect(server, room=4096))) for _ in range(3)]
        for link in links:
            link.sendall(request())
        until = time.monotonic() + 20
        while server.active_channels or time.monotonic() < until - 19:
            assert time.monotonic() < until, "they are kept open"
            time.sleep(0.05)


def test_an_answer_that_is_read_slowly_comes_whole() -> None:
    limits = replace(QUICK, answer_s=0.5, slowest_bytes_s=500_000)
    with running(large, limits) as server, closing(connect(server, room=65536)) as link:
        link.sendall(request("/", "Connection: close"))
        received = 0
        while data := link.recv(400_000):
            received += len(data)
            time.sleep(0.005)
        assert received > 20_000_000


def test_answers_that_wait_are_bounded_together() -> None:
    limits = replace(PATIENT, unread_bytes=30_000_000)
    with running(large, limits) as server, ExitStack() as stack:
        for _ in range(4):
            link = stack.enter_context(closing(connect(server, room=4096)))
            link.sendall(request())
        until = time.monotonic() + 20
        while len(server.active_channels) != 1:
            assert time.monotonic() < until, len(server.active_channels)
            time.sleep(0.05)


def test_one_address_has_so_many_connections() -> None:
    with running(plain, replace(PATIENT, per_address=3)) as server, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(closing(connect(server)))
        link = stack.enter_context(closing(connect(server)))
        [(status, headers, body)] = answers(link)
        assert (status, headers["retry-after"]) == (503, "5")
        assert json.loads(body)["errors"][0]["extensions"]["code"] == "OVERLOADED"
        other = stack.enter_context(closing(connect(server, source="127.0.0.2")))
        other.sendall(request("/", "Connection: close"))
        assert [status for status, *_ in answers(other)] == [200]


def test_a_place_that_is_free_again(patient: Server) -> None:
    with running(plain, replace(PATIENT, per_address=1)) as server:
        for _ in range(5):
            with closing(connect(server)) as link:
                link.sendall(request("/", "Connection: close"))
                assert [status for status, *_ in answers(link)] == [200]


def test_where_all_places_are_taken_the_one_that_waits_longest_goes() -> None:
    with running(plain, replace(PATIENT, connections=3)) as server, ExitStack() as stack:
        links = []
        for number in range(4):
            links.append(stack.enter_context(closing(connect(server, f"127.0.0.{2 + number}"))))
            time.sleep(0.1)
        assert links[0].recv(1) == b""
        for link in links[1:]:
            link.sendall(request("/", "Connection: close"))
            assert [status for status, *_ in answers(link)] == [200]


def test_requests_of_one_connection_are_answered_in_turn(patient: Server) -> None:
    with closing(connect(patient)) as link:
        link.sendall(
            request("/one") + request("/two", body=b"second") + request("/3", "Connection: close")
        )
        assert [body for _, _, body in answers(link)] == [b"/one", b"second", b"/3"]


def test_a_client_that_waits_for_leave_to_send_its_body(patient: Server) -> None:
    with closing(connect(patient)) as link:
        link.sendall(request("/", "Expect: 100-continue", "Content-Length: 2", method="POST"))
        assert link.recv(1000).startswith(b"HTTP/1.1 100 ")
        link.sendall(b"ab")
        receive(link, b"\r\n\r\nab")


def test_headers_that_could_pass_for_others_are_left_out(patient: Server) -> None:
    with closing(connect(patient)) as link:
        names = ("SCRIPT_NAME: /x", "Script-Name: /x", "Remote_Addr: 1.1.1.1")
        link.sendall(request("/path", *names, "Connection: close"))
        assert [body for _, _, body in answers(link)] == [b"/path"]


class Gate:
    """An application whose requests for /wait wait."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.waiting = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/wait":
            self.waiting.release()
            assert self.opened.wait(30)
        return plain(environ, start_response)


def test_direct_paths_are_answered_whatever_threads_do() -> None:
    gate = Gate()
    with running(gate, PATIENT, threads=2, direct=("/healthz",)) as server, ExitStack() as stack:
        for source in ("127.0.0.2", "127.0.0.3"):
            link = stack.enter_context(closing(connect(server, source)))
            link.sendall(request("/wait"))
            assert gate.waiting.acquire(timeout=20)
        began = time.monotonic()
        link = stack.enter_context(closing(connect(server)))
        link.sendall(request("/healthz") + request("/healthz", "Connection: close"))
        assert [status for status, *_ in answers(link)] == [200, 200]
        assert time.monotonic() - began < 5
        gate.opened.set()


def test_one_client_does_not_take_all_threads() -> None:
    gate = Gate()
    with running(gate, PATIENT, threads=4) as server, ExitStack() as stack:
        for _ in range(20):
            link = stack.enter_context(closing(connect(server)))
            link.sendall(request("/wait"))
        for _ in range(2):
            assert gate.waiting.acquire(timeout=20)
        other = stack.enter_context(closing(connect(server, source="127.0.0.2")))
        other.sendall(request("/", "Connection: close"))
        assert [status for status, *_ in answers(other)] == [200]
        assert not gate.waiting.acquire(timeout=0.1)
        gate.opened.set()


def test_requests_whose_clients_have_gone_are_not_begun() -> None:
    gate = Gate()
    with running(gate, PATIENT, threads=1) as server, ExitStack() as stack:
        first = stack.enter_context(closing(connect(server)))
        first.sendall(request("/wait"))
        assert gate.waiting.acquire(timeout=20)
        for _ in range(5):
            with closing(connect(server)) as link:
                link.sendall(request("/wait"))
                time.sleep(0.05)
        until = time.monotonic() + 20
        while len(server.active_channels) > 1:
            assert time.monotonic() < until
            time.sleep(0.05)
        gate.opened.set()
        receive(first, b"/wait")
        assert not gate.waiting.acquire(timeout=0.2)


def test_a_stream_ends_when_its_client_is_gone() -> None:
    ended = threading.Event()

    def stream(_environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        try:
            while True:
                yield b": still here\n\n"
                time.sleep(0.05)
        finally:
            ended.set()

    with running(stream, PATIENT) as server:
        with closing(connect(server)) as link:
            link.sendall(request())
            receive(link, b": still here\n\n\r\n")
        assert ended.wait(20)


def test_draining() -> None:
    gate = Gate()
    with running(gate, PATIENT) as server, ExitStack() as stack:
        idle = stack.enter_context(closing(connect(server)))
        idle.sendall(request())
        receive(idle, b"\r\n\r\n/")
        begun = stack.enter_context(closing(connect(server)))
        begun.sendall(b"GET / HT")
        busy = stack.enter_context(closing(connect(server)))
        busy.sendall(request("/wait"))
        assert gate.waiting.acquire(timeout=20)
        address = ("127.0.0.1", int(server.effective_port))
        server.trigger.pull_trigger(server.drain)
        assert idle.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=20)
        assert not server.is_drained()
        gate.opened.set()
        [(status, headers, _)] = answers(busy)
        assert (status, headers["connection"]) == (200, "close")
        assert begun.recv(1000) == b""
        until = time.monotonic() + 20
        while not server.is_drained():
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("threads", "per_address", "share"), [(16, 100, 8), (3, 100, 2), (1, 100, 1), (16, 0, 16)]
)
def test_share_of_threads(threads: int, per_address: int, share: int) -> None:
    assert replace(PATIENT, per_address=per_address).share(threads) == share


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_whom_a_connection_counts_for(address: str, client: str) -> None:
    assert client_of(address) == client
