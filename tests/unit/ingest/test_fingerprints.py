import os
from pathlib import Path

import pytest

from earthgql.ingest.scene_source import file_fingerprint, is_same_fingerprint, with_options


@pytest.mark.parametrize(
    ("stored", "current", "same"),
    [
        ("1-2", "1-2", True),
        ("1-2", "1-3", False),
        ("1-2", "1-2;sha256:a", True),
        ("1-2;sha256:a", "1-2", True),
        ("1-2;sha256:a", "1-3", False),
        ("1-2;sha256:a", "1-3;sha256:a", True),
        ("1-2;sha256:a", "1-2;sha256:b", False),
        ("sha256:a", "1-2;sha256:a", True),
        ("sha256:a", "1-2", False),
        ("sha256:a;options:x", "1-2;sha256:a;options:x", True),
        ("1-2;options:x", "1-2;sha256:a;options:x", True),
        ("1-2;options:x", "1-2;options:y", False),
        ("1-2", "1-2;options:y", False),
        ("list:ab;options:x", "list:ab;options:x", True),
        ("list:ab;options:x", "list:ac;options:x", False),
        ("", "1-2", False),
    ],
)
def test_the_same_by_content_else_by_size_and_time(stored: str, current: str, same: bool) -> None:
    assert is_same_fingerprint(stored, current) == same


def test_fingerprints_of_files_change_with_them(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    os.utime(path, ns=(0, 5))
    before = with_options(file_fingerprint(path, sha256=True), {"zoom": 3})
    assert before.startswith("3-5;sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add")
    os.utime(path, ns=(0, 6))
    assert is_same_fingerprint(
        before, with_options(file_fingerprint(path, sha256=True), {"zoom": 3})
    )
    assert not is_same_fingerprint(
        before, with_options(file_fingerprint(path, sha256=False), {"zoom": 3})
    )
    path.write_bytes(b"two")
    os.utime(path, ns=(0, 5))
    now = with_options(file_fingerprint(path, sha256=True), {"zoom": 3})
    assert not is_same_fingerprint(before, now)
