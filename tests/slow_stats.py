"""Slow twins of `holistic.stats`: each definition as its paper states it, in plain loops."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist


def exact_moments(values: Sequence[float]) -> tuple[int, float, float]:
    """Count, mean and summed squared deviation of finite numbers, in rational arithmetic."""
    exact = [Fraction(v) for v in values if math.isfinite(v)]
    if not exact:
        return 0, math.nan, 0.0
    mean = sum(exact) / len(exact)
    return len(exact), float(mean), float(sum((v - mean) ** 2 for v in exact))


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson 1895."""
    mean_a, mean_b = math.fsum(a) / len(a), math.fsum(b) / len(b)
    cross = math.fsum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    square_a = math.fsum((x - mean_a) ** 2 for x in a)
    square_b = math.fsum((y - mean_b) ** 2 for y in b)
    return cross / math.sqrt(square_a * square_b) if square_a * square_b > 0 else math.nan


def without_class_means(values: Sequence[float], labels: Sequence[int]) -> list[float]:
    """Each value minus the mean of its class."""
    means = {
        c: math.fsum(v for v, label in zip(values, labels, strict=True) if label == c)
        / labels.count(c)
        for c in set(labels)
    }
    return [v - means[label] for v, label in zip(values, labels, strict=True)]


def wilson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson 1927: shares at which the score test of `successes` among n isn't rejected."""
    z, share = NormalDist().inv_cdf((1 + level) / 2), successes / n

    def kept(p: float) -> bool:
        return n * (share - p) ** 2 <= z**2 * p * (1 - p) or p == share

    return _last_kept(kept, share, 0.0), _last_kept(kept, share, 1.0)


