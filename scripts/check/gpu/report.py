"""The report: one file, rewritten after each section, so that it exists however the drill ends."""
import os
import re
import sys
import time

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Lines that are not shown on the terminal but only in the report.
QUIET = re.compile(r"^\W*(Test .* (started|passed)|Suite .* started|Test case|Testing Library|Target Platform)|^\W*(Test|Suite) .*\bpassed after\b")
MOST = 400_000


class Result:
    """The result of a section: `state` is passed, failed, timed out or skipped."""

    def __init__(self, name, what, limit):
        self.name, self.what, self.limit, self.state, self.note, self.seconds, self.lines = name, what, limit, "running", "", 0.0, []

    def say(self, text, is_quiet=False):
        """Adds a line to the report, and prints it unless it is quiet."""
        text = COLOURS.sub("", text).rstrip()
        self.lines.append(text)
        if not is_quiet and not QUIET.match(text):
            print(f"{self.name}: {text}", flush=True)


class Report:
    def __init__(self, path, head):
        self.path, self.head, self.results, self.began = path, head, [], time.strftime("%Y-%m-%d %H:%M:%S")

    def write(self):
        rows = [f"| {r.name} | {r.state} | {r.seconds:.1f} | {r.limit:.0f} | {r.note.replace('|', '/')} |" for r in self.results]
        parts = [f"# Apus on an NVIDIA GPU\n\nBegun {self.began}.\n", *(f"- {line}" for line in self.head), "",
                 "| section | result | seconds | limit | |", "| --- | --- | --- | --- | --- |", *rows]
        for r in self.results:
            text = "\n".join(r.lines)
            if len(text) > MOST:
                text = f"{text[:MOST // 2]}\n… {len(text) - MOST} characters left out …\n{text[-MOST // 2:]}"
            parts += ["", f"## {r.name}: {r.state}", "", f"{r.what}. {r.note}", "", "~~~~", text, "~~~~"]
        part = f"{self.path}.part"
        os.makedirs(os.path.dirname(part), exist_ok=True)
        with open(part, "w") as file:
            file.write("\n".join(parts) + "\n")
        os.replace(part, self.path)

    def summary(self):
        """Prints the table of results, as the last output."""
        width = max((len(r.name) for r in self.results), default=0)
        for r in self.results:
            print(f"{r.name:<{width}}  {r.state:<9}  {r.seconds:6.1f} s  {r.note}")
        print(f"report: {self.path}", flush=True)

    @property
    def is_good(self):
        return all(r.state in ("passed", "skipped") for r in self.results)
