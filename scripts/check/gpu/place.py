"""Finds what this machine has: a Python with PyTorch, NVIDIA's libraries and tools."""
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ASK = """
import importlib.util, json, sysconfig
def folders(name):
    spec = importlib.util.find_spec(name)
    return list(spec.submodule_search_locations or []) if spec else []
paths = sysconfig.get_paths()
print(json.dumps({"torch": bool(folders("torch")), "nvidia": folders("nvidia") or [paths[p] + "/nvidia" for p in ("purelib", "platlib")]}))
"""


def pythons():
    """The Python named by PYTHON; otherwise every python3 on PATH, under /opt and under /usr, in this order."""
    if os.environ.get("PYTHON"):
        return [os.environ["PYTHON"]]
    on_path = [f"{folder}/python3" for folder in os.get_exec_path()]
    patterns = ["/opt/*/bin/python3", "/opt/*/.venv/bin/python3", "/opt/*/*/bin/python3", "/usr/local/bin/python3*", "/usr/bin/python3*", "/usr/local/*/bin/python3"]
    found = on_path + [path for pattern in patterns for path in sorted(glob.glob(pattern))] + [sys.executable]
    seen = []
    for path in found:
        # Links are not resolved: the python3 of a virtual environment is a link, but has its own packages.
        if re.fullmatch(r".*/python3(\.\d+)?", path or "") and os.access(path, os.X_OK) and path not in seen:
            seen.append(path)
    return seen


class Place:
    """The programs and libraries that the drill needs; `log` says what was asked and found."""

    def __init__(self):
        self.log, self.torch, self.nvidia = [], None, os.environ.get("APUS_CUDA")
        answers = []
        for path in pythons():
            try:
                result = subprocess.run([path, "-c", ASK], capture_output=True, text=True, timeout=10)
                answers.append((path, json.loads(result.stdout)))
            except (OSError, ValueError, subprocess.TimeoutExpired):
                self.log.append(f"{path} gives no answer")
        with_torch = [path for path, answer in answers if answer["torch"]]
        self.torch = with_torch[0] if with_torch else None
        self.log.append(f"PyTorch: {self.torch or 'none of ' + ', '.join(path for path, _ in answers) + ' has it'}")
        for _, answer in sorted(answers, key=lambda a: not a[1]["torch"]):
            for folder in answer["nvidia"]:
                if not self.nvidia and glob.glob(f"{folder}/*/lib/libnvrtc.so.*"):
                    self.nvidia = folder
        self.log.append(f"NVIDIA's libraries: {self.nvidia or 'none in the site-packages of these; the system is asked for them'}")

    @property
    def libraries(self):
        """Folders of NVIDIA's libraries, which load one another, and of its driver in places that the loader may not know."""
        folders = sorted(glob.glob(f"{self.nvidia}/*/lib")) if self.nvidia else []
        drivers = ["/usr/local/nvidia/lib64", "/usr/lib/wsl/lib"]
        return folders + [folder for folder in drivers if os.path.exists(f"{folder}/libcuda.so.1")]

    @staticmethod
    def tool(name, *patterns):
        """The path of a program on PATH, or matching one of the patterns."""
        found = shutil.which(name)
        return found or next((path for pattern in patterns for path in sorted(glob.glob(pattern), reverse=True) if os.access(path, os.X_OK)), None)

    @staticmethod
    def cores():
        return len(os.sched_getaffinity(0))


def environment(root, place, device, cache):
    """The environment of Apus's programs."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    env["LD_LIBRARY_PATH"] = ":".join([str(root / "lib"), *place.libraries, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    if place.nvidia:
        env["APUS_CUDA"] = place.nvidia
    env.update(APUS_DATA=str(root / "data"), APUS_CACHE=str(cache), APUS_TEST_CHECKOUT=str(root / "checkout"), APUS_TEST_DEVICES=device)
    return env


def launcher(root, env):
    """Writes a script that runs `apus` with the libraries it needs, for programs whose own environment must not contain them."""
    path = pathlib.Path(root) / "apus"
    path.write_text(f'#!/bin/sh\nexport LD_LIBRARY_PATH="{env["LD_LIBRARY_PATH"]}"\nexec "{root}/bin/apus" "$@"\n')
    path.chmod(0o755)
    return path
