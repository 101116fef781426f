"""Many processes on one chain, on both DBMSs: none waits for ever, none is lost, and killing one breaks nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portability.auditing import checkpoint, iter_chain, read_silent, verify_chain
from portability.catalogue import open_catalogue
from portability.sealing.encryption import new_identity, recipient_of
from tests.auditing.conftest import Person, staffed

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from portability.auditing import NewEntry, append, append_silent
from portability.catalogue import open_catalogue
from portability.sealing.encryption import parse_recipient
url, actor, number, recipient = sys.argv[1:]
with open_catalogue(url) as catalogue:
    print("ready", flush=True)
    sys.stdin.readline()
    for each in range(int(number)):
        entry = append(catalogue, NewEntry(action="test", actor=actor, details={"number": each}))
        print(entry.sequence, entry.hash, flush=True)
        if each % 10 == 0:
            append_silent(catalogue, [parse_recipient(recipient)], {"actor": actor, "number": each})
"""


def _writer(url: str, actor: str, number: int, recipient: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, url, actor, str(number), recipient]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _go(writers: list[subprocess.Popen[str]]) -> None:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()


@pytest.mark.parametrize(
    ("processes", "each"), [(3, 20), pytest.param(6, 50, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_chain_many_processes_write_at_once_keeps_every_entry(
    catalogue_url: str, people: dict[str, Person], processes: int, each: int
) -> None:
    """Each writer's entries are all there, in its order, and every one follows the one before."""
    identity = new_identity()
    with staffed(catalogue_url, people) as catalogue:
        recipient = recipient_of(identity).text
        writers = [_writer(catalogue_url, f"writer{number}", each, recipient) for number in range(processes)]
        _go(writers)
        checkpoint(catalogue, people["ann"].key)  # in the midst of it
        answers = [writer.communicate()[0].splitlines() for writer in writers]
        assert [writer.returncode for writer in writers] == [0] * processes
        checkpoint(catalogue, people["ann"].key)
        report = verify_chain(catalogue)
        assert (report.is_whole, report.entries) == (True, 3 + processes * each), report.faults
        entries = {entry.sequence: entry for entry in iter_chain(catalogue)}
        for number, lines in enumerate(answers):
            mine = [entries[int(line.split()[0])] for line in lines]
            assert [entry.hash for entry in mine] == [line.split()[1] for line in lines]
            assert [entry.details["number"] for entry in mine] == list(range(each))
            assert {entry.actor for entry in mine} == {f"writer{number}"}
        silent = [(entry.document["actor"], entry.document["number"]) for entry in read_silent(catalogue, [identity])]
        assert sorted(silent) == sorted((f"writer{w}", n) for w in range(processes) for n in range(0, each, 10))


KILLER = """
import json, os, random, signal, sys, time
from pathlib import Path
from portability.auditing import NewEntry, append, append_silent, checkpoint, verify_chain
from portability.catalogue import open_catalogue
from portability.sealing.encryption import new_identity, recipient_of
from portability.signing import load_signing_key

url, rounds, key = sys.argv[1], int(sys.argv[2]), load_signing_key(sys.argv[3])
recipient = recipient_of(new_identity())

def write(descriptor, actor):
    with open_catalogue(url) as catalogue:
        while True:
            entry = append(catalogue, NewEntry(action="test", actor=actor))
            os.write(descriptor, f"{entry.sequence} {entry.hash}\\n".encode())
            append_silent(catalogue, [recipient], {"actor": actor})
            if chance.random() < 0.1:
                checkpoint(catalogue, key)

confirmed, broken = {}, []
for number in range(rounds):
    chance = random.Random(number)
    pipes, children = [], []
    for each in range(3):
        reader, writer = os.pipe()
        if not (child := os.fork()):
            os.close(reader)
            try:
                write(writer, f"writer{each}")
            finally:
                os._exit(1)
        os.close(writer)
        pipes.append(os.fdopen(reader))
        children.append(child)
    line = pipes[0].readline()
    confirmed[line.split()[0]] = line.split()[1]
    time.sleep(chance.uniform(0, 0.05))
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for pipe in pipes:
        for line in pipe:
            if line.endswith("\\n"):
                confirmed[line.split()[0]] = line.split()[1]
    with open_catalogue(url) as catalogue:
        broken += [fault.message for fault in verify_chain(catalogue).faults]
print(json.dumps({"confirmed": confirmed, "broken": broken}))
"""


@pytest.mark.parametrize("rounds", [3, pytest.param(25, marks=pytest.mark.slow)])
def test_chain_whose_writers_are_killed_at_random_keeps_all_that_was_confirmed(
    catalogue_url: str, people: dict[str, Person], rounds: int
) -> None:
    """Three kills -9 a round: what a writer was told is in the chain stays, and the chain is whole for the next."""
    with staffed(catalogue_url, people):
        pass
    command = [sys.executable, "-c", KILLER, catalogue_url, str(rounds), str(people["ann"].path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["broken"] == []
    with open_catalogue(catalogue_url) as catalogue:
        there = {str(entry.sequence): entry.hash for entry in iter_chain(catalogue)}
        assert len(answer["confirmed"]) >= rounds
        assert answer["confirmed"].items() <= there.items()
        assert verify_chain(catalogue).is_whole
