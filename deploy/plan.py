"""The processes of one installation, and what each is given."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.children import Child
from deploy.processes import PROJECT

SOCKET_FRAME_LIMIT_BYTES = 64 * 1024
COMMANDS = {"router": "run_router", "sweeper": "run_sweeps", "connector": "run_connector"}
# The web ends first, so that nothing new arrives while the others finish what they hold.
WEB_PHASE, WORK_PHASE = 1, 2


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the processes are given: all but the owner of the tables, who only migrates."""
    kept = {name: value for name, value in environment.items() if name != "DATABASE_OWNER_URL"}
    return kept | {"PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "helpdesk.settings"}


def web_processes(
    home: Path, *, listener: int, port: int, count: int, environment: Mapping[str, str]
) -> list[Child]:
    """Return the web processes: all accept on one shared socket, which outlives each of them.

    Where there are several, each listens on a port of its own too (the next ones on loopback).
    """
    children = []
    for index in range(count):
        command = [
            *(sys.executable, "-m", "deploy.daphne", "-v", "0", "--no-server-name"),
            *("--websocket-max-message-size", str(SOCKET_FRAME_LIMIT_BYTES)),
            *("--websocket-max-frame-size", str(SOCKET_FRAME_LIMIT_BYTES)),
            *("--ping-interval", "20", "--ping-timeout", "30"),
            *("--fd", str(listener)),
        ]
        if count > 1:
            command += ["-e", f"tcp:port={port + 1 + index}:interface=127.0.0.1"]
        children.append(
            Child(
                name="web" if count == 1 else f"web-{index + 1}",
                command=[*command, "helpdesk.asgi:application"],
                env=environment,
                log_folder=home / "log",
                phase=WEB_PHASE,
                file_descriptors=[listener],
            )
        )
    return children


def background_processes(home: Path, environment: Mapping[str, str]) -> list[Child]:
    """Return everything that works behind the web."""
    return [
        Child(
            name=name, command=command, env=environment, log_folder=home / "log", phase=WORK_PHASE
        )
        for name, command in _background_commands()
    ]


def _background_commands() -> Iterator[tuple[str, list[str]]]:
    for name, command in COMMANDS.items():
        yield name, [sys.executable, str(PROJECT / "manage.py"), command]
    celery = [sys.executable, "-m", "celery", "--app", "helpdesk", "--quiet"]
    # Threads: a killed pool of processes would leave its members behind.
    worker = ["worker", "--pool", "threads", "--concurrency", os.environ.get("WORKER_THREADS", "2")]
    yield (
        "worker",
        [*celery, *worker, "--loglevel", "WARNING", "--without-gossip", "--without-mingle"],
    )
    yield "beat", [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""]
