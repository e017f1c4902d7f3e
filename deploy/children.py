"""One supervised process: started, watched, restarted with patience, stopped."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy import processes

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
# Who runs this long is healthy again: the next fall starts from the first delay.
HEALTHY_SECONDS = 30.0
LOG_LIMIT_BYTES = 20 * 1024 * 1024


@dataclass
class Backoff:
    """How long to wait before the next start."""

    delay_seconds: float = 0.0

    def after_run(self, seconds: float) -> float:
        """Return the pause after a run of this length: doubling while it keeps falling early."""
        if seconds >= HEALTHY_SECONDS:
            self.delay_seconds = 0.0
        doubled = self.delay_seconds * 2 or FIRST_DELAY_SECONDS
        self.delay_seconds = min(doubled, LONGEST_DELAY_SECONDS)
        return self.delay_seconds


@dataclass
class Child:
    """A command that should always be running. Phases stop in their order, lowest first."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log_folder: Path
    phase: int = 1
    file_descriptors: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float | None = None
    falls: int = 0
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def log_path(self) -> Path:
        return self.log_folder / f"{self.name}.log"

    def start(self) -> None:
        self.start_again_at = None
        self.started_at = time.monotonic()
        self.log_folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = processes.start(
                self.command,
                env=self.env,
                output=log,
                cwd=processes.PROJECT,
                file_descriptors=self.file_descriptors,
            )

    def watch(self, say: Callable[[str], None]) -> None:
        """Reap the process when it has ended, and start it again when its pause is over."""
        if self.start_again_at is not None:
            if time.monotonic() >= self.start_again_at:
                self.start()
        elif self.process is not None and self.process.poll() is not None:
            self.falls += 1
            pause = self.backoff.after_run(time.monotonic() - self.started_at)
            self.start_again_at = time.monotonic() + pause
            say(
                f"{self.name} ended ({describe_status(self.process.returncode)}); "
                f"starting again in {pause:g} s; see {self.log_path}"
            )

    def last_words(self, lines: int = 15) -> str:
        """Return the end of the log."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def limit_log(self) -> None:
        """Keep one old log and start afresh when the log is large; its writers append."""
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_LIMIT_BYTES:
            self.log_path.with_suffix(".log.1").write_bytes(self.log_path.read_bytes())
            with self.log_path.open("r+b") as log:
                log.truncate()


def describe_status(status: int) -> str:
    """Return an exit status in words."""
    return f"signal {-status}" if status < 0 else f"status {status}"


def stop_together(children: Sequence[Child], grace_seconds: float) -> None:
    """Ask all to end, then wait for each; who outstays the shared grace is killed."""
    running = [child.process for child in children if child.process is not None]
    for process in running:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + grace_seconds
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
