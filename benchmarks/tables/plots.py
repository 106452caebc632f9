# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of `make bench` as SVG pictures; the same figures give the same bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.servers.peers import POSTGRESQL, RADICALE, SQLITE, XANDIKOS
from benchmarks.tables.figures import Cost, Figures, Missing, Rate

_STYLES: Mapping[str, tuple[str, str, str]] = {
    SQLITE: ("Daysheet, SQLite", "#1b6ca8", "o"),
    POSTGRESQL: ("Daysheet, PostgreSQL", "#6ab0de", "s"),
    RADICALE: ("Radicale", "#c0392b", "^"),
    XANDIKOS: ("Xandikos", "#8a6d3b", "D"),
}
_LOOK: Any = {
    "svg.hashsalt": "daysheet",
    # Letters as outlines look the same wherever the picture is shown.
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "white",
}
_COLUMNS = 4


def costs(figures: Figures, file: Path) -> None:
    """CPU time of every request with every peer."""
    values = {
        name: {peer: _cost(it) for peer, it in of.items()}
        for name, of in reversed(list(figures.costs.items()))
    }
    _dots(values, f"CPU time per request, {figures.events:,} events (left is better)", _seconds, file)


def crowds(figures: Figures, clients: int, file: Path) -> None:
    """Requests per second of many clients."""
    values = {
        name: {peer: (it.per_second, False) if isinstance(it, Rate) else None for peer, it in of.items()}
        for name, of in reversed(list(figures.rates.items()))
    }
    title = f"Requests per second, {clients} clients, {figures.events:,} events (right is better)"
    _dots(values, title, lambda value: f"{value:,g}", file)


def growth(sizes: Sequence[Figures], file: Path) -> None:
    """CPU time over the number of events, a panel for each request; an open mark is a lower bound."""
    names = list(sizes[-1].costs)
    lines = math.ceil(len(names) / _COLUMNS)
    with plt.rc_context(_LOOK):
        figure, panels = plt.subplots(
            lines, _COLUMNS, figsize=(10, 2.3 * lines + 0.6), sharex=True, sharey=True, squeeze=False
        )
        for panel, name in zip(panels.flat, names, strict=False):
            _panel(panel, sizes, name)
        for panel in panels.flat[len(names) :]:
            panel.set_visible(False)
        for panel in panels[:, 0]:
            panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _at: _seconds(value)))
        figure.suptitle("CPU time per request over the number of events", x=0.01, ha="left")
        _legend(figure)
        _save(figure, file)


def _panel(panel: Any, sizes: Sequence[Figures], name: str) -> None:
    panel.set(xscale="log", yscale="log")
    panel.set_title(name, fontsize=9, loc="left")
    panel.set_xticks([it.events for it in sizes], [f"{it.events:,}" for it in sizes])
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.minorticks_off()
    panel.tick_params(labelbottom=True)
    for peer, (label, color, mark) in _STYLES.items():
        found = [(it.events, _cost(it.costs.get(name, {}).get(peer))) for it in sizes]
        points = [(events, *value) for events, value in found if value is not None]
        if not points:
            continue
        panel.plot([it[0] for it in points], [it[1] for it in points], color=color, linewidth=1.2)
        for events, value, bound in points:
            panel.plot(
                events,
                value,
                mark,
                color=color,
                markersize=5,
                markerfacecolor="white" if bound else color,
                label=label,
            )


def _dots(
    values: Mapping[str, Mapping[str, tuple[float, bool] | None]],
    title: str,
    text: Any,
    file: Path,
) -> None:
    """One line for each request, one mark for each peer; an open mark is a lower bound."""
    with plt.rc_context(_LOOK):
        figure, panel = plt.subplots(figsize=(10, 0.42 * len(values) + 1.3))
        for line, of in enumerate(values.values()):
            for peer, (label, color, mark) in _STYLES.items():
                value = of.get(peer)
                if value is not None:
                    face = "white" if value[1] else color
                    panel.plot(
                        value[0], line, mark, color=color, markersize=8, markerfacecolor=face, label=label
                    )
        panel.set_xscale("log")
        panel.set_yticks(range(len(values)), list(values))
        panel.set_ylim(-0.6, len(values) - 0.4)
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _at: text(value)))
        panel.grid(visible=True, which="minor", axis="x", linewidth=0.3)
        figure.suptitle(title, x=0.01, ha="left")
        _legend(figure)
        _save(figure, file)


def _cost(found: Cost | Missing | None) -> tuple[float, bool] | None:
    """Seconds, and whether it takes longer than that."""
    if isinstance(found, Cost):
        return found.cpu, False
    return (found.more_than, True) if found is not None and found.more_than else None


def _legend(figure: Any) -> None:
    seen: dict[str, Any] = {}
    for panel in figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            if label not in seen or handle.get_markerfacecolor() != "white":
                seen.setdefault(label, handle)
    ordered = [label for label, *_ in _STYLES.values() if label in seen]
    figure.legend([seen[label] for label in ordered], ordered, loc="lower center", ncols=len(ordered) or 1)


def _save(figure: Any, file: Path) -> None:
    figure.tight_layout(rect=(0, 0.06 if figure.get_figheight() > 5 else 0.09, 1, 1))
    # Without the date, so that nothing changes where no figure does.
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def _seconds(value: float) -> str:
    if value >= 1:
        return f"{value:g} s"
    return f"{value * 1000:g} ms" if value >= 0.001 else f"{value * 1e6:.0f} µs"
