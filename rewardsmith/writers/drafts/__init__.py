"""Tasks drafted by a model: what it is asked, how its reply is read and checked against data.

reply      the form of a reply, a TOML document
evidence   what was seen of an environment, as the request shows it
score      a fitness that is written as an expression per step
claims     checks what a reply says against recorded steps
writing    the reply as a task
origins    where each part of it comes from
"""
