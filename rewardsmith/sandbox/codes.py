"""Every code of a finding, with its meaning in one line. Codes are stable: never reuse one, never change its sense.

RS1xx is found by reading the source, RS2xx by running it, RS3xx is a limit of the sandbox.
"""

from __future__ import annotations

CODES = {
    "RS101": "the source is not Python, or too deep to read",
    "RS102": "the source is too long",
    "RS103": "no entry point",
    "RS104": "an entry point is defined twice",
    "RS105": "an import that programs do not have",
    "RS106": "an entry point is async or a generator",
    "RS107": "an entry point takes *args or **kwargs",
    "RS108": "an argument that the task does not have",
    "RS109": "an argument that the task hides",
    "RS110": "an argument that this entry point may not read",
    "RS111": "a default that is not a constant",
    "RS112": "a method in place of a function",
    "RS113": "a statement that programs may not use",
    "RS114": "a name that is not defined",
    "RS115": "an attribute that programs may not use",
    "RS116": "a private or dunder name",
    "RS117": "a result that would differ from call to call",
    "RS118": "an annotation that computes something",
    "RS201": "an exception on real transitions",
    "RS202": "a return value outside the contract",
    "RS203": "values that are not finite",
    "RS204": "the value of a transition depends on the others in the batch",
    "RS205": "works only for one transition at a time, slow",
    "RS206": "batched and single results differ, run one transition at a time",
    "RS207": "the same call gave different results",
    "RS208": "the same value on every transition",
    "RS209": "reads nothing of the task",
    "RS210": "a subgoal that always holds",
    "RS211": "the total is not the sum of the terms",
    "RS212": "a q_prior of the wrong form for the actions",
    "RS301": "out of time",
    "RS302": "out of memory",
    "RS303": "the program host died",
}
