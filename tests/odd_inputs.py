"""Command lines that users type by mistake or with odd files, and what each of them does.

`python tests/odd_inputs.py` runs them all, each in a process of its own, with a time limit;
`python tests/odd_inputs.py 20` every twentieth, `… 1 --seed` those with these words.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 60.0
"""What no mistake may take to be told."""

CODE = Path(__file__).with_name("odd_code.py")
"""Models and data of a user's own, by name."""

MODULES = {
    "broken.py": "def data(:\n",
    "raising.py": "raise RuntimeError('two\\nlines')\n",
    "exiting.py": "import sys\nsys.exit(0)\n",
    "needing.py": "import no_such_package_of_mine\n",
    "printing.py": "print('{ not JSON')\nfrom own import *\n",
    "binary.py": b"\x00\xff\xfe\x00",
    "looping.py": "from looping import data\n",
}
CONFIGS = {
    "broken.toml": b"x = [",
    "binary.toml": b"\x00\xff\xfe\x80",
    "latin.toml": "name = 'é'".encode("latin-1"),
    "empty.toml": b"",
    "list.toml": b"[[ablation]]\ndepth = 3\n",
    "number.toml": b"ablation = 3\n",
    "fraction.toml": b"seed = 3.7\n",
    "truth.toml": b"seed = true\n",
    "text.toml": b"seed = 'three'\n",
    "date.toml": b"seed = 1979-05-27\n",
    "inf.toml": b"[ablation]\nbudget = inf\n",
    "nan.toml": b"[ablation]\ntruncation = nan\n",
    "huge.toml": b"[ablation]\ndepth = 9999999999999999999999999\n",
    "nested.toml": b"[ablation.depth]\na = 1\n",
    "array.toml": b"[ablation]\ndepth = [1, 2]\n",
    "unknown.toml": b"[ablation]\ndeepness = 3\n",
    "twice.toml": b"seed = 1\nseed = 2\n",
    "itself.toml": b"config = 'itself.toml'\n",
    "none.toml": b"lens = []\n",
    "letters.toml": b'data = "\\u0000\\u001b[2J"\n',
}
OWN_MODEL = ("--model", "own:model")
FINE = ("sites", "own:data", *OWN_MODEL)
RUN = ("run", "own:data", *OWN_MODEL, "--anyway")


@dataclass(frozen=True)
class Case:
    """A command line.

    Attributes
    ----------
    words
        After the program's name.
    code
        Exit code that it must have.
    terminal
        `utf-8`, `ascii`, `latin-1`, or `closed`: what stdout is.
    variables
        Of the environment.
    """

    words: tuple[str, ...]
    code: int = 2
    terminal: str = "utf-8"
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        words = " ".join(word if len(word) < 40 else f"{word[:40]}…" for word in self.words)
        return ascii(words) + (f" ({self.terminal})" if self.terminal != "utf-8" else "")


def _of_code() -> list[Case]:
    """What a user's own code does."""
    fine = {"fine", "prints", "prints_below"}
    acts = (
        "fine raises exits exits_loudly silent asserts stops memory torch_memory numpy_memory deep "
        "prints prints_below breaks_pipes system"
    ).split()
    cases = [
        Case(words, 0 if act in fine else 2)
        for act in acts
        for words in (
            ("sites", f"own:data_{act}", *OWN_MODEL, "--json"),
            ("sites", "own:data", "--model", f"own:model_{act}", "--json"),
            ("sites", "own:data", "--model", f"own:forward_{act}", "--json"),
        )
    ]
    modules = "broken raising exiting needing binary looping nowhere ../own . own.py".split()
    cases += [Case(("sites", f"{name}:data", *OWN_MODEL)) for name in modules]
    cases += [Case(("sites", "own:data", "--model", f"{name}:model")) for name in modules]
    cases += [Case(("sites", "printing:data", "--model", "printing:model", "--json"), 0)]
    names = "needy lazy meta packed twice IMAGES nothing data made_class made_none".split()
    cases += [Case(("sites", "own:data", "--model", f"own:{name}")) for name in names]
    names = "text nothing number empty".split()
    cases += [Case(("sites", "own:data", "--model", f"own:returns_{name}")) for name in names]
    names = "flat deep one nan random fewer other array".split()
    cases += [Case(("sites", "own:data", "--model", f"own:shaped_{name}")) for name in names]
    return cases


