"""The writer that needs no model: programs composed from a small grammar over the task's fields.

    features   what can be read of a task: fields, their parts, gaps between them; what is known of
    their values
    terms      the grammar: kinds of terms as texts with places for features and numbers
    formulas   the value of such a text on recorded columns, without executing anything
    moves      draw a program, change one, cross two
    screening  which of several drafts orders recorded episodes as their fitness does
    writer     the search's answer to a request: a draft that was not written before, as a reply

A program is a tuple of terms; its text is made from it, and it is read back from the reply that it
was given in.
"""
