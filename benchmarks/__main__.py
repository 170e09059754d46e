"""Measure a sweep of every unit beside its peers and the floor: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from rich.table import Table as RichTable
from torch import Tensor

from benchmarks.floor import operations, product_rate
from benchmarks.networks import NETWORKS, Network, subject_of
from benchmarks.peers import PEERS, Peer
from holistic import Subject, sweep
from holistic.replacing import top_units

_PEER_BATCH = 1000


def main() -> None:
    """Measure what the command line asks for and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=", ".join(NETWORKS))
    parser.add_argument("--peers", nargs="*", default=list(PEERS), help=", ".join(PEERS))
    parser.add_argument("--repeats", type=int, default=3, help="sweeps, of which the median counts")
    parser.add_argument("--images", type=int, help="evaluation images, in place of the table's")
    parser.add_argument("--all-units", action="store_true", help="peers run every unit")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    for kind, given, known in (
        ("network", chosen.networks, NETWORKS),
        ("peer", chosen.peers, PEERS),
    ):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"no {kind} '{unknown[0]}'; there are {', '.join(known)}")
    torch.set_num_threads(chosen.threads)
    console = Console()
    for name in chosen.networks:
        table = RichTable("network", "images", "units", "edit", "seconds", "of floor")
        for column in table.columns[1:3] + table.columns[4:]:
            column.justify = "right"
        for peer in chosen.peers:
            table.add_column(f"× {peer}", justify="right")
        with console.status(name):
            for row in _measured(name, chosen):
                table.add_row(*row)
        console.print(table)
    console.print(
        f"{chosen.threads} threads; peers set units to zero, one unit in so many "
        "(their time multiplied) unless --all-units"
    )


def _measured(name: str, chosen: Any) -> list[list[str]]:
    network = NETWORKS[name]
    subject = subject_of(name, images=chosen.images)
    units = sum(subject.site(site).units for site in network.sites)
    share = 1 if chosen.all_units else network.peer_share
    runs = _own_runs(subject, network)
    sweep(subject, network.sites[-1:], "mean")
    work = operations(subject, network.sites)
    seconds: dict[str, list[float]] = {}
    floors: list[float] = []
    # ours and theirs in turn, so that a busy moment of the machine meets both
    for offset in range(chosen.repeats):
        for kind, run in runs.items():
            rate = product_rate()
            seconds.setdefault(kind, []).append(_timed(run))
            if kind == "zero":
                rate = (rate + product_rate()) / 2
                floors.append(work / rate / seconds[kind][-1])
        for peer in chosen.peers:
            if offset < 1 or share > 1:
                taken = _peer_seconds(PEERS[peer], subject, network, share, offset)
                seconds.setdefault(peer, []).append(taken)
    middle = {kind: statistics.median(taken) for kind, taken in seconds.items()}
    return [
        [
            name,
            str(len(subject.evaluation)),
            str(units),
            kind,
            f"{middle[kind]:.2f}",
            f"{statistics.median(floors):.0%}" if kind == "zero" else "",
            *(f"{middle[peer] / middle[kind]:.1f}" for peer in chosen.peers),
        ]
        for kind in runs
    ]


def _own_runs(subject: Subject, network: Network) -> dict[str, Callable[[], object]]:
    """The sweeps by what removed units hold, and the race for the top units."""
    runs: dict[str, Callable[[], object]] = {
        "zero": lambda: sweep(subject, network.sites, "zero"),
        "mean": lambda: sweep(subject, network.sites, "mean"),
    }
    if network.top:
        title = f"mean, top {network.top} by race"
        runs[title] = lambda: top_units(subject, network.top, sites=network.sites)
    return runs


def _peer_seconds(peer: Peer, subject: Subject, network: Network, share: int, offset: int) -> float:
    """Seconds for all units, measured on every `share`-th."""
    total = 0.0
    images, labels = subject.evaluation.images, subject.evaluation.labels
    for site in network.sites:
        count = subject.site(site).units
        units = range(offset % share, count, share)
        for start in range(0, len(labels), _PEER_BATCH):
            part = slice(start, start + _PEER_BATCH)

            def run(site: str = site, units: range = units, part: slice = part) -> Tensor:
                return peer(subject.model, site, units, images[part], labels[part])

            total += _timed(run) * count / len(units)
    return total


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
