"""The means of the sections: the archive's programs, and commands within a section's time limit."""
import json
import pathlib
import re

import place as places
import report as reports
import work


class Failed(Exception):
    """What a section found wrong."""


class Skipped(Exception):
    """Why a section cannot run here."""


class Drill:
    """The means of the sections."""

    def __init__(self, root, cache, device):
        self.root, self.device = root, device
        self.place = places.Place()
        self.env = places.environment(root, self.place, device, cache)
        self.manifest = json.loads((root / "manifest.json").read_text())
        self.apus, self.conformance, self.tests = (root / "bin" / name for name in ("apus", "apus-conformance", "apusPackageTests.xctest"))
        self.folder = self.result = self.deadline = None
        self.together = min(8, max(2, places.Place.cores() // 2))

    def run(self, *commands, together=1, env=None, may_fail=False, is_told=True):
        """Runs commands, each a list of words or (title, words), within the section's time limit. Returns their outputs, which also go to
        the report and, except for QUIET lines, to the terminal."""
        made = []
        for words in commands:
            title, words = words if isinstance(words, tuple) else (pathlib.Path(words[0]).name, words)
            made.append(work.Command(words, {**self.env, **(env or {})}, self.folder, title))

        def say(command, line):
            if not is_told:
                return
            # Outputs of parallel commands are reported separately at the end.
            if together == 1:
                self.result.say(line)
            elif not reports.QUIET.match(reports.COLOURS.sub("", line)):
                print(f"{self.result.name} {command.title}: {line}", end="", flush=True)

        try:
            work.run(made, self.deadline, say, together)
        finally:
            for command in made if together > 1 and is_told else []:
                how = "not begun" if command.process is None else f"ended with {command.code} after {command.seconds:.1f} s"
                self.result.say(f"— {command.title}: {how}", is_quiet=True)
                for line in command.lines:
                    self.result.say(line, is_quiet=True)
        bad = [f"{c.title} ended with {c.code}" for c in made if c.code != 0]
        if bad and not may_fail:
            raise Failed("; ".join(bad))
        return [c.text for c in made]

    def suites(self, filters, env=None):
        """Runs tests, each filter (a name, or a pair of filters to run and to skip) in its own process. Returns the number of tests."""
        commands = []
        for wanted in filters:
            wanted, skipped = wanted if isinstance(wanted, tuple) else (wanted, None)
            words = [self.tests, "--testing-library", "swift-testing", "--filter", wanted] + (["--skip", skipped] if skipped else [])
            commands.append((wanted if len(wanted) < 60 else "the others", words))
        texts = self.run(*commands, together=self.together if len(commands) > 1 else 1, env=env, may_fail=True)
        total, cases, bad = 0, 0, []
        for (title, _), text in zip(commands, texts):
            text = reports.COLOURS.sub("", text)
            found = re.findall(r"Test run with (\d+) tests? .*?(passed|failed) after", text)
            cases += sum(map(int, re.findall(r"with (\d+) test cases? (?:passed|failed)", text)))
            if not found:
                bad.append(f"{title} ended before its tests did")
            elif found[-1][1] == "failed" or found[-1][0] == "0":
                names = re.findall(r"^\W*Test (?!run with)(.+?)(?: with \d+ test cases?)? failed after", text, re.M)
                bad.append(f"{title}: {', '.join(names[:5]) or 'no test'}{' and more' if len(names) > 5 else ''} {'failed' if names else 'has that name'}")
            total += int(found[-1][0]) if found else 0
        if bad:
            raise Failed("; ".join(bad))
        return f"{total} tests, {cases} cases"
