"""Room for an output is allocated before anything is copied into it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from deident.dicom import source
from deident.dicom.source import reserve

SIZE = 1 << 20


@pytest.fixture
def new_file(tmp_path):
    descriptor = os.open(tmp_path / "new", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def any_file_system(monkeypatch):
    monkeypatch.setattr(source, "_reserves_quickly", lambda _device: True)


def test_large_files_get_their_blocks_at_once(new_file, any_file_system):
    reserve(new_file, SIZE)
    assert os.fstat(new_file).st_size == SIZE
    assert os.fstat(new_file).st_blocks * 512 >= SIZE


def test_small_files_are_left_alone(new_file, any_file_system):
    reserve(new_file, 4096)
    assert os.fstat(new_file).st_size == 0


def test_unknown_file_systems_are_left_alone(new_file, monkeypatch, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text("1 0 0:1 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(source, "_MOUNTS", str(mounts))
    assert not source._reserves_quickly.__wrapped__(os.makedev(0, 1))
    assert not source._reserves_quickly.__wrapped__(os.makedev(0, 2))
    mounts.write_text("1 0 0:1 / / rw shared:2 - ext4 /dev/a rw\n")
    assert source._reserves_quickly.__wrapped__(os.makedev(0, 1))
    assert not source._reserves_quickly.__wrapped__(os.makedev(0, 2))


def test_without_a_list_of_mounts_nothing_is_reserved(monkeypatch, tmp_path):
    monkeypatch.setattr(source, "_MOUNTS", str(tmp_path / "missing"))
    assert not source._reserves_quickly.__wrapped__(os.makedev(0, 1))


def test_no_room_is_an_error_before_anything_is_written(tmp_path):
    code = (
        "import os, sys\n"
        "from deident.dicom import source\n"
        "source._reserves_quickly = lambda device: True\n"
        "fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
        "try:\n"
        f"    source.reserve(fd, {SIZE})\n"
        "except OSError as error:\n"
        "    print(error.errno, os.fstat(fd).st_size)\n"
    )
    limit = SIZE // 2
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "new")],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=True,
    )
    number, size = map(int, done.stdout.split())
    assert number > 0
    assert size == 0
