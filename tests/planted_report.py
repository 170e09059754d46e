"""Makes an audit without a model that has every finding, and names that could break a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import make_dataclass, replace
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np

from holistic.report.saved import Audit
from holistic.results.columns import col
from holistic.results.findings import Finding
from holistic.results.tables import Table
from made import a_finding

CLASSES = ("<script>alert('x')</script>", "cost $\\x_{$ & more", "plain")
SITES = ("a$^2$<b>", "late")
UNITS = 6
STRONGEST = (SITES[1], 4, CLASSES[2], -3.25)
"""Site, unit, class and effect of the one unit that was given a large effect."""

METHODS = ("gradient", "edge", "random")


def table(*, about: dict[str, dict[str, Any]] | None = None, **columns: list[Any]) -> Table:
    """Build a table from columns of plain values; the kind is that of the first known value.

    `about` says more of some columns: their role, and what they are of.
    """
    kinds = {n: type(next(v for v in values if v is not None)) for n, values in columns.items()}
    more = {name: (about or {}).get(name, {}) for name in columns}
    fields = [
        (name, kind, col(f"what {name.rstrip('_')} is", name=name.rstrip("_"), **more[name]))
        for name, kind in kinds.items()
    ]
    row = make_dataclass("Row", fields)
    return Table.build(row, {name.rstrip("_"): values for name, values in columns.items()})


def with_roles(finding: Finding) -> Finding:
    """Say of a finding's columns what its schema declares of those of the same names."""
    known = {column.name: column for column in finding.schema.columns}
    look = ("of", "role", "worse", "neutral", "signed", "beyond")
    cells = {f"{c.name}_": finding.table.data[c.name].to_pylist() for c in finding.table.columns}
    about = {
        f"{name}_": {n: getattr(column, n) for n in look} for name, column in known.items()
    }  # fmt: skip
    if not len(finding.table):
        return finding
    return replace(finding, table=table(about=about, **cells))


def audit(path: Path) -> Audit:
    """Save an audit with all findings into a folder."""
    provenance = {
        "key": "0", "model": "m<i>lp", "data": "d&ta", "score": "margin", "seed": 3,
        "classes": list(CLASSES), "counts": {"selection": 60, "evaluation": 59},
        "accuracy": {"value": 0.9, "lo": 0.8, "hi": 0.95, "n": 59},
        "created": "2024-01-01T00:00:00+00:00", "backend_note": "", "caveats": ["one model only"],
        "weights": "ab" * 32, "versions": {"python": "3"}, "settings": {"ablation": {"k": 4}},
    }  # fmt: skip
    saved = Audit.create(path, provenance)
    rng = np.random.default_rng(0)
    found = [_sites(), *_ablation(rng), *_activation(rng)]
    found += [
        _attribution(rng),
        _contrasts(np.random.default_rng(1)),
        *_mechanism(rng),
        *_tracing(rng),
        *_agreement(rng),
    ]
    for lens in dict.fromkeys(finding.lens for finding in found):
        saved = saved.add(lens, [with_roles(f) for f in found if f.lens == lens], 0.25)
    return saved


def _grid(**axes: Any) -> dict[str, list[Any]]:
    rows = list(product(*axes.values()))
    return {name: [row[i] for row in rows] for i, name in enumerate(axes)}


def _random(
    rng: np.random.Generator, rows: int, *names: str, scale: float = 0.1
) -> dict[str, list[float]]:
    return {name: (scale * rng.standard_normal(rows)).tolist() for name in names}


def _sites() -> Finding:
    return a_finding(
        "sites",
        table(site=list(SITES), op=["relu"] * 2, depth=[0, 1], units=[UNITS] * 2,
              positions=[1] * 2, parameters=[0] * 2, hidden=[True] * 2),
    )  # fmt: skip


