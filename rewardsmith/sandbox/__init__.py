"""Where generated code is checked and run.

Read before anything runs:

    codes      every finding code: meaning and remedy
    allowed    names that programs may use, harmless on any object
    rules      statements, names, attributes: one visitor over the tree
    repeatable calls whose result would differ from call to call
    sizes      length, depth, loops, recursion, constants
    static     check_static: entry points and findings of a source

In the program host:

    facades    numpy, math and builtins as a program sees them
    namespace  imports become facades, annotations go
    frozen     what a module left behind becomes constant
    contract   what a program may return
    process    the program host process; the only file with ``exec``
    confine    takes rights from the process, layer by layer: landlock, limits, user, seccomp
    zygote     the process that forks program hosts

In the parent:

    launch     starts zygotes, and hosts from them
    wire       messages and shared memory, known to both sides
    replies    what a host answers, checked before use
    limits     how much time and memory a program has
    host       ProgramHost: applies a program to columns
    behaviour  check_on_transitions: runs a program on real transitions and checks it
    reading    what its source tells about its values: conditions, arguments that are not read
    pieces     small batches: does a value depend on the others in its batch?
    styles     batched or one transition at a time
    probes     changed copies of transitions: what moves a program
    signals    what its values tell: scale, spikes, speed, rates

About the machine:

    attacks    what a confined process tries on itself; the level follows
    report     what holds here, for runs, results and doctor
    folder     keeps trainers to their own folder

This file imports nothing, so that the process starts fast.
"""
