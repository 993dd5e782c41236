"""Every code of a finding: what it means, and what to do. Codes are stable: never reuse one, never change its sense.

RS0xx is about the reply, RS1xx is found by reading the source, RS2xx by running it, RS3xx is a
limit of the sandbox, RS4xx is what training cannot use, RS5xx what a program pays besides the goal.
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
    "RS001": Code("the reply holds no code", "answer with one fenced python block"),
    "RS002": Code(
        "the model refused to answer",
        "it is asked again; see what the request says, or use another model",
    ),
    "RS003": Code(
        "the provider's content filter stopped the answer",
        "it is asked again; or use another model",
    ),
    "RS004": Code(
        "the reply is empty",
        "it is asked again; a model that thinks long needs a larger output limit",
    ),
    "RS005": Code(
        "the reply was cut off by its output limit", "it is asked again with twice the limit"
    ),
    "RS101": Code("the source is not Python, or nested too deeply", "answer with the module alone"),
    "RS102": Code(
        "the source is too long", "write a shorter reward: at most 400 lines, 16,384 bytes"
    ),
    "RS103": Code(
        "no entry point", "define reward, potential, subgoals or q_prior on module level"
    ),
    "RS104": Code("an entry point is defined twice", "keep one of them"),
    "RS105": Code("an import that programs do not have", "import numpy and math only"),
    "RS106": Code(
        "an entry point is async or a generator", "write a plain def that returns arrays"
    ),
    "RS107": Code(
        "an entry point takes *args or **kwargs", "name each argument: the names say what is read"
    ),
    "RS108": Code("an argument that the task does not have", "use the names that the task lists"),
    "RS109": Code(
        "an argument that the task hides", "programs may not read how success is measured"
    ),
    "RS110": Code(
        "an argument that this entry point may not read", "a potential and a q_prior read the state"
    ),
    "RS111": Code(
        "a default that is not a constant", "write a number, or use a module-level constant"
    ),
    "RS112": Code("a method in place of a function", "write a module-level function"),
    "RS113": Code(
        "a statement that programs may not use", "see the message: each names what to write instead"
    ),
    "RS114": Code(
        "a name that is not defined", "define it, import it, or ask for it as an argument"
    ),
    "RS115": Code(
        "an attribute that programs may not use", "use numpy's functions on arrays and numbers"
    ),
    "RS116": Code("a private or dunder name", "use public names"),
    "RS117": Code(
        "a result that would differ from call to call", "no randomness, no uninitialised memory"
    ),
    "RS118": Code("an annotation that computes something", "name a type, or leave it out"),
    "RS119": Code(
        "characters that hide what runs", "plain letters in names, no invisible characters anywhere"
    ),
    "RS120": Code(
        "too much work or memory", "use array expressions in place of loops and large constants"
    ),
    "RS121": Code("an argument or attribute is changed", "work on a copy: arguments are read-only"),
    "RS122": Code("something is remembered between calls", "keep module-level values constant"),
    "RS123": Code(
        "an entry point returns nothing", "return a dict of terms, or an array of shape (n,)"
    ),
    "RS124": Code(
        "what an exported file would read otherwise", "leave it out, or choose another name"
    ),
    "RS201": Code("an exception on real transitions", "handle the values that the message shows"),
    "RS202": Code(
        "a return value outside the contract", "return arrays of shape (n,), the same terms always"
    ),
    "RS203": Code("values that are not finite", "guard divisions, logarithms and exponentials"),
    "RS204": Code(
        "the value of a transition depends on the others in the batch", "give reductions an axis"
    ),
    "RS205": Code("works only for one transition at a time, slow", "use np.where in place of if"),
    "RS206": Code(
        "batched and single results differ, run one at a time", "give reductions an axis"
    ),
    "RS207": Code("the same call gave different results", "keep no state, iterate over no set"),
    "RS208": Code(
        "the same value on every transition", "add a term that changes with what the agent does"
    ),
    "RS209": Code("reads nothing of the task", "ask for the fields that matter"),
    "RS210": Code("a subgoal that always holds", "a subgoal must be something still to be reached"),
    "RS211": Code("the total is not the sum of the terms", "return the terms alone"),
    "RS212": Code(
        "a q_prior of the wrong form for the actions", "one value per action, or take the action"
    ),
    "RS213": Code("an argument that makes no difference", "use it, or do not ask for it"),
    "RS214": Code(
        "a term that is always zero, a subgoal that never holds", "mend its condition, or remove it"
    ),
    "RS215": Code("a scale that learners cannot use", "multiply by the factor in the message"),
    "RS216": Code(
        "a few transitions with enormous values",
        "bound the term: np.clip, np.tanh, or a larger divisor",
    ),
    "RS217": Code("slow", "use array expressions in place of loops"),
    "RS218": Code(
        "a subgoal that random behaviour reaches all the time",
        "make it stricter: false alarms mislead",
    ),
    "RS219": Code(
        "a prior on Q beyond what returns can be", "values are in units of the task's own return"
    ),
    "RS301": Code("out of time", "remove loops, or make them shorter"),
    "RS302": Code("out of memory", "work on arrays of the size of the arguments"),
    "RS303": Code("the program host died", "a program only computes and returns"),
    "RS304": Code("memory grows from call to call", "keep nothing between calls"),
    "RS305": Code(
        "the program asked the system for something", "a program only computes and returns"
    ),
    "RS401": Code(
        "valid, but the task's learner has no use for it", "write a reward, or a potential"
    ),
    "RS402": Code(
        "a reward, where the task's own was to stay", "leave it out, or ask for it: --produce"
    ),
    "RS403": Code(
        "subgoals that can be worth more than a success", "pay less for each, or as a potential"
    ),
    "RS501": Code("bad behaviour is paid more than good", "turn the sign of what decides it"),
    "RS502": Code(
        "good and bad behaviour are hardly told apart", "pay for what only good episodes have"
    ),
    "RS503": Code("going on pays more than finishing", "pay change, or a larger bonus at the goal"),
    "RS504": Code("a term works against the goal", "turn its sign, or drop it"),
    "RS505": Code("one term drowns the others", "make it smaller, or the others larger"),
    "RS506": Code(
        "agents earn more, and the fitness does not rise", "close the way by which they earn it"
    ),
    "RS507": Code(
        "almost reaching the goal pays as much as reaching it",
        "a bonus that being near cannot make up",
    ),
    "RS508": Code(
        "failing soon pays more than going on well", "charge the failure that ends an episode"
    ),
    "RS509": Code(
        "a known exploit pays more than under the program before",
        "close the way by which it is paid",
    ),
    "RS510": Code("a prior on Q prefers what bad behaviour does", "turn the order of its actions"),
    "RS511": Code("a subgoal gives false alarms", "ask for all that must be true"),
    "RS512": Code("no success reached a subgoal", "ask for what every success passes"),
    "RS513": Code(
        "a subgoal is reached by chance, or from the beginning",
        "ask for the next step, or more strictly",
    ),
    "RS514": Code(
        "a subgoal comes true only with the success itself", "ask for what must come before"
    ),
    "RS515": Code(
        "a model that was shown the steps does not see a subgoal reached",
        "ask for what its name says",
    ),
}
_KINDS = {
    "0": ("About the reply", ""),
    "1": ("Found by reading", "Nothing was run. Each of these refuses the program."),
    "2": (
        "Found by running",
        "On real transitions of the task, in the sandbox. Some only warn; the finding says so.",
    ),
    "3": (
        "Limits of the sandbox",
        "The program ran into a limit and was ended. Each of these refuses the program.",
    ),
    "4": ("About training", ""),
    "5": (
        "What it pays besides the goal",
        "Found on episodes whose worth is known, before or after training, and told to the writer. Each only "
        "warns, but for some of subgoals (RS511 to RS515): a program whose subgoals are refused is not trained.",
    ),
}


def page() -> str:
    """The documentation page, Markdown."""
    lines = [
        "# Findings",
        "",
        "Every finding about a program has one of these codes, which never change their sense. A finding also names",
        "the line, what was found there, and what to write instead; it goes back to the model word for word.",
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