def _ablation(rng: np.random.Generator) -> Iterator[Finding]:
    grid = _grid(site=SITES, unit=range(UNITS), class_=(*CLASSES, "all"))
    rows = len(grid["unit"])
    numbers = _random(rng, rows, "effect", "accuracy_drop", scale=0.01)
    keys = list(zip(grid["site"], grid["unit"], grid["class_"], strict=True))
    numbers["effect"][keys.index(STRONGEST[:3])] = STRONGEST[3]
    numbers["lo"] = [e - 0.1 for e in numbers["effect"]]
    numbers["hi"] = [e + 0.1 for e in numbers["effect"]]
    counts = {"n": [20] * rows, "lost": [1] * rows, "gained": [0] * rows}
    # as on other examples: near the effects, and not theirs
    chosen = (np.array(numbers["effect"]) + 0.003 * rng.standard_normal(rows)).reshape(-1, 4)
    rank = (chosen.argsort(0).argsort(0) + 1).ravel().tolist()
    units = table(**grid, **numbers, **counts, p=[0.5] * rows, q=[None] * (rows - 1) + [0.5],
                  rank=rank)  # fmt: skip
    said = (f"Class {CLASSES[0]} needs unit 1.", "A second sentence.", "A third sentence.")
    yield a_finding("ablation.units", units, said, ("A unit <b>alone</b>.",))
    yield a_finding("ablation.topk", _topk(), ("Ten units matter.",))
    pairs = [(s, a, b, c, k) for s in SITES for a, b in combinations(range(4), 2)
             for c in (*CLASSES, "all") for k in ("top", "random")]  # fmt: skip
    names = ("site", "unit_a", "unit_b", "class_", "kind")
    columns = {name: [pair[i] for pair in pairs] for i, name in enumerate(names)}
    effects = _random(rng, len(pairs), "effect_a", "effect_b", "effect_ab", "interaction",
                      "lo", "hi", "q")  # fmt: skip
    yield a_finding("ablation.interactions", table(**columns, **effects))


def _topk() -> Table:
    grid = _grid(site=SITES, class_=CLASSES, ranking=("effect", "class_activation"), k=range(13))
    k = np.array(grid["k"])
    rows, drop = len(k), 0.02 * k
    own = np.array([c == CLASSES[2] for c in grid["class_"]])
    columns: dict[str, Any] = {}
    for prefix in ("", "class_"):
        loss = drop * np.where(own, 3, 1) if prefix else drop
        columns |= {
            f"{prefix}accuracy_before": 0.9 + 0 * loss, f"{prefix}accuracy_after": 0.9 - loss,
            f"{prefix}drop": loss, f"{prefix}lo": loss - 0.12, f"{prefix}hi": loss + 0.03,
            f"{prefix}control_drop": 0.001 * k, f"{prefix}control_lo": 0 * loss,
            f"{prefix}control_hi": 0.002 * k, f"{prefix}p": 0.005 + 0 * loss,
        }  # fmt: skip
    floats = {name: values.tolist() for name, values in columns.items()}
    told = [r == "effect" and k == 3 for r, k in zip(grid["ranking"], grid["k"], strict=True)]
    # the first class loses more at the first site, the others at the last
    first = [(s == SITES[0]) == (c == CLASSES[0]) for s, c in
             zip(grid["site"], grid["class_"], strict=True)]  # fmt: skip
    rank = [(1 if one else 2) if t else None for t, one in zip(told, first, strict=True)]
    return table(**grid, **floats, n=[59] * rows, class_n=[20] * rows, rank=rank,
                 firing=(k // 2).tolist(), class_q=[0.01] * rows,
                 least_p=[1 / 201] * rows)  # fmt: skip


def _activation(rng: np.random.Generator) -> Iterator[Finding]:
    grid = _grid(site=SITES, unit=range(UNITS), class_=(*CLASSES, "all"))
    rows = len(grid["unit"])
    auroc = rng.uniform(0.3, 1, rows).tolist()
    auroc = [None if c == "all" else v for c, v in zip(grid["class_"], auroc, strict=True)]
    numbers = _random(rng, rows, "mean", "std", "active_fraction", "selectivity")
    preferred = [CLASSES[u % 3] for u in grid["unit"]]
    units = table(**grid, **numbers, auroc=auroc, control_auroc_hi=[0.7] * rows,
                  preferred_class=preferred, dead=[u == 0 for u in grid["unit"]])  # fmt: skip
    yield a_finding("activation.units", units)
    wall = _grid(site=SITES, unit=range(UNITS), kind=("top", "quantile", "random"), rank=(1, 2, 3))
    rows = len(wall["unit"])
    example = rng.integers(0, 20, rows).tolist()
    arrays = {
        "activation.images": rng.integers(0, 256, (18, 8, 8), dtype=np.uint8),
        "activation.image_plane": np.array([8, 8]),
        "activation.image_ids": np.arange(18, dtype=np.int64),  # two examples have no image
        "activation.image_labels": np.arange(18, dtype=np.int64) % 3,
        "activation.image_predictions": np.arange(18, dtype=np.int64) % 2,
    }
    labels = [CLASSES[e % 3] for e in example]
    box = {"top_edge": 2, "left_edge": 1, "height": 4, "width": 5}
    examples = table(**wall, example=example, value=rng.normal(size=rows).tolist(), label=labels,
                     **{side: [size] * rows for side, size in box.items()})  # fmt: skip
    yield a_finding("activation.examples", examples, arrays=arrays)


def _attribution(rng: np.random.Generator) -> Finding:
    grid = _grid(method=METHODS, metric=("deletion_auc", "insertion_auc", "randomisation"))
    rows = len(grid["method"])
    passed = [None if m == "random" else m == "gradient" for m in grid["method"]]
    numbers = _random(rng, rows, "value", "lo", "hi", "control")
    arrays = {
        "attribution.class_maps": rng.uniform(size=(2, len(CLASSES), 8, 8)).astype(np.float32),
        "attribution.example_maps": rng.uniform(size=(2, 4, 8, 8)).astype(np.float32),
        "attribution.example_images": rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8),
        "attribution.example_labels": np.array([0, 1, 2, 0]),
        "attribution.curves": rng.uniform(size=(3, 2, 9)).astype(np.float32),
    }
    return a_finding("attribution.methods", table(**grid, **numbers, passed=passed), arrays=arrays)


