"""Routes of the live page."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import holistic
from holistic.arguments import described
from holistic.errors import HolisticError, ModelError, SettingError, SiteError, shortened
from holistic.graph.edits import edit_names
from holistic.lenses._contract import lens_class, lens_names, question_of
from holistic.progress import Progress
from holistic.report.saved import Audit, load
from holistic.workbench.experiments import (
    experiments,
    forget_experiment,
    save_experiment,
)
from holistic.workbench.guard import SECONDS, Guard
from holistic.workbench.images import looked_at
from holistic.workbench.inputs import as_image, example_of, known
from holistic.workbench.jobs import Jobs, run_lens
from holistic.workbench.patching import first_pair, patched
from holistic.workbench.questions import read, written
from holistic.workbench.steering import checked_doses, steered
from holistic.workbench.tables import page_of
from holistic.workbench.workers import Ending, Workers

if TYPE_CHECKING:
    from holistic.workbench.live import Live

__all__ = ["Answers", "application"]

_TERMINAL = "the server's terminal says more"
_ENDS = "the server ends"
_OF_THE_MODEL = ("remove", "keep", "look", "pair", "patch", "steer")


class Answers:
    """What the server says to each question, from an audit and, where it is there, its model.

    Parameters
    ----------
    folder
        Folder of the audit.
    live
        The model, or why there is none.
    """

    def __init__(self, folder: Path, live: Live | str) -> None:
        self.folder, self.live = folder, live
        self.running, self.workers = Jobs(self._run), Workers()
        self._page: tuple[object, tuple[str, str]] | None = None
        self._rendering = threading.Lock()

    def page(self) -> tuple[str, str]:
        """The page and its policy, rendered anew once the audit is another."""
        from holistic.report.page import rendered

        with self._rendering:
            audit = self.audit
            now = (self.folder / "audit.json").stat()
            stamp = (now.st_mtime_ns, now.st_size, now.st_ino)
            if self._page is None or self._page[0] != stamp:
                self._page = (stamp, rendered(audit, live=True))
            return self._page[1]

    @property
    def audit(self) -> Audit:
        """The audit as it is now."""
        return load(self.folder)

    def state(self, asked: Any) -> dict[str, Any]:
        """What can be asked of this server."""
        if isinstance(self.live, str):
            return {"live": False, "reason": self.live, "experiments": self._kept()}
        subject = self.live.subject
        return {
            "live": True,
            **self.live.form,
            "sites": [site.called for site in subject.hidden_sites],
            "edits": list(edit_names()),
            "examples": len(subject.images),
            "experiments": self._kept(),
        }

    def _kept(self) -> list[dict[str, Any]]:
        """What the page tells of each kept set."""
        shown = ("id", "name", "asked", "created", "overall")
        names = self.audit.readers.sites.of
        kept = [{key: one[key] for key in shown} for one in experiments(self.folder)]
        for one in kept:
            units = [[names.get(site, site), unit] for site, unit in one["asked"]["units"]]
            one["asked"] = {**one["asked"], "units": units}
        return kept

    def rows(self, asked: Any) -> dict[str, Any]:
        """Rows of a finding."""
        return page_of(self.audit, asked)

    def remove(self, asked: Any) -> Callable[[], dict[str, Any]]:
        """Note that a removal is asked, which ends the page's older ones, and return its work.

        The work says what every class loses without some units.
        """
        from holistic.workbench.live import Removal, Superseded

        live = self._model()
        session, number = asked.get("session"), asked.get("number")
        if not isinstance(session, str) or len(session) > 64 or type(number) is not int:
            raise SettingError("a removal needs 'session', a text, and 'number', a whole number")
        check = self._going_on(live.ask(session, number))

        def work() -> dict[str, Any]:
            try:
                return live.answered(Removal.read(asked, live.subject), check)
            except Superseded:
                return {"superseded": True}

        return work

    def pictures(self, asked: Any) -> dict[str, Any]:
        """Pictures of some examples, side by side on one sheet."""
        ids = asked.get("examples")
        if not isinstance(ids, list) or not all(type(i) is int for i in ids):
            raise SettingError("'examples' are whole numbers")
        return self._model().pictures(ids)

    def example(self, asked: Any) -> dict[str, Any]:
        """Return what an example holds, for a form that starts from it."""
        return example_of(self._model().subject, asked.get("example"))

    def look(self, asked: Any) -> dict[str, Any]:
        """What the model makes of one image."""
        with self._asked() as live:
            image = as_image(live.subject, asked.get("image"))
            near = live.subject.site(_text(asked, "near")).name
            methods = _text(asked, "methods") if "methods" in asked else "usual"
            return {
                **looked_at(live.subject, image, near, methods),
                **known(live.subject, asked.get("image")),
            }

    def pair(self, asked: Any) -> dict[str, Any]:
        """Find two examples where a patch at a site moves the prediction far."""
        with self._asked() as live:
            return first_pair(live.subject, live.subject.site(_text(asked, "site")).name)

    def patch(self, asked: Any) -> dict[str, Any]:
        """What it says of one image with a site's value from another."""
        with self._asked() as live:
            source, target = (as_image(live.subject, asked.get(n)) for n in ("source", "target"))
            site = live.subject.site(_text(asked, "site"))
            units = asked.get("units")
            if units is not None:
                if not isinstance(units, list) or not all(type(u) is int for u in units):
                    raise SettingError("'units' are whole numbers")
                if not units:
                    raise SettingError("'units' names one unit or more; left out, it means all")
                units = site.checked_units(units)
            return patched(live.subject, source, target, site=site.name, units=units)

    def steer(self, asked: Any) -> dict[str, Any]:
        """What it says of one image while a site is moved along a class's mean difference."""
        with self._asked() as live:
            image = as_image(live.subject, asked.get("image"))
            site, label = live.subject.site(_text(asked, "site")).name, asked.get("class")
            if type(label) is not int or not 0 <= label < len(live.subject.classes):
                raise SettingError(
                    f"'class' is the index of a class, 0 to {len(live.subject.classes) - 1}, "
                    f"got {described(label)}"
                )
            doses = checked_doses(asked.get("doses"))
            return steered(live.subject, image, site=site, label=label, doses=doses)

    def jobs(self, asked: Any) -> dict[str, Any]:
        """Lenses that ran or run, those that this audit lacks, what they ask and need."""
        audit = self.audit
        missing = [name for name in lens_names() if name not in audit.lenses]
        needs = {
            name: [need for need in lens_class(name).needs if need not in audit.lenses]
            for name in missing
        }
        made = audit.provenance.get("versions", {}).get("holistic", "")
        other = made if made != holistic.__version__ else ""
        questions = {name: audit.seen.in_text(question_of(name)) for name in missing}
        return {"jobs": self.running.listed(), "missing": missing, "needs": needs,
                "questions": questions, "other": other}  # fmt: skip

    def start(self, asked: Any) -> dict[str, Any]:
        """Start a lens."""
        self._model()
        load(self.folder)  # a folder that is gone isn't made anew
        return self.running.start(_text(asked, "lens"))

    def cancel(self, asked: Any) -> dict[str, Any]:
        """Stop a lens at its next step."""
        return self.running.cancel(_text(asked, "job"))

    def _run(self, lens: str, progress: Progress) -> object:
        live = self._model()
        work = run_lens(live.subject, self.folder)
        if not live.subject.engine.note:
            return work(lens, progress)
        with live.busy:  # a model that runs with hooks can't answer beside it
            return work(lens, progress)

    def keep(self, asked: Any) -> dict[str, Any]:
        """Keep a set of units under a name, with what it costs on all evaluation examples."""
        from holistic.workbench.live import Removal, within

        live = self._model()
        removal = Removal.read({**asked, "examples": "all"}, live.subject)
        if not removal.units:
            raise SettingError("an experiment removes one unit or more")
        stored = {"units": [[n, u] for n, some in removal.units.items() for u in some],
                "edit": removal.edit}  # fmt: skip
        found = live.remove_thoroughly(removal, self._going_on(within(SECONDS)))
        ident = save_experiment(self.folder, asked.get("name"), stored, found)
        return next(one for one in self._kept() if one["id"] == ident)

    def forget(self, asked: Any) -> dict[str, Any]:
        """Delete a set that was kept."""
        forget_experiment(self.folder, asked.get("id"))
        return {}

    @contextmanager
    def _asked(self) -> Generator[Live]:
        """The model, for one question alone; what it raises on an image is told."""
        live = self._model()
        with live.busy:
            try:
                yield live
            except (
                RuntimeError,
                LookupError,
                ValueError,
                ArithmeticError,
                AssertionError,
            ) as error:
                raise ModelError(
                    f"the model can't be run on this image: {type(error).__name__}; take another"
                ) from error

    def begun(self, question: str, asked: Any) -> Callable[[], dict[str, Any]]:
        """Return the work that answers a question, which may wait for its turn."""
        return (
            self.remove(asked) if question == "remove" else partial(getattr(self, question), asked)
        )

    def _going_on(self, check: Callable[[], None]) -> Callable[[], None]:
        """Return what ends work that nobody waits for any more, be it that the server ends."""

        def both() -> None:
            self.workers.check()
            check()

        return both

    def end(self) -> None:
        """Have all questions and lenses end at their next step."""
        self.workers.end()
        self.running.stop()

    def _model(self) -> Live:
        if isinstance(self.live, str):
            raise SettingError(self.live)
        return self.live


