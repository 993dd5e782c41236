"""The codes of findings: meaning and remedy. Codes are stable: never reuse or redefine one.

RS0xx is about the reply, RS1xx is found in the source, RS2xx by running it, RS3xx is a limit of the
sandbox, RS4xx is what training cannot use, RS5xx what a program rewards besides the goal.
``python -m rewardsmith.sandbox.codes`` prints the page docs/findings.md.
"""

from __future__ import annotations

import sys
from typing import NamedTuple


class Code(NamedTuple):
    """A kind of finding."""

    meaning: str
    remedy: str


CODES = {
    "RS001": Code("the reply contains no code", "answer with one fenced python block"),
    "RS002": Code(
        "the model refused to answer",
        "the request is sent again; check its text, or use another model",
    ),
    "RS003": Code(
        "the provider's content filter stopped the reply",
        "the request is sent again; or use another model",
    ),
    "RS004": Code(
        "the reply is empty",
        "the request is sent again; a reasoning model may need a larger output limit",
    ),
    "RS005": Code(
        "the reply was cut off by its output limit",
        "the request is sent again with twice the limit",
    ),
    "RS101": Code(
        "the source is not valid Python, or nested too deeply", "answer with the module alone"
    ),
    "RS102": Code(
        "the source is too long", "write a shorter reward: at most 400 lines and 16,384 bytes"
    ),
    "RS103": Code(
        "no entry point", "define reward, potential, subgoals or q_prior on module level"
    ),
    "RS104": Code("an entry point is defined twice", "keep one of the definitions"),
    "RS105": Code("an import that is not available", "import only numpy and math"),
    "RS106": Code(
        "an entry point is async or a generator", "write a plain def that returns arrays"
    ),
    "RS107": Code(
        "an entry point takes *args or **kwargs", "name each argument: the names select the inputs"
    ),
    "RS108": Code("an argument that the task does not have", "use the names that the task lists"),
    "RS109": Code(
        "an argument that the task hides",
        "use other fields: programs may not read how success is measured",
    ),
    "RS110": Code(
        "an argument that this entry point may not read",
        "let a potential or a q_prior read only the state",
    ),
    "RS111": Code(
        "a default that is not a constant", "write a number, or use a module-level constant"
    ),
    "RS112": Code("a method instead of a function", "write a module-level function"),
    "RS113": Code("a statement that is not available", "write what the message suggests instead"),
    "RS114": Code("a name that is not defined", "define it, import it, or take it as an argument"),
    "RS115": Code(
        "an attribute that is not available", "use numpy's functions on arrays and numbers"
    ),
    "RS116": Code("a private or dunder name", "use public names"),
    "RS117": Code(
        "a result that can differ from call to call",
        "use no randomness and no uninitialised memory",
    ),
    "RS118": Code("an annotation that computes a value", "name a type, or remove it"),
    "RS119": Code(
        "characters that hide what runs", "use plain letters in names, and no invisible characters"
    ),
    "RS120": Code(
        "too much work or memory", "use array expressions in place of loops and large constants"
    ),
    "RS121": Code("an argument or attribute is changed", "change a copy: arguments are read-only"),
    "RS122": Code("a value is kept between calls", "keep module-level values constant"),
    "RS123": Code(
        "an entry point returns nothing", "return a dict of terms, or an array of shape (n,)"
    ),
    "RS124": Code(
        "text that would be read differently in an exported file",
        "remove it, or choose another name",
    ),
    "RS125": Code(
        "the reward calls a function that has the name of another entry point",
        "give the helper another name",
    ),
    "RS201": Code("an exception on real transitions", "handle the values that the message shows"),
    "RS202": Code(
        "a return value outside the contract",
        "return arrays of shape (n,), with the same terms on each call",
    ),
    "RS203": Code("values that are not finite", "guard divisions, logarithms and exponentials"),
    "RS204": Code(
        "the value of a transition depends on the rest of its batch", "give reductions an axis"
    ),
    "RS205": Code("works only for one transition at a time, slow", "use np.where in place of if"),
    "RS206": Code(
        "results for a batch and row by row differ; called row by row", "give reductions an axis"
    ),
    "RS207": Code(
        "the same call returned different results", "keep no state, and do not iterate over a set"
    ),
    "RS208": Code(
        "the same value on every transition", "add a term that changes with what the agent does"
    ),
    "RS209": Code("reads no argument of the task", "read the fields that matter"),
    "RS210": Code(
        "a subgoal that always holds", "define a subgoal that the agent still has to reach"
    ),
    "RS211": Code("the total is not the sum of the terms", "return only the terms"),
    "RS212": Code(
        "a q_prior of the wrong form for the actions",
        "return one value per action, or take the action",
    ),
    "RS213": Code("an argument that makes no difference", "use it, or do not take it"),
    "RS214": Code(
        "a term that is always zero, a subgoal that never holds", "fix its condition, or remove it"
    ),
    "RS215": Code("a scale that learners cannot use", "multiply by the factor in the message"),
    "RS216": Code(
        "a few transitions with enormous values",
        "bound the term: np.clip, np.tanh, or a larger divisor",
    ),
    "RS217": Code("slow (CPU time)", "use array expressions in place of loops"),
    "RS218": Code(
        "a subgoal that the random policy reaches often",
        "make it stricter: the agent learns false alarms",
    ),
    "RS219": Code(
        "a prior on Q beyond all possible returns",
        "return values in units of the task's own return",
    ),
    "RS301": Code("out of time", "remove loops, or make them shorter"),
    "RS302": Code("out of memory", "use arrays of the size of the arguments"),
    "RS303": Code("the program ended its process", "only compute and return a value"),
    "RS304": Code("memory grows from call to call", "keep nothing between calls"),
    "RS305": Code("the program made a system call", "only compute and return a value"),
    "RS401": Code("valid, but the task's learner cannot use it", "write a reward, or a potential"),
    "RS402": Code(
        "a reward, where the task's own must stay", "remove it, or request it: --produce"
    ),
    "RS403": Code(
        "subgoals that can be worth more than a success",
        "lower the bonus of each, or use a potential",
    ),
    "RS501": Code(
        "bad behaviour gets a higher return than good behaviour",
        "reverse the sign of the term that decides",
    ),
    "RS502": Code(
        "good and bad behaviour get nearly the same return", "reward what only good episodes have"
    ),
    "RS503": Code(
        "going on gets a higher return than finishing",
        "reward changes, or use a larger bonus at the goal",
    ),
    "RS504": Code("a term works against the goal", "reverse its sign, or remove it"),
    "RS505": Code("one term dominates the others", "make it smaller, or the others larger"),
    "RS506": Code(
        "the return of the agents rises, but the fitness does not",
        "remove the loophole that raises the return",
    ),
    "RS507": Code(
        "almost reaching the goal gets the return of reaching it",
        "use a bonus that staying near the goal cannot exceed",
    ),
    "RS508": Code(
        "failing soon gets a higher return than going on well",
        "penalise the failure that ends an episode",
    ),
    "RS509": Code(
        "a known exploit gets a higher return than under the parent program", "remove the loophole"
    ),
    "RS510": Code(
        "a prior on Q prefers the actions of bad behaviour", "reverse the order of its actions"
    ),
    "RS511": Code("a subgoal gives false alarms", "test every condition that must be true"),
    "RS512": Code("no success reached a subgoal", "use a state that every success passes"),
    "RS513": Code(
        "a subgoal is reached by chance, or from the beginning",
        "use a later step, or a stricter condition",
    ),
    "RS514": Code(
        "a subgoal is reached only together with the success", "use a state that comes before"
    ),
    "RS515": Code(
        "a model that was shown the steps does not see the subgoal reached",
        "test what its name says",
    ),
    "RS516": Code(
        "a failure has a higher return than success",
        "reward changes of a quantity, or use a larger bonus at the goal",
    ),
}
_KINDS = {
    "0": ("The reply", ""),
    "1": ("Static checks", "Nothing was run. Each of these refuses the program."),
    "2": (
        "Behaviour checks",
        "The program ran on real transitions of the task, in the sandbox. A finding says whether "
        "it refuses the program or is a warning.",
    ),
    "3": (
        "Limits of the sandbox",
        "The program reached a limit and was ended. Each of these refuses the program.",
    ),
    "4": ("Training", ""),
    "5": (
        "Rewards besides the goal",
        "Found on episodes of known quality, before or after training, and reported to the "
        "writer. Most are warnings. RS511 to RS515 can refuse subgoals; the program is then not "
        "trained.",
    ),
}


def page() -> str:
    """The documentation page, Markdown."""
    lines = [
        "# Findings",
        "",
        "Every finding about a program has one of these codes. Their meaning never changes. A",
        "finding also names the line, what was found, and what to write instead; its text is sent",
        "to the model unchanged.",
        "",
        "This page is generated: `python -m rewardsmith.sandbox.codes > docs/findings.md`.",
    ]
    for digit, (title, text) in _KINDS.items():
        lines += ["", f"## {title}", *(["", text] if text else [])]
        lines += ["", "| code | meaning | what to do |", "|---|---|---|"]
        lines += [
            f"| {c} | {code.meaning} | {code.remedy} |"
            for c, code in CODES.items()
            if c[2] == digit
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