def _of_data() -> list[Case]:
    """What a user's own data is."""
    fine = {"whole", "bytes", "lone", "dict", "objects", "loader", "named", "splits"}
    names = (
        "none text number empty three single dict generator few fractions floats onehot column "
        "texts missing negative huge late nan inf complex objects ragged flat scalar nothing "
        "lone sparse meta eight whole bytes class loader draws endless turned batches unlabelled "
        "columns names named splits nested"
    ).split()
    cases = [
        Case(("sites", f"own:given_{name}", *OWN_MODEL), 0 if name in fine else 2) for name in names
    ]
    folders = (
        "nowhere empty one pipes /dev/null /dev/zero /proc/self/mem . file.txt "
        "few odd sizes links locked"
    ).split()
    cases += [Case(("sites", f"folder:{name}", *OWN_MODEL)) for name in folders]
    cases += [
        Case(("sites", name)) for name in ("", ":", "::", "folder:", ":data", "own:", "DIGITS")
    ]
    cases += [
        Case(("sites", name)) for name in ("\udcff", "a\nb", "\x1b[2J", "é" * 5000, "folder:\0")
    ]
    cases += [Case(("sites", name, *OWN_MODEL)) for name in ("foldr:few", "fodler:few", "owm:data")]
    cases += [Case(("sites", "own:daat", *OWN_MODEL)), Case(("sites", "own:data", "--resize", "4"))]
    cases += [
        Case(("sites", "folder:sizes", *OWN_MODEL, "--resize", size))
        for size in (
            "",
            "0",
            "4x",
            "x4",
            "-3",
            "4x5x6",
            "big",
            "99999",
            "3.5",
            "0x4",
            "\u0663\u0662",
        )
    ]
    cases += [
        Case((*FINE, f"--normalise={numbers}"))
        for numbers in ("", "0.5", "0.5,0", "0.5,-1", "a,b", "nan,1", "0,inf", "1,2,3", "0,0,1,1")
    ]
    cases += [
        Case((*FINE, "--classes", names))
        for names in ("", ",", "cat,dog", "cat,dog,cat", "cat,,dog", "all,cat,dog", "\udcff,a,b")
    ]
    dirs = ("nowhere", "empty", "file.txt", "pipes", "/dev/null", "\udcff", "")
    cases += [Case(("sites", "mnist", "--data-dir", name)) for name in dirs[:-1]]
    return cases


def _of_options() -> list[Case]:
    """What flags say."""
    odd = ("-1", "3.7", "1e3", "inf", "nan", "x", "", "True", str(10**25), "9" * 5000, "0b2", "1 2")
    cases = [Case((*FINE, "--seed", value)) for value in odd]
    cases += [Case((*RUN, "--limit", value)) for value in (*odd, "0", "5")]
    cases += [
        Case((*RUN, "--score", value)) for value in ("", "Margin", "log-prob", "\udcff", "a\nb")
    ]
    cases += [
        Case((*RUN, "--device", value)) for value in ("", "gpu", "cuda:99", "meta", "CPU", "0")
    ]
    cases += [
        Case((*FINE, "--unit-axis", value))
        for value in ("", "=", "body.2", "body.2=", "body.2=x", "body.2=9", "=1", "nowhere=0",
                      "body.2=1.0", f"body.2={10**25}", "\udcff=0")
    ]  # fmt: skip
    cases += [
        Case((*RUN, "--lens", value)) for value in ("", "nope", "Ablation", "\udcff", "_cases")
    ]
    cases += [
        Case((*RUN, f"--{name}", value))
        for name in ("ablation.depth", "mechanism.threshold", "attribution.steps", "tracing.guard",
                     "activation.controls", "agreement.shuffles", "ablation.budget")
        for value in ("-1", "inf", "nan", str(10**25), "x", "True")
    ]  # fmt: skip
    outs = ("file.txt", "/proc/nothing", "/dev/null/a", "a\0b", "x" * 5000, "pipes/cat/0.png/a")
    cases += [Case((*RUN, "--out", value)) for value in outs]
    places = ("nowhere", "empty", "pipe", "/dev/zero", "file.txt", "void.pt", "\udcff", "", "a\0b",
              "other.safetensors", "objects.pt", "cut.pt", "list.pt", "deep.pt")  # fmt: skip
    cases += [Case((*FINE, "--weights", value)) for value in places]
    cases += [
        Case((*RUN, "--config", value)) for value in ("nowhere", "empty", "pipe", "/dev/zero")
    ]
    fine = {"empty.toml", "none.toml", "itself.toml"}
    cases += [Case((*RUN, "--config", name)) for name in CONFIGS if name not in fine]
    return cases


