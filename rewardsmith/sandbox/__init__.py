"""The sandbox: generated code is checked and run here.

    codes      the codes of findings: meaning and remedy
    allowed    names that programs may use; harmless on any object
    names      which names of terms are allowed
    dtypes     which dtypes arrays may have
    limits     limits of time and memory
    wire       the protocol between a client and its host process
    folder     limits trainers to their own folder
    report     the sandbox of this machine, for runs, results and doctor

    static/    reads the source: entry points, statements, names, sizes; runs nothing
    inside/    the confined process: facades of numpy, confinement, the only ``exec``, self test
    client/    starts, calls, waits for and stops the confined process
    behaviour/ runs a program on real transitions and checks its values

This file imports nothing, so that the confined process starts fast.
"""
