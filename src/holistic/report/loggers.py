"""Tells an audit to a tracker of experiments: TensorBoard, Weights & Biases or MLflow."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from holistic.errors import SettingError, listed, nearest
from holistic.report.drawn import drawn_names, figures
from holistic.report.text import as_text
from holistic.results.folder import Folder

__all__ = ["LOGGERS", "Log", "log"]


class Log(Protocol):
    """A tracker's run that is written to."""

    def number(self, name: str, value: float) -> None:
        """Note a number."""
        ...

    def text(self, name: str, markdown: str) -> None:
        """Note a text."""
        ...

    def picture(self, name: str, figure: Any) -> None:
        """Note a matplotlib figure."""
        ...

    def close(self) -> str:
        """End what was begun here, and say where it lies."""
        ...


def log(audit: Folder, to: str, where: str) -> str:
    """Note an audit's summary, the numbers of its highlights, and its figures.

    Parameters
    ----------
    audit
        What is told.
    to
        `tensorboard`, `wandb` or `mlflow`.
    where
        TensorBoard's folder, the project of Weights & Biases, or MLflow's experiment. A run that
        is active in either of these is written to, and left open.

    Returns
    -------
    str
        Where it was written.

    Raises
    ------
    SettingError
        If there is no such tracker, or it isn't installed.
    """
    if to not in LOGGERS:
        raise SettingError(
            f"no logger '{to}'{nearest(str(to), LOGGERS)}; there are {listed(LOGGERS)}"
        )
    if find_spec(to) is None:
        raise SettingError(
            f"the logger '{to}' needs {to}; install it with: "
            f"pip install 'holistic-interpretability[{to}]'"
        )
    run = LOGGERS[to](audit, where)
    try:
        run.text("summary", as_text(audit))
        for name, value in numbers(audit):
            run.number(name, value)
        for name in drawn_names(audit):
            for place, (figure, _) in enumerate(figures(audit.finding(name), audit), 1):
                run.picture(f"{name}/{place}", figure)
    finally:
        written = run.close()
    return written


def numbers(audit: Folder) -> Iterator[tuple[str, float]]:
    """Names and values of the few numbers that a reader wants first: accuracy and highlights."""
    from holistic.report.highlights import highlights

    for part, value in audit.provenance.get("accuracy", {}).items():
        yield f"accuracy/{part}", float(value)
    for highlight in highlights(audit):
        for record in highlight.records:
            words = [str(v) for v in record.values() if isinstance(v, str)]
            row = "/".join(words[:2]) or "all"
            for column, value in record.items():
                number = isinstance(value, (int, float)) and not isinstance(value, bool)
                if number and math.isfinite(value):
                    yield f"{highlight.name}/{row}/{column}", float(value)


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


class _TensorBoard:
    """Events in a folder, written without TensorFlow and without torch."""

    def __init__(self, audit: Folder, where: str) -> None:
        writers: Any = import_module("tensorboard.summary.writer.event_file_writer")
        self.folder = Path(where) if where else audit.path / "tensorboard"
        self.events: Any = import_module("tensorboard.compat.proto.event_pb2")
        self.summaries: Any = import_module("tensorboard.compat.proto.summary_pb2")
        self.writer: Any = writers.EventFileWriter(str(self.folder))

    def _add(self, **value: Any) -> None:
        kind = self.summaries.Summary
        summary = kind(value=[kind.Value(**value)])
        event = self.events.Event(wall_time=time.time(), step=0, summary=summary)
        self.writer.add_event(event)

    def number(self, name: str, value: float) -> None:
        self._add(tag=name, simple_value=value)

    def text(self, name: str, markdown: str) -> None:
        texts: Any = import_module("tensorboard.plugins.text.summary_v2")
        made = texts.text_pb(name, markdown).value[0]
        self._add(**{field.name: content for field, content in made.ListFields()})

    def picture(self, name: str, figure: Any) -> None:
        width, height = (round(size * figure.dpi) for size in figure.get_size_inches())
        png = _png(figure)
        size = {"height": height, "width": width, "colorspace": 4}
        image = self.summaries.Summary.Image(**size, encoded_image_string=png)
        self._add(tag=name, image=image)

    def close(self) -> str:
        self.writer.close()
        return str(self.folder)


class _Wandb:
    """The active run of Weights & Biases, or a new one of a project."""

    def __init__(self, audit: Folder, where: str) -> None:
        self.api: Any = import_module("wandb")
        self.own = self.api.run is None
        self.run: Any = (
            self.api.init(project=where or "holistic", config=dict(audit.provenance))
            if self.own
            else self.api.run
        )

    def number(self, name: str, value: float) -> None:
        self.run.summary[name] = value

    def text(self, name: str, markdown: str) -> None:
        self.run.log({name: self.api.Html(f"<pre>{_escaped(markdown)}</pre>")})

    def picture(self, name: str, figure: Any) -> None:
        self.run.log({name: self.api.Image(figure)})

    def close(self) -> str:
        where = str(self.run.name or self.run.id)
        if self.own:
            self.run.finish()
        return where


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)


class _Mlflow:
    """The active run of MLflow, or a new one of an experiment."""

    def __init__(self, audit: Folder, where: str) -> None:
        self.api: Any = import_module("mlflow")
        self.own = self.api.active_run() is None
        if self.own:
            self.api.set_experiment(where or "holistic")
            self.api.start_run()
        self.run: Any = self.api.active_run()

    def number(self, name: str, value: float) -> None:
        # MLflow takes letters, digits, and a few signs
        plain = "".join(c if c.isalnum() or c in "_-. /" else "_" for c in name)
        self.api.log_metric(plain, value)

    def text(self, name: str, markdown: str) -> None:
        self.api.log_text(markdown, f"{name}.md")

    def picture(self, name: str, figure: Any) -> None:
        self.api.log_figure(figure, f"{name}.png")

    def close(self) -> str:
        where = str(self.run.info.run_id)
        if self.own:
            self.api.end_run()
        return where


LOGGERS: dict[str, Callable[[Folder, str], Log]] = {
    "tensorboard": _TensorBoard,
    "wandb": _Wandb,
    "mlflow": _Mlflow,
}
"""What an audit can be told to."""