def _of_commands() -> list[Case]:
    """What comes without a model, and where it is printed to."""
    cases = [Case(words) for words in ((), ("",), ("nope",), ("--nope",), ("run", "a", "b", "c"))]
    cases[0] = Case((), 0)
    cases += [Case(("report", name)) for name in ("nowhere", "empty", "file.txt", "pipe", "\udcff")]
    cases += [Case(("serve", name)) for name in ("nowhere", "empty", "file.txt", "a\0b")]
    cases += [Case(("serve", "empty", "--port", port)) for port in ("-1", "99999", "x")]
    cases += [
        Case(("train", "digits", "--out", name)) for name in ("empty", "file.txt/a", "/dev/null/a")
    ]
    quick = ("--lens", "attribution", "--attribution.examples", "4", "--attribution.steps", "2")
    for number, terminal in enumerate(("utf-8", "ascii", "latin-1", "closed")):
        names = f"own:données_{number}", "--model", "own:forward_prints_below", "--anyway"
        cases += [Case(("run", *names, *quick, "--json"), 0, terminal)]
        cases += [Case(("run", *names, *quick, "--out", f"\udcff\n{number}"), 2, terminal)]
    for terminal in ("ascii", "latin-1", "closed"):
        cases += [
            Case((*FINE,), 0, terminal),
            Case((*FINE, "--json"), 0, terminal),
            Case(("run", "--help"), 0, terminal),
            Case(("sites", "é…\udcff"), 2, terminal),
            Case(("sites", "folder:naïve", "--model", "own:model", "--json"), 2, terminal),
        ]
    return cases


def cases() -> list[Case]:
    """Every command line."""
    return [*_of_code(), *_of_data(), *_of_options(), *_of_commands()]


def furnish(folder: Path) -> None:
    """Put into a folder the files that the command lines name."""
    import torch

    (folder / "own.py").write_bytes(CODE.read_bytes())
    for name, text in {**MODULES, **CONFIGS}.items():
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    (folder / "file.txt").write_text("mine")
    (folder / "void.pt").write_bytes(b"")
    (folder / "cut.pt").write_bytes(b"PK\x03\x04 and then nothing")
    (folder / "other.safetensors").write_bytes(b"\xff" * 64)
    torch.save([1, 2], folder / "list.pt")
    torch.save({"a": {"b": {"c": torch.zeros(2)}}}, folder / "deep.pt")
    torch.save({"a": Path("x")}, folder / "objects.pt")
    for name in ("empty", "one/cat", "links", "locked/cat", "locked/dog"):
        (folder / name).mkdir(parents=True)
    (folder / "links" / "cat").symlink_to(folder / "links", target_is_directory=True)
    (folder / "links" / "dog").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    _pictures(folder)