def _contrasts(rng: np.random.Generator) -> Finding:
    pairs = [p for a, b in combinations(CLASSES[:3], 2) for p in ((a, b), (b, a))]
    rows = len(pairs)
    names = (
        "change", "lo", "hi", "control_change", "control_lo", "control_hi", "plain_change",
        "plain_lo", "plain_hi", "difference", "difference_lo", "difference_hi", "p", "q",
        "beyond_plain", "beyond_lo", "beyond_hi",
    )  # fmt: skip
    arrays = {
        "attribution.contrast_maps": rng.normal(size=(3, 2, 8, 8)).astype(np.float32),
        "attribution.contrast_images": rng.integers(0, 256, (3, 2, 8, 8, 3), dtype=np.uint8),
    }
    made = table(class_=[a for a, _ in pairs], rival=[b for _, b in pairs], confused=[3] * rows,
                 share=[0.1] * rows, **_random(rng, rows, *names), n=[20] * rows)  # fmt: skip
    return a_finding("attribution.contrasts", made, arrays=arrays)


def _mechanism(rng: np.random.Generator) -> Iterator[Finding]:
    pairs = table(site_a=[SITES[0]], unit_a=[0], site_b=[SITES[1]], unit_b=[1],
                  **_random(rng, 1, "r", "r_within", "q"))  # fmt: skip
    matrices = {f"mechanism.correlation.{n}": np.eye(UNITS, dtype=np.float32) for n in (0, 1)}
    yield a_finding("mechanism.pairs", pairs, arrays=matrices)
    grid = _grid(site=SITES, unit=range(UNITS))
    rows = len(grid["unit"])
    cluster = [None if s == SITES[0] else u % 2 for s, u in zip(*grid.values(), strict=True)]
    order = [None if u == 0 else u - 1 for u in grid["unit"]]
    clusters = table(**grid, cluster=cluster, order=order,
                     preferred_class=[None, *[CLASSES[1]] * (rows - 1)],
                     **_random(rng, rows, "silhouette", "stability", "specialisation"))  # fmt: skip
    profile = {"mechanism.profile.1": rng.normal(size=(2, len(CLASSES))).astype(np.float32)}
    yield a_finding("mechanism.clusters", clusters, arrays=profile)
    names = (
        "lo", "hi", "control_accuracy", "untrained_accuracy", "selectivity", "cka_lo", "cka_hi",
        "cka_shuffled", "participation_ratio", "participation_lo", "participation_hi",
    )  # fmt: skip
    flow = table(site=["input", *SITES], probe_accuracy=[0.5, 0.7, 0.9], nc1=[2.0, 1.0, 0.5],
                 cka_to_next=[0.9, 0.8, None], **_random(rng, 3, *names))  # fmt: skip
    yield a_finding("mechanism.flow", flow)
    edges = _grid(site_a=SITES[:1], unit_a=range(3), site_b=SITES[1:], unit_b=range(3),
                  class_=(*CLASSES, "all"), kind=("top", "random"))  # fmt: skip
    numbers = _random(rng, len(edges["kind"]), "effect", "lo", "hi", "q")
    yield a_finding("mechanism.edges", table(**edges, **numbers))


