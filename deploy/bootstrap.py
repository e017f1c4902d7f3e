"""Makes the virtual environment with the standard library alone, then runs a module in it.

Usage: python3 deploy/bootstrap.py [--development] MODULE [ARGUMENT ...]
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ENVIRONMENT = PROJECT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
UV = "uv==0.13.9"


def main(arguments: list[str]) -> None:
    """Bring the environment up to date and become the module named by the arguments."""
    if sys.version_info < (3, 11):  # noqa: UP036  (this file is started by whatever `python3` is)
        sys.exit("Everydesk needs Python 3.11 or newer: make PYTHON=python3.12 run")
    wants_development = "--development" in arguments
    rest = [argument for argument in arguments if argument != "--development"]
    bring_up_to_date(development=wants_development)
    if rest:
        os.chdir(PROJECT)
        _keep_bytecode()
        sys.stdout.flush()
        os.execv(PYTHON, [str(PYTHON), "-m", *rest])


def bring_up_to_date(*, development: bool) -> None:
    """Install the pinned packages, unless exactly these are installed already."""
    stamp = ENVIRONMENT / "everydesk.stamp"
    fingerprints = [_fingerprint(is_development) for is_development in (False, True)]
    installed = stamp.read_text() if stamp.exists() and PYTHON.exists() else ""
    if installed == fingerprints[True] or (installed == fingerprints[False] and not development):
        return
    print("Installing packages into .venv (once; a minute without a cache) ...", flush=True)
    if not PYTHON.exists():
        _make_environment()
    _install("requirements-dev.txt" if development else "requirements.txt")
    stamp.write_text(fingerprints[development])


def _keep_bytecode() -> None:
    """Let what is compiled be kept in the environment, also where Python is told to keep none beside files.

    A dozen processes read the same modules; compiling them is most of what each takes to start.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(ENVIRONMENT / "bytecode"))


def _fingerprint(is_development: bool) -> str:
    names = ["requirements.txt", *(["requirements-dev.txt"] if is_development else [])]
    text = b"".join((PROJECT / name).read_bytes() for name in names)
    return hashlib.sha256(sys.version.encode() + text).hexdigest()


def _make_environment() -> None:
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    venv.create(ENVIRONMENT, with_pip=False, symlinks=True)


def _install(requirements: str) -> None:
    """Install with uv, which takes seconds; with plain pip where uv cannot be had."""
    uv = shutil.which("uv") or _own_uv()
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), "-r", requirements]
        if subprocess.run(command, check=False, cwd=PROJECT).returncode == 0:
            return
        print("uv could not install the packages; trying plain pip.", flush=True)
    if not _pip("install", "--quiet", "-r", requirements):
        sys.exit("The packages could not be installed; the lines above say why.")


def _own_uv() -> str | None:
    if os.environ.get("EVERYDESK_NO_UV") or not _pip("install", "--quiet", UV):
        return None
    return str(ENVIRONMENT / "bin" / "uv")


def _pip(*arguments: str) -> bool:
    """Run pip for the environment; installing one there takes seconds, so others come first."""
    own = ENVIRONMENT / "bin" / "pip"
    if not own.exists() and _works(
        sys.executable, "-m", "pip", "--python", str(PYTHON), "--version"
    ):
        command = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    else:
        if (
            not own.exists()
            and subprocess.run([PYTHON, "-m", "ensurepip", "--default-pip"], check=False).returncode
        ):
            sys.exit("This Python has no pip. On Debian and Ubuntu: apt-get install python3-venv")
        command = [str(PYTHON), "-m", "pip"]
    options = ["--disable-pip-version-check", "--no-input", "--quiet"]
    return (
        subprocess.run([*command, *options, *arguments], check=False, cwd=PROJECT).returncode == 0
    )


def _works(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    main(sys.argv[1:])