def _pictures(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    grey = Image.fromarray(np.zeros((5, 6), np.uint8))
    for name, count in (("few", 2), ("sizes", 5), ("naïve", 5), ("pipes", 0), ("odd", 5)):
        for kind in ("cat", "dog"):
            (folder / name / kind).mkdir(parents=True)
            for i in range(count):
                grey.save(folder / name / kind / f"{i}.png")
    for kind in ("cat", "dog"):
        for i in range(5):
            os.mkfifo(folder / "pipes" / kind / f"{i}.png")
    grey.resize((7, 7)).save(folder / "sizes" / "dog" / "9.png")
    (folder / "odd" / "dog" / "9.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 99)


def faults(case: Case, folder: Path, seconds: float = SECONDS) -> list[str]:
    """Run a command line in a process of its own and say what is wrong with its answer."""
    out, err = folder / ".out", folder / ".err"
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(case, folder, out, err)
    code = _waited(child, seconds)
    took = time.monotonic() - start
    told = err.read_text(encoding="utf-8", errors="replace")
    printed = out.read_text(encoding="utf-8", errors="replace")
    found = []
    if code is None:
        return [f"took more than {seconds:.0f} s, {took:.0f} s"]
    if code != case.code:
        found.append(f"exit code {code}, not {case.code}: {told[-300:]!r}")
    if "error: unexpected" in told:
        found.append(f"an error that nobody thought of: {told[-500:]!r}")
    if "Traceback" in told or "Exception ignored" in told:
        found.append(f"a traceback: {told[-500:]!r}")
    if code == 2:
        lines = [line for line in told.splitlines() if line.startswith("error: ")]
        if len(lines) != 1 or told.splitlines()[-1] != lines[0] or len(lines[0]) < 20:
            found.append(f"not one line: {told[-500:]!r}")
        if any(not c.isprintable() for c in told.replace("\n", "")):
            found.append(f"letters that do something to a terminal: {told[-300:]!r}")
        if len(told) > 1500:
            found.append(f"{len(told)} letters")
        if printed:
            found.append(f"something on stdout: {printed[:100]!r}")
    if code == 0 and "--json" in case.words and case.terminal != "closed":
        try:
            json.loads(printed)
        except ValueError as error:
            found.append(f"no JSON: {error}: {printed[:100]!r}")
    return found


def _become(case: Case, folder: Path, out: Path, err: Path) -> None:
    """Turn this process into a command line and end it."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        os.environ.update(case.variables)
        for number, file in ((1, out), (2, err)):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        kind = case.terminal if case.terminal != "closed" else "utf-8"
        sys.stdout = io.TextIOWrapper(open(1, "wb", closefd=False), encoding=kind)  # noqa: SIM115
        sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), encoding=kind)  # noqa: SIM115
        if case.terminal == "closed":
            os.close(1)
            sys.stdout = None
        from holistic.cli import main

        code = main(case.words)
        with contextlib.suppress(AttributeError):
            sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _waited(child: int, seconds: float) -> int | None:
    """Wait for a process; end it, with all that it started, where that takes too long."""
    ready, _, _ = select.select([os.pidfd_open(child)], [], [], seconds)
    if not ready:
        os.killpg(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status) if ready else None


def warm() -> None:
    """Import what every command needs, once for all processes."""
    import pandas
    import PIL.Image
    import safetensors.torch
    import sklearn.datasets
    import torch.export

    import holistic.cli.run
    import holistic.cli.serve
    import holistic.cli.sites
    import holistic.cli.train
    import holistic.study.datasets
    import holistic.study.subject
    import holistic.study.weights

    assert pandas
    assert PIL.Image
    assert safetensors.torch
    assert sklearn.datasets
    assert torch.export
    assert holistic.cli.run
    assert holistic.cli.serve
    assert holistic.cli.sites
    assert holistic.cli.train
    assert holistic.study.datasets
    assert holistic.study.subject
    assert holistic.study.weights


def main(step: int = 1, words: str = "") -> int:
    """Run command lines, those that hold some words, and print what is wrong."""
    warm()
    bad, chosen = 0, [case for case in cases() if words in case.name][::step]
    with tempfile.TemporaryDirectory() as place:
        furnish(Path(place))
        for case in chosen:
            found = faults(case, Path(place))
            bad += bool(found)
            for fault in found:
                print(f"{case.name}: {fault}", flush=True)
    print(f"{len(chosen)} command lines, {bad} not as they must be")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2]), *sys.argv[2:3]))
