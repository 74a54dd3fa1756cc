"""Files that are whole or not there, locks, names of contents, results that are ready ahead."""

import errno
import fcntl
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from rencgan.core.errors import InputError
from rencgan.core.files import (
    ahead,
    alone,
    key_of,
    made_folder,
    only,
    replaced,
    write_array,
    write_json,
    writing,
)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_trouble_with_the_disk_is_one_sentence(number):
    with pytest.raises(InputError, match="out.npy"), writing("out.npy"):
        raise OSError(number, "no")
    with pytest.raises(OSError, match="other"), writing("out.npy"):
        raise OSError(errno.EIO, "other")


def test_a_folder_is_made_but_not_in_the_place_of_a_file(tmp_path):
    assert made_folder(made_folder(tmp_path / "a" / "b")).is_dir()
    (tmp_path / "x").touch()
    for path in (tmp_path / "x", tmp_path / "x" / "below"):
        with pytest.raises(InputError, match="because a file is in its place"):
            made_folder(path)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "x.txt"
    with replaced(path) as part:
        part.write_text("old")
    with pytest.raises(KeyError), replaced(path) as part:
        part.write_text("half of the new")
        raise KeyError
    assert path.read_text() == "old" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_comes_back_as_it_was(tmp_path, order):
    array = np.array(np.arange(24).reshape(2, 3, 4), np.int16, order=order)
    write_array(tmp_path / "x.npy", array[:, ::-1])
    assert np.array_equal(np.load(tmp_path / "x.npy", mmap_mode="r"), array[:, ::-1])
    np.save(tmp_path / "numpy.npy", np.ascontiguousarray(array[:, ::-1]))
    assert (tmp_path / "x.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_json_holds_no_nan(tmp_path):
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [np.float32(0.5), np.inf]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [0.5, None]}


def test_a_lock_is_waited_for_or_refused(tmp_path):
    path, said = tmp_path / "locks" / "x", []

    def take():
        with alone(path, lambda: said.append("waits")):
            said.append("has it")

    other = threading.Thread(target=take)
    with alone(path):
        with pytest.raises(InputError, match="someone is at it"), only(path, "someone is at it"):
            pass
        other.start()
        other.join(0.2)
        assert said == ["waits"]
    other.join(10)
    assert said == ["waits", "has it"]


def lacking(monkeypatch, number, *names):
    """Calls of fcntl fail as they do where the file system does not have them."""

    def refuse(*_):
        raise OSError(number, "no")

    for name in names:
        monkeypatch.setattr(fcntl, name, refuse)


NUMBERS = [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL]


@pytest.mark.parametrize("number", NUMBERS)
def test_where_flock_is_missing_another_lock_keeps_processes_apart(tmp_path, monkeypatch, number):
    held = "import fcntl; f = open('x', 'a'); fcntl.lockf(f, fcntl.LOCK_EX); print(); input()"
    lacking(monkeypatch, number, "flock")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", held], cwd=tmp_path, **pipes) as other:
        other.stdout.readline()
        with pytest.raises(InputError, match="at it"), only(tmp_path / "x", "someone is at it"):
            pass
        with pytest.raises(TimeoutError), alone(tmp_path / "x", out_of_time):
            pass
        other.communicate(b"\n")
    with only(tmp_path / "x", "someone is at it"), alone(tmp_path / "y"):
        pass


def out_of_time():
    raise TimeoutError


@pytest.mark.parametrize("number", NUMBERS)
def test_where_nothing_locks_the_job_goes_on_and_it_is_said(tmp_path, monkeypatch, capsys, number):
    lacking(monkeypatch, number, "flock", "lockf")
    for lock in (alone(tmp_path / "x"), only(tmp_path / "x", "someone is at it")):
        with lock:
            told = capsys.readouterr().err
        assert told.count("\n") == 1 and f"{tmp_path / 'x'} has no locks" in told


def test_a_folder_in_which_no_lock_may_lie_is_one_sentence(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr("builtins.open", refuse)
    for lock in (alone(tmp_path / "x"), only(tmp_path / "x", "someone is at it")):
        with pytest.raises(InputError, match="x may not be written; choose another folder"), lock:
            pass


def test_names_of_contents_do_not_depend_on_the_order_of_keys():
    # printf '{"a": 1, "b": [null, 0.5]}' | sha256sum
    assert key_of({"a": 1, "b": [None, 0.5]}) == key_of({"b": [None, 0.5], "a": 1}) == "a28db635"
    assert key_of({"a": 1}, 64).startswith(key_of({"a": 1})) and len(key_of({}, 64)) == 64


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_and_only_some_are_begun_ahead(workers):
    begun = []

    def read(job):
        begun.append(job)
        return job * job

    for done, square in enumerate(ahead(read, range(20), workers, most=4)):
        assert square == done * done and max(begun) <= done + 4
    assert sorted(begun) == list(range(20)) and list(ahead(read, [])) == []


def test_an_error_comes_in_its_turn_and_ends_what_is_ahead():
    begun = []

    def read(job):
        begun.append(job)
        if job == 2:
            raise OSError("gone")
        return job

    given = []
    with pytest.raises(OSError, match="gone"):
        given.extend(ahead(read, range(100), most=3))
    assert given == [0, 1] and len(begun) <= 7
