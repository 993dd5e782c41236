"""What rewardsmith relies on in a kind of reward term."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

from rewardsmith.task.loading import Task
from rewardsmith.terms.term import (
    ObservingTerm,
    Opening,
    ProgramFunction,
    ShownTerm,
    Term,
    TermKind,
)
from rewardsmith.testing.expectations import expect
from rewardsmith.testing.toy import toy_task
from rewardsmith.types import Array, Columns, Evaluator

_N_ENVS = 3
_STEPS = 20  # of each environment; an episode of the toy task takes 8


class _Step(NamedTuple):
    columns: Columns
    dones: Array


class TermContract(ABC):
    """Tests of a kind of term, see :class:`rewardsmith.terms.term.Term`.

    Class attributes:
        payload: its settings, as a task gives them; by default the toy task has the field
            ``position``.
    """

    payload: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def kind(self) -> TermKind:
        """The class of the term."""

    def task(self) -> Task:
        """The task that it is opened for."""
        return toy_task()

    def test_its_payload_survives_json(self) -> None:
        model = self.kind().Payload
        payload = model.model_validate(dict(self.payload))
        read = model.model_validate_json(payload.model_dump_json())
        hint = "a payload holds plain data: a worker process reads it as JSON"
        expect(read == payload, f"{payload!r} after JSON", repr(read), hint)

    def test_it_says_what_it_is(self) -> None:
        with self._opened() as (term, _):
            expect(term.name and isinstance(term.name, str), "a name", repr(term.name), "set name")
            is_tuple = isinstance(term.arguments, tuple)
            expect(is_tuple, "a tuple of arguments", repr(term.arguments), "use a tuple")
            expect(isinstance(term.ranks, bool), "ranks as a bool", repr(term.ranks), "set ranks")

    def test_it_reads_columns_that_the_task_has(self) -> None:
        with self._opened() as (term, buffers):
            for name in term.arguments:
                try:
                    buffers.column(name)
                except KeyError:
                    known = ", ".join(buffers.layout.arguments)
                    expect(False, f"one of the columns {known}", repr(name), "see docs/plugins.md")

    def test_it_gives_a_finite_value_for_each_row(self) -> None:
        with self._opened() as (term, buffers):
            for step in self._steps(term, buffers):
                output = term(step.columns)
                for name, values in {"total": output.total, **output.terms}.items():
                    fits = values.shape == (_N_ENVS,) and values.dtype == np.float64
                    found = f"{values.shape}, {values.dtype}"
                    hint = "return one number for each row of the columns"
                    expect(fits, f"{name} of shape {(_N_ENVS,)}, float64", found, hint)
                    finite = np.isfinite(values).all()
                    hint = "guard divisions, roots and logarithms"
                    expect(finite, f"finite values of {name}", values, hint)

    def test_valuing_a_step_changes_nothing(self) -> None:
        with self._opened() as (term, buffers):
            for step in self._steps(term, buffers):
                before = {name: column.copy() for name, column in step.columns.items()}
                first = np.array(term(step.columns).total)
                again = term(step.columns).total
                hint = "learn in observe() and not when values are asked"
                expect(np.array_equal(first, again), f"{first} a second time", again, hint)
                for name, column in before.items():
                    kept = np.array_equal(column, step.columns[name])
                    expect(kept, f"the column {name} unchanged", step.columns[name], "copy it")

    def test_a_term_that_does_not_observe_values_each_row_by_itself(self) -> None:
        with self._opened() as (term, buffers):
            if isinstance(term, ObservingTerm):
                pytest.skip("it observes steps, so its values may depend on them")
            steps = list(self._steps(term, buffers))
        with self._opened() as (term, _):
            whole = term(_rows(steps, slice(None))).total
            each = range(_N_ENVS * _STEPS)
            single = [term(_rows(steps, slice(row, row + 1))).total for row in each]
            same = np.allclose(whole, np.concatenate(single), rtol=1e-9, atol=1e-12)
            hint = "a value may depend on its own row only: batches have any size and order"
            expect(same, "the same values row by row as in a batch", "others", hint)

    def test_a_second_term_begins_anew(self) -> None:
        histories = []
        for _ in range(2):
            with self._opened() as (term, buffers):
                steps = self._steps(term, buffers)
                histories.append([np.array(term(step.columns).total) for step in steps])
        hint = "keep what it learns in the object: trials in one process must not meet"
        same = np.array_equal(histories[0], histories[1])
        expect(same, "the same values in a second trial with the same steps", "others", hint)

    def test_the_flags_that_it_shows_have_a_row_for_each_environment(self) -> None:
        with self._opened() as (term, buffers):
            if not isinstance(term, ShownTerm):
                pytest.skip("it shows no flags to the policy")
            term.restart(_N_ENVS)
            hint = "restart(n) begins an episode in n environments, without a flag set"
            expect(not term.shown.any(), "no flag at the start", term.shown, hint)
            shape = (_N_ENVS, len(term.shows))
            for step in self._steps(term, buffers):
                for flags in (term.shown, term.shown_at_end):
                    fits = flags.shape == shape and flags.dtype == bool
                    hint = "one row for each environment, one column for each name in shows"
                    expect(fits, f"flags of shape {shape}, bool", f"{flags.shape}", hint)
                begun = term.shown[step.dones]
                hint = "clear the flags of the episodes that a step ended"
                expect(not begun.any(), "no flag in a new episode", begun, hint)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Term, Any]]:
        """A new term, and the buffers of the environments that it values."""
        from rewardsmith.engine.workers.opening import open_host
        from rewardsmith.train.vectors import make_vec_env

        task, kind = self.task(), self.kind()
        self._venv = make_vec_env(task, _N_ENVS, seed=0)
        with ExitStack() as hosts:

            def host(function: ProgramFunction) -> Evaluator:
                source, entry, style = function.source, function.entry, function.style
                return hosts.enter_context(open_host(source, entry, self._venv.layout, 64, style))

            opening = Opening(task, self._venv.buffers, self._venv.envs[0], host)
            payload = kind.Payload.model_validate(dict(self.payload))
            yield kind.open(payload, opening), self._venv.buffers

    def _steps(self, term: Term, buffers: Any) -> Iterator[_Step]:
        """Vector steps of random actions, each observed once as in a training."""
        self._venv.reset()
        buffers.begin()
        if isinstance(term, ShownTerm):
            term.restart(_N_ENVS)
        for _ in range(_STEPS):
            actions = [env.action_space.sample() for env in self._venv.envs]
            _, _, dones, _ = self._venv.step(np.array(actions))
            columns = {k: np.array(v) for k, v in buffers.columns(term.arguments).items()}
            if isinstance(term, ObservingTerm):
                term.observe(columns, dones)
            yield _Step(columns, dones)
            buffers.advance()


def _rows(steps: Sequence[_Step], rows: slice) -> Columns:
    """Some rows of all steps together."""
    return {name: _column(steps, name)[rows] for name in steps[0].columns}


def _column(steps: Sequence[_Step], name: str) -> Array:
    return np.concatenate([step.columns[name] for step in steps])
