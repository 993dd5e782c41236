"""Where generated code is checked and run.

    codes      every finding code with its meaning
    rules      what source may not contain: tables and one visitor
    static     check_static: entry points and findings of a source, nothing is run
    wire       messages and shared memory, known to both sides
    namespace  what a program finds around it: builtins, imports, no annotations
    contract   what a program may return
    process    the program host process; the only file with ``exec``
    launch     starts and kills such a process
    limits     how much time and memory a program has
    replies    what the process answers, checked before use
    host       ProgramHost: applies a program to columns, in that process
    behaviour  check_program: runs a program on real transitions and judges it
    styles     batched or one transition at a time

This file imports nothing, so that the process starts fast.
"""
