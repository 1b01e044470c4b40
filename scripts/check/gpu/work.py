"""Commands with a time limit: their output is passed on at once, and no process of theirs is left when they end or the time is over."""
import os
import queue
import signal
import subprocess
import threading
import time

MARK = "APUS_DRILL_PROCESS"
# How long the output of a command that has ended is waited for, in seconds: on a busy machine its last lines come late, but its children may
# hold the pipe open for ever.
GRACE = 3


class OutOfTime(Exception):
    """A section's time is over; names the commands that had not ended."""


class Command:
    """A command, its output and its exit code."""

    def __init__(self, words, env=None, cwd=None, title=None):
        self.words, self.env, self.cwd, self.title = [str(word) for word in words], env, cwd, title
        self.lines, self.code, self.process, self.seconds, self.is_silent = [], None, None, None, False
        self.ended = None

    @property
    def text(self):
        return "".join(self.lines)

    def start(self, lines):
        self.began = time.monotonic()
        # Its own process group, which can be killed as a whole.
        self.process = subprocess.Popen(
            self.words, env={**(self.env if self.env is not None else os.environ), MARK: str(os.getpid())}, cwd=self.cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

        def read():
            for line in iter(self.process.stdout.readline, b""):
                lines.put((self, line.decode(errors="replace")))
            lines.put((self, None))

        threading.Thread(target=read, daemon=True).start()

    def end(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass


def run(commands, deadline, say, together=1):
    """Runs the commands, `together` at a time, and passes each line to say(command, line). At `deadline`, in terms of time.monotonic(),
    all are stopped and OutOfTime is raised."""
    waiting, running, lines = list(commands), [], queue.Queue()
    try:
        while waiting or running:
            while waiting and len(running) < together:
                running.append(waiting.pop(0))
                running[-1].start(lines)
            left = deadline - time.monotonic()
            if left <= 0:
                raise OutOfTime(", ".join(str(c.title) for c in running + waiting))
            try:
                command, line = lines.get(timeout=min(left, 0.2))
                if line is None:
                    command.is_silent = True
                else:
                    command.lines.append(line)
                    say(command, line)
                    continue
            except queue.Empty:
                for command in running:
                    if command.process.poll() is not None:
                        command.ended = command.ended or time.monotonic()
                        command.is_silent = command.is_silent or time.monotonic() - command.ended > GRACE
            for command in [c for c in running if c.is_silent and c.process.poll() is not None]:
                command.code, command.seconds = command.process.returncode, time.monotonic() - command.began
                running.remove(command)
    finally:
        stop(running)


def stop(commands):
    """Sends SIGTERM to commands and their groups, and SIGKILL two seconds later; also kills processes that have left their groups."""
    for command in commands:
        command.end(signal.SIGTERM)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and any(command.process.poll() is None for command in commands):
        time.sleep(0.05)
    for command in commands:
        command.end(signal.SIGKILL)
        command.code = command.process.wait()
        command.seconds = time.monotonic() - command.began
    for pid in strays():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def strays():
    """Processes started by commands of this drill, including those that have left their group."""
    mark, found = f"{MARK}={os.getpid()}".encode(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass
    return found
