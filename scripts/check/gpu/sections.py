"""The sections of the drill and their limits. Each returns its result in a line, or raises Failed or Skipped."""
import json
import os
import platform
import re
import sys
import time

import place as places
from drill import Failed, Skipped


def info(drill):
    """The machine, its Python, NVIDIA's libraries, and what Apus sees of them"""
    say = drill.result.say
    say(f"{platform.platform()}, {' '.join(platform.libc_ver())}, {places.Place.cores()} cores")
    say(f"packed: {json.dumps(drill.manifest)}")
    for line in drill.place.log:
        say(line)
    smi = places.Place.tool("nvidia-smi", "/usr/local/nvidia/bin/nvidia-smi")
    if smi:
        drill.run([smi], may_fail=True)
    else:
        say("there is no nvidia-smi")
    if drill.place.torch:
        drill.run([drill.place.torch, "-c", "import sys, torch; print('Python', sys.version, 'PyTorch', torch.__version__, 'for CUDA', torch.version.cuda)"], may_fail=True)
    # Where each program's libraries come from: only the C library's may come from the system.
    programs = [drill.apus, drill.conformance, drill.tests, drill.root / "bin" / "Seed"]
    foreign, missing = set(), set()
    for text in drill.run(*[[program] for program in programs], env={"LD_TRACE_LOADED_OBJECTS": "1"}, is_told=False):
        for name, path in re.findall(r"(\S+) => (not found|\S+)", text):
            if path == "not found":
                missing.add(name)
            elif not path.startswith(str(drill.root)):
                foreign.add(path)
    say(f"libraries of the system's: {', '.join(sorted(foreign))}")
    if missing:
        raise Failed(f"missing are {', '.join(sorted(missing))}")
    text, = drill.run([drill.apus, "info"])
    device = re.search(rf"^device {drill.device} +(.*)$", text, re.M)
    if not device or "not available" in device[1]:
        raise Failed(f"{drill.device}: {device[1] if device else 'Apus knows no such device'}")
    return device[1]


def seed(drill):
    """The seed's program on the device, and on the processor"""
    notes = []
    for device in (drill.device, "cpu"):
        began = time.monotonic()
        text, = drill.run([drill.root / "bin" / "Seed"], env={"APUS_DEVICE": device})
        found = re.findall(r"^5 ([0-9.]+)$", text, re.M)
        if not found:
            raise Failed(f"no accuracy after 5 epochs on {device}")
        notes.append((device, float(found[-1]), time.monotonic() - began))
    note = "; ".join(f"accuracy {accuracy:.4f} on {device} in {seconds:.1f} s" for device, accuracy, seconds in notes)
    # The required accuracy depends on the number of images in the archive. The rate is high, and the initial weights are random.
    if notes[0][1] < drill.manifest["floor"]:
        raise Failed(f"{note}; at least {drill.manifest['floor']} is asked")
    return f"{note}; {drill.manifest['pictures']} of 60000 pictures to learn from"


def layers(drill):
    """Recorded layers, and what they refuse, against PyTorch's answers"""
    commands, resources = [], drill.root / "bin" / "apus_ConformanceTests.resources"
    for kind in ("cases", "errors"):
        classes = sorted(path.name for path in (resources / kind).iterdir() if path.is_dir())
        parts = drill.together if kind == "cases" else max(1, drill.together // 4)
        for i in range(parts):
            part = drill.folder / f"{kind}-{i}"
            part.mkdir()
            for name in classes[i::parts]:
                (part / name).symlink_to(resources / kind / name)
            commands.append((f"{kind} {i}", [drill.conformance, "--device", drill.device, part]))
    texts = drill.run(*commands, together=drill.together, may_fail=True)
    counts = [re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M) for text in texts]
    passed, failed = (sum(int(c[-1][i]) for c in counts if c) for i in (0, 1))
    note = f"{passed} passed, {failed} failed of {drill.manifest['cases']}"
    complaints = [line for text in texts for line in text.splitlines() if not re.match(r"\d+ passed", line)]
    for line in complaints[:40]:
        drill.result.say(line)
    if failed or passed != drill.manifest["cases"]:
        raise Failed(note)
    dropped = " ".join(drill.manifest.get("left out", []))
    others = [f"RecordedAnswers/{name}" for name, kind in (("takeEveryForm", "forms"), ("takeHalfTypes", "half")) if kind not in dropped]
    return note + ("; other forms and half types: " + drill.suites(others) if others else "; other forms and half types are not in the archive")


# Suites that take long run in parallel; the others follow in one process.
SUITES = [f"PointwiseBackendTests/{name}" for name in ("unary", "binary", "copy")] + [
    f"{name}BackendTests" for name in ("Indexing", "SpecialFunction", "Reduction", "Product", "Fused", "Kink", "Edge")]