def application(answers: Answers, host: str, token: str, *, seconds: float = SECONDS) -> Guard:
    """Make the ASGI application: the page, and answers as JSON to those who hold the token."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    def error_response(error: str, status: int = 400) -> Response:
        return JSONResponse({"error": shortened(error)}, status)

    async def page(request: Request) -> Response:
        try:
            text, policy = await answers.workers.answer(answers.page)
        except Ending:
            return PlainTextResponse(_ENDS, 503)
        except HolisticError as error:  # an audit that was edited or removed
            print(error, file=sys.stderr)
            return PlainTextResponse(f"this audit can't be shown; {_TERMINAL}", 500)
        return HTMLResponse(text, headers={"content-security-policy": policy})

    def answering(name: str) -> Any:
        model = name in _OF_THE_MODEL

        async def respond(request: Request) -> Response:
            try:
                work = answers.begun(name, read(await request.body()))
                text = await answers.workers.answer(lambda: written(work()), model=model)
                return Response(text, media_type="application/json")
            except Ending:
                return error_response(_ENDS, 503)
            except (SettingError, SiteError, ModelError) as error:
                return error_response(str(error))
            except (HolisticError, OSError) as error:  # names files
                print(error, file=sys.stderr)
                return error_response(f"no answer; {_TERMINAL}")

        return respond

    async def failed(request: Request, error: Exception) -> Response:
        return error_response(f"the server failed; {_TERMINAL}", 500)

    names = (
        "state",
        "rows",
        "pictures",
        "example",
        "forget",
        "jobs",
        "start",
        "cancel",
        *_OF_THE_MODEL,
    )
    routes = [Route("/", page, methods=["GET"])]
    routes += [Route(f"/api/{name}", answering(name), methods=["POST"]) for name in names]
    app = Starlette(routes=routes, exception_handlers={Exception: failed})
    return Guard(app, host, token, seconds=seconds)


def _text(asked: Any, name: str) -> str:
    if not isinstance(asked.get(name), str):
        raise SettingError(f"'{name}' is a text")
    return asked[name]