def _tracing(rng: np.random.Generator) -> Iterator[Finding]:
    names = (*CLASSES, "all")
    grid = _grid(site=SITES, unit=(None, 0, 1, 2), clean=names, corrupt=names,
                 direction=("denoise", "noise"))  # fmt: skip
    rows = len(grid["unit"])
    patching = table(**grid, position=[None] * (rows - 1) + [0], n=[5] * rows, excluded=[0] * rows,
                     **_random(rng, rows, "recovery", "lo", "hi", "control_recovery"))  # fmt: skip
    yield a_finding("tracing.patching", patching)
    grid = _grid(site=SITES, class_=CLASSES, method=("class_mean_difference", "logistic"))
    rows = len(grid["site"])
    names = ("lo", "hi", "control_auroc", "steer_slope", "control_steer_slope", "erase_drop",
             "control_erase_drop", "p")  # fmt: skip
    directions = table(**grid, auroc=[0.8] * rows, **_random(rng, rows, *names))
    yield a_finding("tracing.directions", directions)


def _agreement(rng: np.random.Generator) -> Iterator[Finding]:
    lenses = list(combinations(("ablation", "activation", "tracing"), 2))
    grid = _grid(site=SITES, class_=(*CLASSES, "all"), pair=lenses)
    pair = grid.pop("pair")
    rows = len(pair)
    ends = {"lens_a": [a for a, _ in pair], "lens_b": [b for _, b in pair]}
    numbers = _random(rng, rows, "spearman", "lo", "hi", "topk_overlap", "p")
    yield a_finding("agreement.lenses", table(**grid, **ends, **numbers))
    grid = _grid(site=SITES, unit=range(UNITS))
    rows = len(grid["unit"])
    words = ("causal and selective", "selective, not causal", "neither", "dead")
    dead = [u % 4 == 3 for u in grid["unit"]]
    preferred = [None if d else CLASSES[u % 3] for u, d in zip(grid["unit"], dead, strict=True)]
    needs = [p if u % 4 == 0 else None for u, p in zip(grid["unit"], preferred, strict=True)]
    numbers = _random(rng, rows, "ablation", "activation", "tracing", "attribution", "mechanism",
                      "causal_share", "accuracy_q")  # fmt: skip
    numbers |= {"selective_bound": [0.7] * rows, "causal_bound": [0.1] * rows}
    kinds = ("carries its class", "fires but isn't needed", "not needed", "dead")
    plays = [kinds[u % 4] for u in grid["unit"]]
    verdicts = table(**grid, verdict=[words[u % 4] for u in grid["unit"]], plays=plays,
                     in_words=[f"{one} of a unit" for one in plays],
                     preferred_class=preferred, causal_class=needs, **numbers)  # fmt: skip
    yield a_finding("agreement.units", verdicts)