DEVICE_TESTS = "BackendTests|aloneOnADevice|DeviceTests|DeviceFailureTests|millionOps|batchesComeToADevice|aWrongLabelThrows|wideGates"
RANDOM = "RandomBackendTests|trainsAsTheProcessorDoes"


def kernels(drill):
    """Every kernel, dtype and layout against the reference; order, waits, launches, errors of devices"""
    return drill.suites(SUITES + [("ApusNNTests.*BackendTests", "|".join(SUITES)), (DEVICE_TESTS, "|".join([*SUITES, "ApusNNTests.*BackendTests", RANDOM]))])


def resume(drill):
    """Killed ten times at random moments and resumed, a run ends with the same bytes"""
    return drill.suites(["killedAtRandomMoments"])


def random(drill):
    """The same seed gives the processor's random numbers, network and training"""
    return drill.suites([RANDOM])


def plain(drill):
    """For programs that are not ours: PyTorch finds its libraries by itself."""
    return {"LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""), "APUS_BENCH_DEVICE": drill.device, "PYTHONUNBUFFERED": "1"}


def speed(drill):
    """Training steps beside PyTorch on the same GPU, in turn"""
    launcher = places.launcher(drill.root, drill.env)
    env = {**plain(drill), "APUS_BENCH_S": os.environ.get("APUS_BENCH_S", "0.25"), "ROUNDS": os.environ.get("ROUNDS", "1" if drill.is_quick else "3")}
    text, = drill.run([drill.place.torch or sys.executable, drill.root / "drill" / "compare_workloads.py", launcher], env=env)
    rows = re.findall(r"^\| \S+, (?:float32|tf32|bfloat16) \|.*$", text, re.M)
    if len(rows) != 12:
        raise Failed(f"{len(rows)} of 12 rows")
    if not drill.place.torch:
        return "Apus alone: there is no PyTorch here"
    return f"{sum('**' in row for row in rows)} of 12 ratios are what is asked"


def times(drill):
    """The kernels' times by name, Apus's and PyTorch's"""
    for precision in ("float32", "bfloat16"):
        drill.run([drill.apus, "bench", "--device", drill.device, "--precision", precision, "--kernels"])
    if not drill.place.torch:
        return "Apus's alone: there is no PyTorch here"
    for precision in ("float32", "bfloat16"):
        drill.run([drill.place.torch, drill.root / "drill" / "pytorch_workloads.py", "--kernels"],
                  env={**plain(drill), "APUS_BENCH_PRECISION": precision}, may_fail=True)
    return "of both sides, in the report"


def sanitizer(drill):
    """A small training run under compute-sanitizer"""
    tool = places.Place.tool("compute-sanitizer", "/usr/local/cuda*/bin/compute-sanitizer", "/usr/local/cuda*/compute-sanitizer/compute-sanitizer", "/opt/nvidia/*/compute-sanitizer")
    if not tool:
        raise Skipped("there is no compute-sanitizer on PATH, under /usr/local/cuda* or /opt/nvidia")
    notes = []
    for kind in ("memcheck", "racecheck"):
        text, = drill.run([tool, "--tool", kind, "--error-exitcode", "9", drill.apus, "profile", "--model", "cnn", "--device", drill.device, "--batch-size", "8", "--steps", "1",
                           "--trace", drill.folder / "trace.json"], may_fail=True)
        if "Device not supported" in text:
            raise Skipped("compute-sanitizer does not support this device")
        found = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: .*", text)
        notes.append(f"{kind}: {found[-1] if found else 'no summary; the last it said is: ' + (text.strip().splitlines() or ['nothing'])[-1]}")
        if not found or "a step" not in text or not re.search(r"SUMMARY: 0 (errors|hazards)", found[-1]):
            raise Failed("; ".join(notes))
    return "; ".join(notes)


def memory(drill):
    """More memory than there is: the error says what was asked, and the program goes on"""
    return drill.suites(["allOfTheMemory|tooMuchMemoryIsAnError|memoryIsCountedAndKept"], env={"APUS_TEST_WHOLE_MEMORY": "1"})


def hang(drill):
    """Does not end, and does not want to be ended; for scripts/check/drill"""
    stubborn = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (signal.SIGTERM, signal.SIGHUP)]; "
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {stubborn + 'time.sleep(1000)'!r}], start_new_session=True); print('hanging', flush=True); "
    drill.run([sys.executable, "-c", stubborn + child + "time.sleep(1000)"])


# The sections with their limits in seconds, the most informative first. In total they take at most 7 minutes, those of QUICK at most 3,
# including unpacking.
ALL = {info: 15, seed: 40, layers: 50, kernels: 105, resume: 30, random: 15, speed: 80, times: 30, sanitizer: 30, memory: 15}
QUICK = {info: 10, seed: 25, layers: 40, kernels: 55, speed: 45}
assert sum(ALL.values()) <= 420 and sum(QUICK.values()) <= 180
