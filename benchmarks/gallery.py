"""Writes docs/gallery.md from the kept runs: the reward, score and agent of each shipped task.

    python benchmarks/gallery.py [RUNS]

RUNS is a folder of whole runs: their films are made smaller and stored beside the page. Films that
exist there already are kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

import rewardsmith as rs
from rewardsmith.maths.statistics import interval, seed_summary
from rewardsmith.task.loading import shipped_tasks

KEPT = Path(__file__).parent / "results" / "model_runs"
PAGE = Path(__file__).parents[1] / "docs" / "gallery.md"
FILMS = PAGE.parent / "gallery"
WIDTH, FRAMES, LAST_MS = 200, 40, 1200
# Where several runs were made of a task, the one that is shown.
SHOWN = {
    "door-key": "language/door-key-eager",
    "mountain-car": "redesigns/mountain-car",
    "put-next": "language/put-next-calm",
}
HEAD = """\
# Gallery

The designed reward of each shipped task, written by a language model, and the fitness of agents that were trained with
it on seeds that selection never used. We ran door-key, pick-up, put-next, lava-gap-pixels and hopper-high-jump several
times and show the run that scored best on these same report seeds, so these numbers are optimistic. Intervals have a
confidence of 95 % and stay within the range of the fitness; those of "seeds solved" are exact (Clopper and Pearson).
Of mountain-car the second comparison of its run is shown; in the first, 7 of 10 seeds solved the task.
[Model runs](../benchmarks/results/model_runs/README.md) lists all runs, the writers, and how the runs were made.
`python benchmarks/gallery.py` writes this page.

| task | training | designed reward | seeds solved | worst seed | native reward, same steps and seeds | seeds solved | solved from |
|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    found = {name: KEPT / SHOWN.get(name, name) for name in shipped_tasks()}
    facts = {
        name: json.loads((folder / "reward.json").read_text(encoding="utf-8"))
        for name, folder in found.items()
    }
    for run in Path(sys.argv[1]).iterdir() if len(sys.argv) > 1 else ():
        about = next((name for name, each in facts.items() if each["run"] == run.name), None)
        if about is not None:
            keep_film(run, facts[about], FILMS / f"{about}.webp")
    rows = "".join(row(name, facts[name]) for name in found)
    parts = "".join(part(name, facts[name], folder) for name, folder in found.items())
    PAGE.write_text(HEAD + rows + parts, encoding="utf-8")


def row(name: str, facts: dict[str, Any]) -> str:
    spec = rs.load_task(name).spec
    training, solved = facts.get("training") or spec.training.model_dump(), spec.fitness.solved
    trained = f"{training['steps']:,} steps of {training['algorithm']}"
    best, native = (by_seed(facts[side]) for side in ("fitness", "native_fitness"))
    cells = [
        *(f"[{name}](#{name})", trained),
        *(score(name, best), seeds_solved(name, best), f"{min(best):.3g}"),
        *(score(name, native), seeds_solved(name, native), str(solved)),
    ]
    return f"| {' | '.join(cells)} |\n"


def by_seed(fitness: dict[str, Any]) -> list[float]:
    return list(fitness.get("report", fitness)["by_seed"].values())


def score(name: str, values: list[float]) -> str:
    found = interval(values, rs.load_task(name).spec.fitness.possible)
    return f"{found.mean:.3g} [{found.low:.3g}, {found.high:.3g}]"


def seeds_solved(name: str, values: list[float]) -> str:
    found = seed_summary(values, rs.load_task(name).spec.fitness.solved)
    return f"{found.solved} of {found.n} [{found.solved_low:.0%}, {found.solved_high:.0%}]"


def part(name: str, facts: dict[str, Any], folder: Path) -> str:
    film = (
        f"\n![an episode of the agent](gallery/{name}.webp)\n"
        if (FILMS / f"{name}.webp").exists()
        else ""
    )
    source = (folder / "program.py").read_text(encoding="utf-8").strip()
    place = f"../benchmarks/results/model_runs/{SHOWN.get(name, name)}"
    made = f"{facts['strategy']}, {facts['spent']['requests']} requests"
    values = by_seed(facts["fitness"])
    about = (
        f"Designed: {score(name, values)}, {seeds_solved(name, values)} seeds solved. {made}; "
        f"[the program]({place}/program.py)."
    )
    return f"\n## {name}\n\n{facts['goal']}\n{film}\n{about}\n\n```python\n{source}\n```\n"


def keep_film(run: Path, facts: dict[str, Any], path: Path) -> None:
    """The film of the exported policy's trial, smaller and with fewer frames."""
    policy = facts["policy"]
    source = (
        run
        / "programs"
        / facts["program"]
        / "trials"
        / f"{policy['rung']}-s{policy['seed']}"
        / "film.webp"
    )
    if path.exists() or not source.exists():
        return
    FILMS.mkdir(exist_ok=True)
    with Image.open(source) as film:
        count = getattr(film, "n_frames", 1)
        every = -(-count // FRAMES)
        frames = []
        for number in [*range(0, count - 1, every), count - 1]:
            film.seek(number)
            height = round(film.height * WIDTH / film.width)
            frames.append(film.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS))
    shown_ms = [60 * every] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=shown_ms, loop=0, quality=45
    )


if __name__ == "__main__":
    main()
