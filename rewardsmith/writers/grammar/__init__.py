"""A writer without a language model: programs composed from a small grammar over a task's fields.

    features   the numbers that programs can read: fields, their parts, distances between them
    terms      the grammar: kinds of terms as formulas with placeholders
    formulas   the value of a formula on recorded columns, without executing code
    moves      draw a program, mutate one, cross two
    drafts     score drafts by how well they order recorded episodes
    writer     the reply to a request: the best of several new drafts
    source     connects the writer to a run

A program is a tuple of terms. The reply holds this tuple as JSON and as Python code.
"""