def tango(lost: int, gained: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Tango 1998: the score test with the likelihood maximised over the nuisance by search."""
    z, change = NormalDist().inv_cdf((1 + level) / 2), (gained - lost) / n

    def kept(delta: float) -> bool:
        def likelihood(q: float) -> float:
            cells = [(gained, q + delta), (lost, q), (n - gained - lost, 1 - 2 * q - delta)]
            return sum(k * math.log(max(share, 1e-300)) for k, share in cells if k)

        low, high = max(0.0, -delta), (1 - delta) / 2
        for _ in range(100):
            third = (high - low) / 3
            if likelihood(low + third) < likelihood(high - third):
                low += third
            else:
                high -= third
        variance = n * (2 * (low + high) / 2 + delta - delta**2)
        return (gained - lost - n * delta) ** 2 <= z**2 * max(variance, 0.0) or delta == change

    return _last_kept(kept, change, -1.0), _last_kept(kept, change, 1.0)


def _last_kept(kept, inside: float, outside: float) -> float:
    if kept(outside):
        return outside
    for _ in range(80):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if kept(middle) else (inside, middle)
    return inside


def midranks(values: Sequence[float]) -> list[float]:
    """1 + the smaller ones + half of the other equal ones."""
    return [1 + sum(w < v for w in values) + (sum(w == v for w in values) - 1) / 2 for v in values]


def auroc(values: Sequence[float], positive: Sequence[bool]) -> float:
    """Share of (positive, negative) pairs in the right order, ties half."""
    above = [v for v, p in zip(values, positive, strict=True) if p]
    below = [v for v, p in zip(values, positive, strict=True) if not p]
    if not above or not below:
        return math.nan
    return math.fsum(_order(x, y) for x in above for y in below) / (len(above) * len(below))


def delong_variance(values: Sequence[float], positive: Sequence[bool]) -> float:
    """DeLong et al. 1988: variance of the placements on either side."""
    above = [v for v, p in zip(values, positive, strict=True) if p]
    below = [v for v, p in zip(values, positive, strict=True) if not p]
    v10 = [sum(_order(x, y) for y in below) / len(below) for x in above]
    v01 = [sum(_order(x, y) for x in above) / len(above) for y in below]
    return _variance(v10) / len(v10) + _variance(v01) / len(v01)


def _order(x: float, y: float) -> float:
    return 1.0 if x > y else 0.5 if x == y else 0.0


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)


def mcnemar(lost: int, gained: int) -> float:
    """McNemar 1947, exact: outcomes at least as far from an even split."""
    flips = lost + gained
    far = abs(lost - flips / 2)
    outcomes = [k for k in range(flips + 1) if abs(k - flips / 2) >= far]
    return sum(math.comb(flips, k) for k in outcomes) / 2**flips


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Smallest level q at which the step-up procedure of 1995 rejects each test."""
    tests = sorted(x for x in p if not math.isnan(x))
    m = len(tests)
    steps = [(x, x * m / (i + 1)) for i, x in enumerate(tests)]
    return [math.nan if math.isnan(x) else min(1.0, *(q for y, q in steps if y >= x)) for x in p]


def familywise(table: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """p and q of the first row `[T]` among rows of draws: how far out each is of all the others."""
    rows, places = range(len(table)), range(len(table[0]))

    def out(b: int, t: int) -> float:
        others = [table[i][t] for i in rows if i != b]
        mean = math.fsum(others) / len(others)
        spread = math.sqrt(math.fsum((x - mean) ** 2 for x in others) / len(others))
        return abs(table[b][t] - mean) / spread

    far = [[out(b, t) for t in places] for b in rows]
    p = [sum(far[b][t] >= far[0][t] for b in rows) / len(table) for t in places]
    q = [sum(max(far[b]) >= far[0][t] for b in rows) / len(table) for t in places]
    return p, q


def hypergeometric(shared: int, n: int, k: int) -> float:
    """Share of all choices of k among n that have at least `shared` of the first k."""
    choices = list(itertools.combinations(range(n), k))
    return sum(sum(i < k for i in c) >= shared for c in choices) / len(choices)


def adjusted_rand(a: Sequence[int], b: Sequence[int]) -> float:
    """Hubert & Arabie 1985: pairs together in both, against the expectation by chance."""
    pairs = list(itertools.combinations(range(len(a)), 2))
    in_a = [a[i] == a[j] for i, j in pairs]
    in_b = [b[i] == b[j] for i, j in pairs]
    both = sum(x and y for x, y in zip(in_a, in_b, strict=True))
    chance = sum(in_a) * sum(in_b) / len(pairs)
    most = (sum(in_a) + sum(in_b)) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def hsic(x: Sequence[Sequence[float]], y: Sequence[Sequence[float]]) -> float:
    """Song et al. 2012, theorem 2: the U-statistic over all ordered quadruples of examples."""
    k, l = (
        [[math.fsum(a * b for a, b in zip(r, s, strict=True)) for s in z] for r in z]
        for z in (x, y)
    )
    quadruples = list(itertools.permutations(range(len(x)), 4))
    return math.fsum(
        k[i][j] * (l[i][j] + l[q][r] - 2 * l[i][q]) for i, j, q, r in quadruples
    ) / len(quadruples)


def silhouettes(distance: Sequence[Sequence[float]], labels: Sequence[int]) -> list[float]:
    """Rousseeuw 1987, eq. 2."""
    result = []
    for i, own in enumerate(labels):
        means = {
            c: [distance[i][j] for j in range(len(labels)) if labels[j] == c and j != i]
            for c in set(labels)
        }
        inside = means.pop(own)
        if not inside:
            result.append(0.0)
            continue
        a = math.fsum(inside) / len(inside)
        b = min(math.fsum(d) / len(d) for d in means.values())
        result.append((b - a) / max(a, b))
    return result


def hall_bounds(values: list[float], level: float) -> tuple[float, float]:
    """Bounds of a mean by Hall's transformation, solved for the mean one number after another.

    Hall 1992, eq. 2.3: T + γ T² / (3 √n) + γ² T³ / (27 n) + γ / (6 √n) is near Student's t.
    """
    from scipy import optimize, stats

    n = len(values)
    mean = math.fsum(values) / n
    square = math.fsum((v - mean) ** 2 for v in values)
    gamma = math.fsum((v - mean) ** 3 for v in values) / n / (square / n) ** 1.5
    error = math.sqrt(square / (n - 1) / n)
    reach = float(stats.t.ppf((1 + level) / 2, n - 1))

    def beyond(truth: float, end: float) -> float:
        t = (mean - truth) / error
        bent = gamma * t**2 / (3 * math.sqrt(n)) + gamma**2 * t**3 / (27 * n)
        return t + bent + gamma / (6 * math.sqrt(n)) - end

    far = mean - 1e4 * error, mean + 1e4 * error
    low, high = (optimize.brentq(beyond, *far, args=(end,), xtol=1e-13) for end in (reach, -reach))
    return low, high
