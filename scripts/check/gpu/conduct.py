"""Runs sections one after the other, each with a time limit, and writes the report."""
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import report as reports
import work
from drill import Drill, Failed, Skipped
from sections import ALL, QUICK, hang


def chosen(names):
    """The sections of these names with their limits; exits if there is no such section."""
    known = {section.__name__: (section, limit) for section, limit in [*ALL.items(), (hang, 2)]}
    if not names:
        return list(ALL.items())
    if names == ["quick"]:
        return list(QUICK.items())
    if names == ["list"]:
        for section, limit in ALL.items():
            print(f"{section.__name__:<10} {limit:>4} s {f'(quick: {QUICK[section]})' if section in QUICK else '':<12} {section.__doc__}")
        sys.exit()
    for name in names:
        if name not in known:
            sys.exit(f"there is no section {name}; there are {', '.join(s.__name__ for s in ALL)}, and quick")
    return [known[name] for name in names]


def interrupt(number, frame):
    raise KeyboardInterrupt


def conduct(names, root, cache, report, device):
    """Runs sections and writes the report. Returns the exit code."""
    sections = chosen(names)
    # A signal stops the current section and still writes the report.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    # A slow test double needs more time.
    patience = float(os.environ.get("APUS_DRILL_PATIENCE", "1"))
    d = Drill(root, cache, device)
    d.is_quick = names == ["quick"]
    page = reports.Report(report, [f"archive of {d.manifest['commit']}, packed {d.manifest['packed']}", f"sections: {', '.join(s.__name__ for s, _ in sections)}"])
    end, interrupted = time.monotonic(), False
    for section, limit in sections:
        limit *= patience
        # A section also gets the time that earlier ones did not use.
        end += limit
        d.result = result = reports.Result(section.__name__, section.__doc__, limit)
        page.results.append(result)
        page.write()
        began = time.monotonic()
        d.deadline = end if section is not hang else began + limit
        d.folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-drill-"))
        try:
            result.note, result.state = section(d), "passed"
        except Failed as failure:
            result.note, result.state = str(failure), "failed"
        except Skipped as reason:
            result.note, result.state = str(reason), "skipped"
        except work.OutOfTime as what:
            result.note, result.state = f"{what} had not ended after {time.monotonic() - began:.0f} s", "timed out"
        except KeyboardInterrupt:
            result.note, result.state, interrupted = "interrupted", "failed", True
        except Exception as error:
            result.note, result.state = f"{type(error).__name__}: {error}", "failed"
        result.seconds = time.monotonic() - began
        shutil.rmtree(d.folder, ignore_errors=True)
        print(f"{result.name}: {result.state} after {result.seconds:.1f} s. {result.note}", flush=True)
        page.write()
        if interrupted:
            break
    page.summary()
    return 0 if page.is_good and not interrupted else 1
